// SPDX-License-Identifier: Apache-2.0
import { derivedId, messageOf, StreamName } from '@plumbline/core';
import type { AppendRequest, EventLog } from '@plumbline/event-log';
import { type NewEvent, readStoredEvent, type ServiceName } from '@plumbline/events';
import type { QuarantinedStream } from './quarantine.js';
import type { ReactorLogger } from './reports.js';
import { Worklist } from './worklist.js';

/** The stream of the events about quarantined streams. */
export const QUARANTINE_STREAM = StreamName.parse('log-quarantine');

/** Stands for all streams; no stream has this name. */
const ALL = '*';

interface Announced {
  readonly position: number;
  readonly message: string;
  /** Of the announcement: tells apart those of several attempts. */
  readonly revision: number;
}

/** What {@link Announcements} works with. */
export interface AnnouncementsOptions {
  readonly consumer: string;
  readonly service: ServiceName;
  readonly log: Pick<EventLog, 'append' | 'readStreamBodies'>;
  readonly logger: ReactorLogger;
  readonly nowMs: () => number;
  /** What is quarantined now. */
  readonly quarantined: (stream: string) => QuarantinedStream | undefined;
}

/**
 * Keeps the log's record of what a consumer has quarantined equal to what it has: appends StreamQuarantined and
 * StreamRecovered until
 * they agree. Streams of the log itself (`log-…`) are left out, or an event about them could cause the next one.
 */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #work: Worklist<string>;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    this.#work = new Worklist({
      name: `${options.consumer}-quarantine`,
      concurrency: 1,
      backoff: { firstMs: 500, maxMs: 60_000 },
      work: async (stream) => (stream === ALL ? this.#compare() : this.#announce(stream)),
      onError: (stream, error, { retryMs }) =>
        options.logger.warn('the log did not record that a stream is quarantined or recovered; retrying', {
          consumer: options.consumer,
          stream,
          retryMs,
          message: messageOf(error),
        }),
    });
  }

  /** Begins: compares what is quarantined with what the log says, for all streams, and announces the differences. */
  start(): void {
    this.#work.add(ALL);
    this.#work.start();
  }

  /** Says that a stream was quarantined, tried again or recovered. */
  changed(stream: string): void {
    if (!stream.startsWith('log-')) this.#work.add(stream);
  }

  async stop(): Promise<void> {
    await this.#work.stop();
  }

  /** What the log says of this consumer. A retry request that covers a stream makes the next failure news again. */
  async #announced(): Promise<ReadonlyMap<string, Announced & { readonly retryRequested: boolean }>> {
    const announced = new Map<string, Announced & { readonly retryRequested: boolean }>();
    const bodies = await this.#options.log.readStreamBodies(QUARANTINE_STREAM);
    for (const body of bodies) {
      // The position does not matter here, and is in the text.
      const event = readStoredEvent((JSON.parse(body) as { position: number }).position, body);
      if (event.type === 'StreamRetryRequested') {
        const { consumer = this.#options.consumer, stream } = event.data;
        if (consumer !== this.#options.consumer) continue;
        for (const [name, entry] of announced)
          if (stream === undefined || stream === name) announced.set(name, { ...entry, retryRequested: true });
      } else if (event.type === 'StreamQuarantined' && event.data.consumer === this.#options.consumer) {
        const { stream, position, message } = event.data;
        announced.set(stream, { position, message, revision: event.revision, retryRequested: false });
      } else if (event.type === 'StreamRecovered' && event.data.consumer === this.#options.consumer) {
        announced.delete(event.data.stream);
      }
    }
    return announced;
  }

  async #compare(): Promise<void> {
    for (const stream of (await this.#announced()).keys()) this.changed(stream);
  }

  async #announce(stream: string): Promise<void> {
    const { consumer, quarantined } = this.#options;
    const announced = (await this.#announced()).get(stream);
    const entry = quarantined(stream);
    if (entry === undefined) {
      if (announced === undefined) return;
      await this.#append(
        { type: 'StreamRecovered', data: { consumer, stream, position: announced.position } },
        announced,
      );
      return;
    }
    const { position, revision, message } = entry;
    if (announced?.position === position && announced.message === message && !announced.retryRequested) return;
    await this.#append(
      {
        type: 'StreamQuarantined',
        data: { consumer, stream, position, message, ...(revision === undefined ? {} : { revision }) },
      },
      announced,
    );
  }

  async #append(event: NewEvent, announced: Announced | undefined): Promise<void> {
    const { consumer, service, log, nowMs } = this.#options;
    const request: AppendRequest = {
      // The day is part of the id and its time, so that processes that announce the same at once append it once.
      requestId: derivedId(
        dayOf(nowMs()),
        'quarantine',
        consumer,
        JSON.stringify(event),
        String(announced?.revision ?? -1),
      ),
      actor: { kind: 'service', id: service, name: service },
      service,
      items: [{ stream: QUARANTINE_STREAM, expected: { type: 'any' }, events: [event] }],
    };
    await log.append(request);
  }
}

const DAY_MS = 86_400_000;

function dayOf(timeMs: number): number {
  return timeMs - (timeMs % DAY_MS);
}
