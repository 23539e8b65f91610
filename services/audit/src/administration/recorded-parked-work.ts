// SPDX-License-Identifier: Apache-2.0
import { derivedId, StreamName, uuidTimeMs } from '@plumbline/core';
import type { AskedWork, EventLog, ParkedItem, ParkedWork, ReleaseReport } from '@plumbline/event-log';
import { LongWork } from './long-work.js';

/** Parked work whose releases are told in the log, by who asked for them. */
export class RecordedParkedWork implements ParkedWork {
  readonly #parts: { readonly log: Pick<EventLog, 'append'>; readonly projector: ParkedWork };

  readonly #work = new LongWork<ReleaseReport>();

  constructor(parts: { readonly log: Pick<EventLog, 'append'>; readonly projector: ParkedWork }) {
    this.#parts = parts;
  }

  list(): Promise<readonly ParkedItem[]> {
    return this.#parts.projector.list();
  }

  async release(key?: string, asked?: AskedWork): Promise<ReleaseReport> {
    const { projector } = this.#parts;
    if (asked === undefined) return projector.release(key);
    return (
      (await this.#work.outcome(asked, async () => this.#release(key, asked))) ?? {
        released: 0,
        stillParked: await this.list(),
        underWay: true,
      }
    );
  }

  /** Resolves when no release is under way. */
  async settled(): Promise<void> {
    await this.#work.settled();
  }

  async #release(key: string | undefined, { by, requestId }: AskedWork): Promise<ReleaseReport> {
    const before = await this.list();
    const report = await this.#parts.projector.release(key);
    const still = new Set(report.stillParked.map((item) => item.key));
    const released = before.filter((item) => report.released > 0 && !still.has(item.key));
    if (released.length === 0) return report;
    const { lastPosition } = await this.#parts.log.append({
      requestId: derivedId(uuidTimeMs(requestId), 'work-released', requestId),
      actor: by,
      service: 'audit',
      causationId: requestId,
      correlationId: requestId,
      items: [
        {
          stream: StreamName.parse('log-views'),
          expected: { type: 'any' },
          events: released.map(({ consumer, position, key: stream }) => ({
            type: 'WorkReleased' as const,
            data: { consumer, position, key: stream },
          })),
        },
      ],
    });
    return { ...report, position: lastPosition };
  }
}
