// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import { type Clock, InvariantError, messageOf, OverloadedError, uuidv7 } from '@plumbline/core';
import { type AppendItem, EVENT_LOG, type EventLog, Follower } from '@plumbline/event-log';
import type { Actor, RecordedEvent } from '@plumbline/events';
import { CLOCK, type Logger, LOGGER, type Readiness, READINESS } from '@plumbline/platform';
import { EventFeed } from './event-feed.js';
import { GatewayState } from './gateway-state.js';

const PAGE_SIZE = 1_000;
const RETRY_MS = 1_000;

/** Where a request stands in the log. */
export interface Accepted {
  readonly position: number;
  readonly eventId: string;
  readonly correlationId: string;
}

/** What to append. */
export interface Intent {
  readonly actor: Actor;
  readonly items: readonly AppendItem[];
  /** A fresh one when absent. */
  readonly requestId?: string;
  /** The event that led to this; the request itself when absent. */
  readonly cause?: { readonly eventId: string; readonly correlationId: string };
}

/** Injection token of the {@link LogAccess}. */
export const LOG_ACCESS = Symbol('LOG_ACCESS');

/** The gateway's hold on the log: its fold, the live feed, and appends that the fold has seen before they are acknowledged. */
@Injectable()
export class LogAccess implements BeforeApplicationShutdown {
  readonly #logger: Logger;
  readonly #readiness: Readiness;

  readonly feed: EventFeed;
  #state = new GatewayState();
  /** Next position of the fold. */
  #folded = 0;
  /** Who was erased before was never read. */
  #headAtStart = 0;
  #forgetting: Promise<void> = Promise.resolve();
  readonly #follower: Follower;
  readonly #closing = new AbortController();
  #lastAppended = -1;
  #ready = false;

  constructor(
    @Inject(EVENT_LOG) readonly log: EventLog,
    @Inject(CLOCK) readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
    @Inject(READINESS) readiness: Readiness,
  ) {
    this.#logger = logger;
    this.#readiness = readiness;

    this.feed = new EventFeed(log);
    this.#readiness.report('gateway', false, 'catching up with the log');
    this.#follower = new Follower({
      log,
      from: 0,
      onEvents: (events) => {
        for (const event of events) this.#state.apply(event);
        this.#folded = (events.at(-1)?.position ?? -1) + 1;
        this.feed.push(events);
        if (events.some(({ type, position }) => type === 'PersonErased' && position >= this.#headAtStart))
          this.#forgetting = this.#forgetting.then(async () => this.#forget());
      },
      onError: (message) => this.#logger.warn('the gateway cannot follow the log and tries again', { error: message }),
    });
  }

  /** The fold of the log. */
  get state(): GatewayState {
    return this.#state;
  }

  /** Folds the log up to its head. Until then every request is answered with 503. */
  async start(): Promise<void> {
    // Without an answer nothing is lost: then more is folded anew than need be.
    this.#headAtStart = await this.log.head().catch(() => 0);
    await this.#follower.start();
    this.#ready = true;
    this.#readiness.report('gateway', true);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.close();
    await this.#follower.stop();
    await this.#forgetting;
  }

  /** Ends streams and waits; requests are answered as long as they come. */
  close(): void {
    this.#readiness.report('gateway', false, 'stopping');
    this.#closing.abort();
  }

  /** Takes a batch from the bus. */
  offer(batch: EventEnvelopeBatch): void {
    this.#follower.offer(batch);
  }

  /** Aborts when the process stops: streams and waits end then. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Position of the last event that this process appended; -1 for none. Answers show at least that much. */
  get lastAppended(): number {
    return this.#lastAppended;
  }

  /** @throws OverloadedError PLB-5703 until the gateway has caught up with the log. */
  assertReady(): void {
    if (!this.#ready)
      throw new OverloadedError(
        'PLB-5703',
        'the gateway is starting and still reads the log: try again in a moment',
        1_000,
      );
  }

  /** Brings the fold up to the head of the log as it is now. */
  async refresh(): Promise<void> {
    const head = await this.log.head();
    if (head > 0) await this.folded(head - 1);
  }

  /**
   * Resolves when the fold has the event at a position, which must be in the log.
   * @throws OverloadedError PLB-5703 when the process stops before.
   */
  async folded(position: number): Promise<void> {
    const stopped = Promise.withResolvers<never>();
    const stop = (): void =>
      stopped.reject(
        new OverloadedError('PLB-5703', 'the gateway is stopping: ask another one, or again in a moment', 1_000),
      );
    this.closing.addEventListener('abort', stop, { once: true });
    try {
      if (this.closing.aborted) stop();
      await Promise.race([this.#follower.whenProcessed(position), stopped.promise]);
    } finally {
      this.closing.removeEventListener('abort', stop);
    }
  }

  /** As {@link folded}, and when this process holds nothing any more of who was erased up to there. */
  async forgotten(position: number): Promise<void> {
    await this.folded(position);
    await this.#forgetting;
  }

  /** Position of the last event in the fold; -1 for none. */
  get position(): number {
    return this.#follower.nextPosition - 1;
  }

  /** Appends, and returns when the own fold has it: whoever asks next sees it. */
  async append(intent: Intent): Promise<Accepted> {
    const requestId = intent.requestId ?? uuidv7(this.clock.nowMs());
    const cause =
      intent.cause === undefined
        ? {}
        : { causationId: intent.cause.eventId, correlationId: intent.cause.correlationId };
    const result = await this.log.append({
      requestId,
      actor: intent.actor,
      service: 'gateway',
      items: intent.items,
      ...cause,
    });
    this.#lastAppended = Math.max(this.#lastAppended, result.lastPosition);
    await this.folded(result.lastPosition);
    const event = await this.#eventAt(result.firstPosition);
    return { position: result.lastPosition, eventId: event.id, correlationId: event.correlationId };
  }

  /** Folds everything anew beside the fold in use, which may still know a person that was erased, and takes the new one then. Never rejects. */
  async #forget(): Promise<void> {
    const state = new GatewayState();
    for (let next = 0; !this.closing.aborted;) {
      // Nothing is awaited between this look and the exchange, so no event is missed or folded twice.
      if (next >= this.#folded) {
        this.#state = state;
        return;
      }
      try {
        const { events, nextPosition } = await this.log.read({
          from: next,
          limit: Math.min(PAGE_SIZE, this.#folded - next),
        });
        for (const event of events) state.apply(event);
        next = nextPosition;
      } catch (error) {
        this.#logger.warn(
          'a person was erased, and the gateway cannot read the log to forget the person; it tries again',
          { error: messageOf(error) },
        );
        await delay(RETRY_MS, undefined, { signal: this.closing }).catch(() => undefined);
      }
    }
  }

  async #eventAt(position: number): Promise<RecordedEvent> {
    const event = this.feed.at(position) ?? (await this.log.read({ from: position, limit: 1 })).events[0];
    if (event === undefined)
      throw new InvariantError('PLB-9701', `the event at position ${position} was acknowledged and cannot be read`);
    return event;
  }
}
