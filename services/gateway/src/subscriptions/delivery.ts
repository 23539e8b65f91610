// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { derivedId, requestTimeMs, StreamName, uuidTimeMs } from '@plumbline/core';
import { type Actor, type NewEvent, type RecordedEvent, wanted } from '@plumbline/events';
import type { DeliveryProgress } from '@plumbline/event-log';
import type { SubscriptionView } from '@plumbline/read-models';
import type { LogAccess } from '../state/log-access.js';
import { attempt } from '../resources/endpoint.js';
import type { DeliveryResult } from './delivery-metrics.js';

/** The actor of the events of deliveries. */
export const ACTOR: Actor = { kind: 'system', id: 'gateway', name: 'deliveries' };
/** Deliveries after which the cursor is written, however little time has passed. */
const NOTE_AFTER = 200;
const LONGEST_PAUSE_FACTOR = 300;
const NOTES: ReadonlySet<string> = new Set([
  'DeliveryProgressed',
  'DeliveryParked',
  'DeliveriesClaimed',
  'DeliveriesReleased',
]);

/** What a delivery needs. */
export interface DeliveryParts {
  readonly access: LogAccess;
  readonly allowed: readonly string[];
  /** Where secrets may be that a subscription names by `secretEnv`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Pause after the first failure; doubles up to 300 times as much. */
  readonly retryMs: number;
  /** How often the cursor is written at most, while there is progress. */
  readonly noteMs: number;
  /** Writes the cursor; false when another gateway delivers. */
  readonly advance: (progress: DeliveryProgress) => Promise<boolean>;
  /** Counts an attempt. */
  readonly count: (result: DeliveryResult) => void;
}

/** How a delivery ended: by its signal, or since another gateway delivers. */
export type DeliveryEnd = 'stopped' | 'fenced';

/** Position of the declaration or replay that is in force. */
export function begunBy({ declared, replayed }: SubscriptionView): number {
  return Math.max(declared.position, replayed?.position ?? -1);
}

/** What an event belongs to: things of one key are delivered in order, and parked together. */
export function keyOf(event: RecordedEvent): string {
  const data: unknown = event.type === 'Unknown' ? event.data.raw : event.data;
  const application: unknown =
    typeof data === 'object' && data !== null && 'application' in data ? data.application : undefined;
  return typeof application === 'string' ? application : event.stream;
}

/**
 * Delivers to one endpoint, one event at a time in the order of the log, until the signal aborts. It holds one page
 * of events: while the
 * endpoint is slow or unavailable, the rest waits in the log. The cursor is written every few seconds, so that the
 * next gateway continues
 * from there; events that were delivered since the last write are delivered again, with the same id.
 */
export class Delivery {
  readonly #subscription: SubscriptionView;
  readonly #parts: DeliveryParts;

  readonly #name: string;
  readonly #parked: Set<string>;
  #position: number;
  #delivered = 0;
  #notedAtMs: number;
  /** Position of the event that this delivery was begun for. */
  readonly #begunBy: number;

  constructor(subscription: SubscriptionView, parts: DeliveryParts) {
    this.#subscription = subscription;
    this.#parts = parts;

    this.#name = subscription.name;
    this.#parked = new Set(subscription.parked.map(({ key }) => key));
    this.#position = subscription.position;
    this.#begunBy = begunBy(subscription);
    this.#notedAtMs = parts.access.clock.nowMs();
  }

  /** Delivers until the signal aborts or the lease is lost. */
  async run(signal: AbortSignal): Promise<DeliveryEnd> {
    const { access, noteMs } = this.#parts;
    for await (const events of access.feed.batches({ after: this.#position, signal, idleMs: noteMs })) {
      for (const event of events) {
        if (this.#concerns(event) && !(await this.#deliver(event, signal))) return 'stopped';
        this.#position = event.position;
        if (!(await this.#note(this.#delivered >= NOTE_AFTER))) return 'fenced';
      }
      if (!(await this.#note(events.length === 0))) return 'fenced';
    }
    return 'stopped';
  }

  /** Writes the cursor if there is progress; for the end. Returns false when another gateway delivers. */
  async finish(): Promise<boolean> {
    return this.#note(true);
  }

  #concerns(event: RecordedEvent): boolean {
    // Notes of deliveries would lead to deliveries of notes.
    if (NOTES.has(event.type)) return false;
    return wanted(event, this.#subscription.spec.filter) && !this.#parked.has(keyOf(event));
  }

  /** True when the event was taken or parked, false when the signal came first. */
  async #deliver(event: RecordedEvent, signal: AbortSignal): Promise<boolean> {
    const { spec } = this.#subscription;
    const { access, allowed, variables, retryMs, count } = this.#parts;
    for (let attempts = 1; ; attempts += 1) {
      const outcome = await attempt(spec, event, { nowMs: access.clock.nowMs(), allowed, variables, signal });
      if (outcome.type === 'taken') {
        this.#delivered += 1;
        count('delivered');
        return true;
      }
      if (signal.aborted) return false;
      if (attempts >= spec.maxAttempts) {
        await this.#park(event, attempts, outcome.message);
        count('quarantined');
        return true;
      }
      count('failed');
      const pauseMs = Math.min(retryMs * 2 ** (attempts - 1), retryMs * LONGEST_PAUSE_FACTOR);
      const askedMs = Math.min(outcome.retryAfterMs ?? 0, retryMs * LONGEST_PAUSE_FACTOR);
      // Many endpoints behind one door come back at different moments.
      await delay(Math.max(pauseMs * (0.75 + Math.random() / 2), askedMs), undefined, { signal }).catch(
        () => undefined,
      );
      if (signal.aborted) return false;
    }
  }

  async #park(event: RecordedEvent, attempts: number, message: string): Promise<void> {
    const key = keyOf(event);
    this.#parked.add(key);
    const nowMs = this.#parts.access.clock.nowMs();
    // Who parks it again after a crash says it once.
    const requestId = derivedId(
      requestTimeMs(uuidTimeMs(event.id), nowMs),
      'delivery-parked',
      this.#name,
      event.id,
      String(this.#begunBy),
    );
    await this.#append(
      {
        type: 'DeliveryParked',
        data: {
          subscription: this.#name,
          begunBy: this.#begunBy,
          position: event.position,
          key,
          attempts,
          message: message.slice(0, 2_000),
        },
      },
      requestId,
    );
  }

  async #note(now: boolean): Promise<boolean> {
    const { access, noteMs, advance } = this.#parts;
    const nowMs = access.clock.nowMs();
    if (this.#delivered === 0 || (!now && nowMs - this.#notedAtMs < noteMs)) return true;
    const delivered = this.#delivered;
    if (!(await advance({ subscription: this.#name, begunBy: this.#begunBy, position: this.#position, delivered })))
      return false;
    this.#delivered -= delivered;
    this.#notedAtMs = nowMs;
    return true;
  }

  async #append(event: NewEvent, requestId?: string): Promise<void> {
    await this.#parts.access.append({
      actor: ACTOR,
      items: [{ stream: StreamName.subscription(this.#name), expected: { type: 'exists' }, events: [event] }],
      ...(requestId === undefined ? {} : { requestId }),
    });
  }
}
