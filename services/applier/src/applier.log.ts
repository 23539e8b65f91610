// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, messageOf, PlumblineError, StreamName, uuidv7 } from '@plumbline/core';
import type { AppendRequest, ExpectedRevision } from '@plumbline/event-log';
import type { Actor, NewEvent } from '@plumbline/events';
import type { Logger } from '@plumbline/platform';
import { backoff, type EventReactor } from '@plumbline/reactor';
import type { Cause } from './domain/cause.js';
import type { TargetState } from './domain/target-state.js';

const ACTOR: Actor = { kind: 'service', id: 'applier', name: 'applier' };
const RETRY = { firstMs: 100, maxMs: 5_000 };
/** A stream of the request is quarantined: a retry succeeds only after a fix. */
const QUARANTINED = 'PLB-5111';

/** Origin of an append. */
export interface AppendContext {
  readonly cause?: Pick<Cause, 'eventId' | 'correlationId'>;
  /** Makes the append idempotent. Not needed where the expected revision already prevents a second append. */
  readonly requestId?: string;
}

/**
 * Appends events of the applier. Resolves when the events are durable and folded, so that the next decision is based
 * on them.
 */
export class ApplierLog {
  readonly #reactor: EventReactor;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();

  constructor(reactor: EventReactor, clock: Clock, logger: Logger) {
    this.#reactor = reactor;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Ends retries of appends that the log does not accept. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Folds every event that the log has. */
  async catchUp(): Promise<void> {
    await this.#reactor.catchUp();
  }

  /**
   * Returns true if an event of one of the streams could not be folded, so that decisions would be based on an
   * incomplete state.
   */
  hasQuarantined(streams: readonly string[]): boolean {
    return this.#reactor.quarantined.some(({ stream }) => streams.includes(stream));
  }

  /**
   * Appends to the stream of a target, at the revision that the fold has. @throws ConflictError if the stream is at
   * another revision
   */
  async target(
    target: TargetState,
    entries: NewEvent | readonly NewEvent[],
    context: AppendContext = {},
  ): Promise<void> {
    const expected: ExpectedRevision =
      target.revision < 0 ? { type: 'noStream' } : { type: 'exact', revision: target.revision };
    await this.#append(StreamName.target(target.id), [entries].flat(), { ...context, expected });
  }

  /** Appends to the stream of a cluster. */
  async cluster(cluster: string, entry: NewEvent): Promise<void> {
    await this.#append(StreamName.cluster(cluster), [entry], { expected: { type: 'any' } });
  }

  async #append(
    stream: string,
    entries: readonly NewEvent[],
    context: AppendContext & { readonly expected: ExpectedRevision },
  ): Promise<void> {
    const { cause, expected, requestId = uuidv7(this.#clock.nowMs()) } = context;
    const occurredAt = new Date(this.#clock.nowMs()).toISOString();
    await this.#durably({
      requestId,
      actor: ACTOR,
      service: 'applier',
      ...(cause === undefined ? {} : { causationId: cause.eventId, correlationId: cause.correlationId }),
      items: [{ stream, expected, events: entries.map((entry) => ({ ...entry, occurredAt })) }],
    });
  }

  /** Repeats an append with the same request id until the log has recorded it and its events are folded. */
  async #durably(request: AppendRequest): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#reactor.append(request);
        return;
      } catch (error) {
        const retry = error instanceof PlumblineError && error.retry === 'after-delay' && error.code !== QUARANTINED;
        if (!retry || this.#stopping.signal.aborted) throw error;
        const stream = request.items[0]?.stream;
        if (attempt === 1)
          this.#logger.warn('the log does not accept an append; retrying', { message: messageOf(error), stream });
        const { signal } = this.#stopping;
        await delay(backoff(RETRY, attempt, Math.random()), undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
