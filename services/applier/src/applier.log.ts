// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, messageOf, PlumblineError, StreamName, uuidv7 } from '@plumbline/core';
import type { AppendRequest, AppendResult, EventLog, ExpectedRevision } from '@plumbline/event-log';
import type { Actor, NewEvent } from '@plumbline/events';
import type { Logger } from '@plumbline/platform';
import type { Cause } from './domain/cause.js';
import type { Fleet } from './domain/fleet.js';
import type { TargetState } from './domain/target-state.js';

const ACTOR: Actor = { kind: 'service', id: 'applier', name: 'applier' };

/** Origin of an append. */
export interface AppendContext {
  readonly cause?: Pick<Cause, 'eventId' | 'correlationId'>;
  /** Makes the append idempotent. Not needed where the expected revision already prevents a second append. */
  readonly requestId?: string;
}

/** Appends events of the applier. Resolves when the events are durable and folded, so that the next decision is based on them. */
export class ApplierLog {
  readonly #log: EventLog;
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #logger: Logger;

  #stopped = false;

  constructor(log: EventLog, fleet: Fleet, clock: Clock, logger: Logger) {
    this.#log = log;
    this.#fleet = fleet;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Ends retries of appends that the log does not accept. */
  stop(): void {
    this.#stopped = true;
  }

  /** Appends to the stream of a target, at the revision that the fold has. @throws ConflictError if the stream is at another revision */
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
    const requestId = context.requestId ?? uuidv7(this.#clock.nowMs());
    const occurredAt = new Date(this.#clock.nowMs()).toISOString();
    const request: AppendRequest = {
      requestId,
      actor: ACTOR,
      service: 'applier',
      ...(context.cause === undefined
        ? {}
        : { causationId: context.cause.eventId, correlationId: context.cause.correlationId }),
      items: [{ stream, expected: context.expected, events: entries.map((entry) => ({ ...entry, occurredAt })) }],
    };
    const { events } = await this.#durably(request);
    for (const event of events) this.#fleet.apply(event);
  }

  async #durably(request: AppendRequest): Promise<AppendResult> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#log.append(request);
      } catch (error) {
        const wait = error instanceof PlumblineError && error.retry === 'after-delay' && !this.#stopped;
        if (!wait) throw error;
        if (attempt === 0)
          this.#logger.warn('the log does not accept an append; retrying', {
            message: messageOf(error),
            stream: request.items[0]?.stream,
          });
        await delay(Math.min(5_000, 100 * 2 ** Math.min(attempt, 10)));
      }
    }
  }
}
