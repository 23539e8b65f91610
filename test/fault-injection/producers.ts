// SPDX-License-Identifier: Apache-2.0
import { uuidv7 } from '@plumbline/core';
import { projectSpec } from '@plumbline/events';
import type { AppendRequest, ExpectedRevision } from '@plumbline/event-log';
import { GrpcEventLog, type LogChannel } from '@plumbline/event-log/client';

/** An append that the log acknowledged. */
export interface Acknowledged {
  readonly requestId: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
}

/** Clients that append events sequentially, each to its own stream, and retry every append until it succeeds. */
export class Producers {
  readonly acknowledged: Acknowledged[] = [];
  /** Rejections that only a lost or duplicated event explains. */
  readonly surprises: string[] = [];
  /** Attempts that failed with a retryable error. */
  failures = 0;
  #stopped = false;
  readonly #work: readonly Promise<void>[];

  constructor(channels: readonly LogChannel[]) {
    this.#work = channels.map(async (channel, index) =>
      this.#produce(new GrpcEventLog(channel), `project-fault-injection-${index}`),
    );
  }

  /** Stops after the append that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#work);
  }

  async #produce(log: GrpcEventLog, stream: string): Promise<void> {
    const name = stream.slice('project-'.length);
    for (let revision = 0; !this.#stopped; revision += 1) {
      const requestId = uuidv7(Date.now());
      // The previous revision was acknowledged: only a lost event can cause a rejection.
      const expected: ExpectedRevision =
        revision === 0 ? { type: 'noStream' } : { type: 'exact', revision: revision - 1 };
      const request: AppendRequest = {
        requestId,
        actor: { kind: 'system', id: 'fault-injection', name: 'fault-injection' },
        service: 'gateway',
        items: [
          {
            stream,
            expected,
            events: [
              {
                type: 'ProjectDeclared',
                data: { name, labels: { revision: String(revision) }, spec: projectSpec.parse({}) },
              },
            ],
          },
        ],
      };
      for (;;) {
        try {
          const result = await log.append(request);
          this.acknowledged.push({
            requestId,
            stream,
            revision: result.revisions[stream] ?? -1,
            position: result.firstPosition,
          });
          if (result.revisions[stream] !== revision)
            this.surprises.push(`${stream}: revision ${result.revisions[stream]} instead of ${revision}`);
          break;
        } catch (error) {
          const retry = error instanceof Error && 'retry' in error ? error.retry : 'never';
          if (retry !== 'after-delay') {
            this.surprises.push(`${stream} at revision ${revision}: ${String(error)}`);
            return;
          }
          this.failures += 1;
        }
      }
    }
  }
}
