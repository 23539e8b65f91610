// SPDX-License-Identifier: Apache-2.0
import { messageOf, PlumblineError } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import { type EventType, readStoredEvent, type RecordedEvent, type StoredEvent } from '@plumbline/events';
import { type EventHandlers, isHandled } from './handlers.js';
import { Quarantine, type QuarantinedStream, unknownStream } from './quarantine.js';
import type { ReactorLogger } from './reports.js';

/** What became of an event. `ignored`: the consumer has no handler for its type. */
export type EventOutcome = 'processed' | 'ignored' | 'waiting' | 'quarantined';

/** What an {@link EventProcessor} works with. */
export interface EventProcessorOptions {
  readonly consumer: string;
  readonly handlers: () => EventHandlers;
  readonly log: Pick<EventLog, 'readBodies' | 'readStreamBodies'>;
  readonly logger: ReactorLogger;
  /** Called when a stream was quarantined, tried again without success, or recovered. */
  readonly onQuarantine: (stream: string) => void;
}

/** Events that the consumer would lose if they were skipped: of another schema, or not decodable. */
interface Unreadable {
  readonly position: number;
  readonly type: string | undefined;
  readonly stream: string | undefined;
  readonly revision: number | undefined;
  readonly message: string;
}

/**
 * True for a failure of something else, such as a database, that may go away: the event is tried again, and nothing
 * is quarantined.
 */
function isTransient(error: unknown): boolean {
  return error instanceof PlumblineError && error.retry === 'after-delay';
}

/** Hands one event after the other to its handler, and quarantines the stream of an event that fails. */
export class EventProcessor {
  readonly #options: EventProcessorOptions;
  readonly quarantine = new Quarantine();

  constructor(options: EventProcessorOptions) {
    this.#options = options;
  }

  /** Processes one event. @throws what a handler threw that says that trying again may help */
  process(event: StoredEvent): EventOutcome | Promise<EventOutcome> {
    const unreadable = unreadableOf(event);
    if (unreadable !== undefined) return this.#unreadable(unreadable);
    const recorded = event as RecordedEvent;
    const handler = this.#options.handlers().get(recorded.type as EventType);
    if (handler === undefined) return 'ignored';
    if (this.quarantine.get(recorded.stream) !== undefined) {
      this.quarantine.wait(recorded.stream);
      return 'waiting';
    }
    try {
      const running = handler(recorded);
      if (!(running instanceof Promise)) return 'processed';
      return running.then(
        () => 'processed' as const,
        (error: unknown) => this.#failed(recorded, error),
      );
    } catch (error) {
      return this.#failed(recorded, error);
    }
  }

  /**
   * Processes quarantined streams again, from the event that failed up to the last one below `next`.
   * @throws when the log cannot be read; the streams stay as they were
   */
  async retry(stream: string | undefined, next: number): Promise<void> {
    for (const entry of this.quarantine.all) {
      if (stream !== undefined && stream !== entry.stream) continue;
      const events = await this.#eventsFrom(entry, next);
      this.quarantine.delete(entry.stream);
      for (const event of events) await this.#retryOne(event, entry);
      this.#options.onQuarantine(entry.stream);
      if (this.quarantine.get(entry.stream) !== undefined) continue;
      const { consumer, logger } = this.#options;
      logger.info('a quarantined stream recovered', { consumer, stream: entry.stream, position: entry.position });
    }
  }

  async #retryOne(event: StoredEvent, before: QuarantinedStream): Promise<void> {
    try {
      if ((await this.process(event)) === 'quarantined') this.#keepAttempts(before);
    } catch (error) {
      // Tried again as a whole: what is processed is not processed again.
      this.quarantine.put({ ...before, position: event.position, revision: event.revision });
      throw error;
    }
  }

  #keepAttempts(before: QuarantinedStream): void {
    const entry = this.quarantine.get(before.stream);
    if (entry?.position === before.position) this.quarantine.put({ ...entry, attempts: before.attempts + 1 });
  }

  async #eventsFrom(entry: QuarantinedStream, next: number): Promise<readonly StoredEvent[]> {
    const { log } = this.#options;
    if (entry.stream === unknownStream(entry.position)) {
      const { bodies } = await log.readBodies({ from: entry.position, limit: 1 });
      return bodies.map(({ position, body }) => readStoredEvent(position, body));
    }
    const bodies = await log.readStreamBodies(entry.stream, entry.revision ?? 0);
    const events: StoredEvent[] = [];
    for (const body of bodies) {
      const position = positionOf(body);
      // Without a position it is the event that failed: those behind it were not processed either way.
      const event = readStoredEvent(position ?? entry.position, body);
      if (event.position >= entry.position && event.position < next) events.push(event);
    }
    return events;
  }

  #unreadable({ position, type, stream = unknownStream(position), revision, message }: Unreadable): EventOutcome {
    if (type !== undefined && !isHandled(this.#options.handlers(), type)) return 'ignored';
    if (this.quarantine.get(stream) !== undefined) {
      this.quarantine.wait(stream);
      return 'waiting';
    }
    return this.#quarantine({ position, stream, revision, message }, type);
  }

  #failed(event: RecordedEvent, error: unknown): EventOutcome {
    if (isTransient(error)) throw error;
    const { position, stream, revision, type } = event;
    return this.#quarantine({ position, stream, revision, message: messageOf(error).slice(0, 1_000) }, type);
  }

  #quarantine(
    failed: {
      readonly position: number;
      readonly stream: string;
      readonly revision: number | undefined;
      readonly message: string;
    },
    type: string | undefined,
  ): EventOutcome {
    this.quarantine.put(failed);
    this.#options.logger.error(
      'an event could not be processed; its stream is quarantined for this consumer, all others go on',
      { consumer: this.#options.consumer, type, ...failed },
    );
    this.#options.onQuarantine(failed.stream);
    return 'quarantined';
  }
}

function positionOf(body: string): number | undefined {
  try {
    const { position } = JSON.parse(body) as { readonly position?: unknown };
    return typeof position === 'number' ? position : undefined;
  } catch {
    // Not JSON: the caller knows which one it is.
    return undefined;
  }
}

function unreadableOf(event: StoredEvent): Unreadable | undefined {
  const { position, stream, revision } = event;
  if (event.type === 'Undecodable')
    return { position, type: event.originalType, stream, revision, message: event.message };
  if (event.type !== 'Unknown') return undefined;
  const type = event.data.originalType;
  return {
    position,
    type,
    stream,
    revision,
    message: `schema version ${event.schemaVersion} of ${type} is newer than this build`,
  };
}
