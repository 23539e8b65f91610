// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, derivedId, messageOf, PlumblineError, StreamName, uuidTimeMs, uuidv7 } from '@plumbline/core';
import type { AppendRequest, AppendResult, EventLog, ExpectedRevision } from '@plumbline/event-log';
import type { Actor, NewEvent } from '@plumbline/events';
import type { Logger } from '@plumbline/platform';
import type { FleetState } from '../domain/fleet-state.js';
import type { Cause, TargetState } from '../domain/target-state.js';

/** Who the applier is in the log. */
export const APPLIER: Actor = { kind: 'service', id: 'applier', name: 'applier' };

/** Where an append comes from. */
export interface AppendContext {
  readonly cause?: Pick<Cause, 'eventId' | 'correlationId'>;
  /** Fresh when absent: for what cannot be appended twice because of the expected revision. */
  readonly requestId?: string;
}

/**
 * Appends to the log until it is durable, and folds what was appended at once: the next decision sees it without waiting for the log to come round.
 * A conflict means that somebody else has moved first; it reaches the caller.
 */
export class FleetLog {
  readonly #log: EventLog;
  readonly #fleet: FleetState;
  readonly #clock: Clock;
  readonly #logger: Logger;

  #stopped = false;

  constructor(log: EventLog, fleet: FleetState, clock: Clock, logger: Logger) {
    this.#log = log;
    this.#fleet = fleet;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Ends the waiting for a log that does not answer. */
  stop(): void {
    this.#stopped = true;
  }

  /** Appends to the stream of a target, which must be where we last saw it. @throws ConflictError when it is not. */
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
      actor: APPLIER,
      service: 'applier',
      ...(context.cause === undefined
        ? {}
        : { causationId: context.cause.eventId, correlationId: context.cause.correlationId }),
      items: [{ stream, expected: context.expected, events: entries.map((entry) => ({ ...entry, occurredAt })) }],
    };
    const result = await this.#durably(request);
    const last = result.revisions[stream] ?? 0;
    for (const [index, entry] of entries.entries()) {
      this.#fleet.apply({
        ...entry,
        id: derivedId(uuidTimeMs(requestId), requestId, String(index)),
        schemaVersion: 1,
        stream,
        revision: last - (entries.length - 1 - index),
        position: result.firstPosition + index,
        occurredAt,
        recordedAt: result.recordedAt,
        actor: APPLIER,
        causationId: request.causationId ?? requestId,
        correlationId: request.correlationId ?? request.causationId ?? requestId,
      });
    }
  }

  async #durably(request: AppendRequest): Promise<AppendResult> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#log.append(request);
      } catch (error) {
        const wait = error instanceof PlumblineError && error.retry === 'after-delay' && !this.#stopped;
        if (!wait) throw error;
        if (attempt === 0)
          this.#logger.warn('the log does not take an append; trying again', {
            message: messageOf(error),
            stream: request.items[0]?.stream,
          });
        await delay(Math.min(5_000, 100 * 2 ** Math.min(attempt, 10)));
      }
    }
  }
}
