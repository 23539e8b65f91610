// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { type Clock, InvariantError, OverloadedError, uuidv7 } from '@plumbline/core';
import { type AppendItem, EVENT_LOG, type EventLog } from '@plumbline/event-log';
import { type Actor, readStoredEvent, type RecordedEvent, type StoredEvent } from '@plumbline/events';
import { CLOCK, EVENT_REACTOR, type Logger, LOGGER, type Readiness, READINESS } from '@plumbline/platform';
import type { EventReactor } from '@plumbline/reactor';
import { EventFeed } from './event-feed.js';
import { GatewayFold } from './gateway-fold.js';
import type { GatewayState } from './gateway-state.js';
import { HANDLERS_FOR, type HandlersFor, StateRebuild } from './state-rebuild.js';

/** How long a request waits until the gateway has processed a position. */
const PROCESS_TIMEOUT_MS = 30_000;
/** Events that are handed to the feed at once. */
const FEED_BATCH = 500;
/** What the reactor says when it is behind, or stops. */
const BEHIND: ReadonlySet<string> = new Set(['PLB-5103', 'PLB-5110']);

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

/** The state of the gateway, the live feed, and appends that the state reflects before they are acknowledged. */
@Injectable()
export class LogAccess implements BeforeApplicationShutdown {
  readonly #reactor: EventReactor;
  readonly #fold: GatewayFold;
  readonly #readiness: Readiness;
  readonly #rebuild: StateRebuild;

  readonly feed: EventFeed;
  /** Processed events that the feed does not have yet: readers get the events of one append together. */
  #unfed: StoredEvent[] = [];
  /** Persons that were erased before are in nothing that this process has read. */
  #headAtStart = 0;
  #forgetting: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  #lastAppended = -1;

  constructor(
    @Inject(EVENT_LOG) readonly log: EventLog,
    @Inject(CLOCK) readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
    @Inject(READINESS) readiness: Readiness,
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(GatewayFold) fold: GatewayFold,
    @Inject(HANDLERS_FOR) handlersFor: HandlersFor,
  ) {
    this.#reactor = reactor;
    this.#fold = fold;
    this.#readiness = readiness;
    this.#rebuild = new StateRebuild({ log, logger, reactor, handlersFor, signal: this.#closing.signal });
    this.feed = new EventFeed({ read: async (options) => readable(log, options) });
    readiness.report('gateway', false, 'processing the log');
    reactor.onEvent((event) => this.#processed(event));
    reactor.onProcessed(() => this.#feed());
  }

  /** What the reactor of this gateway has processed the log into. */
  get state(): GatewayState {
    return this.#fold.state;
  }

  /** Processes the log up to its head. Until then every request is answered with 503. */
  async start(): Promise<void> {
    // Without an answer nothing is lost: then the state is built again more often than necessary.
    this.#headAtStart = await this.log.head().catch(() => 0);
    await this.#reactor.start();
    this.feed.startAt(this.#reactor.nextPosition);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.close();
    await this.#reactor.stop();
    await this.#forgetting;
  }

  /** Ends streams and waits; requests are answered as long as they come. */
  close(): void {
    this.#readiness.report('gateway', false, 'stopping');
    this.#closing.abort();
  }

  /** Aborts when the process stops: streams and waits end then. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Position of the last event that this process appended; -1 for none. Answers show at least that much. */
  get lastAppended(): number {
    return this.#lastAppended;
  }

  /** @throws OverloadedError PLB-5703 until the gateway has processed the log. */
  assertReady(): void {
    if (!this.#reactor.isCaughtUp)
      throw new OverloadedError(
        'PLB-5703',
        `the gateway is starting and has processed the log up to position ${this.position}; try again later`,
        1_000,
        { details: { position: this.position } },
      );
  }

  /** Processes the log up to its head as it is now. @throws as {@link folded} */
  async refresh(): Promise<void> {
    const head = await this.log.head();
    if (head > 0) await this.folded(head - 1);
  }

  /**
   * Resolves when the state reflects the event at a position, which must be in the log.
   * @throws OverloadedError PLB-5703 after `timeoutMs` (30 s when absent), with what the gateway is behind with, and
   * when the process stops.
   */
  async folded(
    position: number,
    { timeoutMs = PROCESS_TIMEOUT_MS }: { readonly timeoutMs?: number } = {},
  ): Promise<void> {
    const stopped = Promise.withResolvers<never>();
    const stop = (): void =>
      stopped.reject(
        new OverloadedError('PLB-5703', 'the gateway is stopping: ask another one, or try again later', 1_000),
      );
    this.closing.addEventListener('abort', stop, { once: true });
    try {
      if (this.closing.aborted) stop();
      await Promise.race([this.#reactor.whenProcessed(position, { timeoutMs }), stopped.promise]);
    } catch (error) {
      throw behind(error);
    } finally {
      this.closing.removeEventListener('abort', stop);
    }
  }

  /** As {@link folded}, and when this process holds nothing any more of persons that were erased up to there. */
  async forgotten(position: number): Promise<void> {
    await this.folded(position);
    await this.#forgetting;
  }

  /** Position of the last event that the state reflects; -1 for none. */
  get position(): number {
    return this.#reactor.nextPosition - 1;
  }

  /**
   * Appends, and resolves when the state reflects the recorded events: requests that follow see them.
   * @throws OverloadedError PLB-5703 when they are recorded and not processed in time; PLB-5111 when a stream of the
   * items is
   * quarantined here; otherwise as `EventLog.append`.
   */
  async append(intent: Intent): Promise<Accepted> {
    const { actor, items, cause, requestId = uuidv7(this.clock.nowMs()) } = intent;
    const causes = cause === undefined ? {} : { causationId: cause.eventId, correlationId: cause.correlationId };
    const request = { requestId, actor, service: 'gateway' as const, items, ...causes };
    const { events, firstPosition, lastPosition } = await this.#reactor
      .append(request, { timeoutMs: PROCESS_TIMEOUT_MS })
      .catch((error: unknown) => {
        throw behind(error);
      });
    this.#lastAppended = Math.max(this.#lastAppended, lastPosition);
    const [event] = events;
    if (event === undefined)
      throw new InvariantError('PLB-9701', `the event at position ${firstPosition} was recorded, but not returned`);
    return { position: lastPosition, eventId: event.id, correlationId: event.correlationId };
  }

  #processed(event: StoredEvent): void {
    this.#fold.state.recorded(event);
    this.#unfed.push(event);
    if (!this.#reactor.isCaughtUp || this.#unfed.length >= FEED_BATCH) this.#feed();
    if (event.type === 'PersonErased' && event.position >= this.#headAtStart)
      this.#forgetting = this.#forgetting.then(async () => this.#forget());
  }

  #feed(): void {
    if (this.#unfed.length === 0) return;
    const events = this.#unfed;
    this.#unfed = [];
    this.feed.push(events);
  }

  /** Replaces the state, which may hold a person that was erased, by one from the log as it is now. Never rejects. */
  async #forget(): Promise<void> {
    await this.#rebuild.run((state) => this.#fold.replace(state));
  }
}

/** A page of the log without the events that cannot be decoded: they must not end the streams of readers. */
async function readable(
  log: Pick<EventLog, 'readBodies'>,
  options: Parameters<EventLog['read']>[0],
): ReturnType<EventLog['read']> {
  const { bodies, nextPosition, headPosition } = await log.readBodies(options);
  const events = bodies
    .map(({ position, body }) => readStoredEvent(position, body))
    .filter((event): event is RecordedEvent => event.type !== 'Undecodable');
  return { events, nextPosition, headPosition };
}

/** The error of the gateway for one of its reactor that is behind or stops; any other one as it is. */
function behind(error: unknown): unknown {
  if (!(error instanceof OverloadedError) || !BEHIND.has(error.code)) return error;
  const { details } = error;
  return new OverloadedError('PLB-5703', `the gateway is behind the log: ${error.message}`, 1_000, {
    cause: error,
    ...(details === undefined ? {} : { details }),
  });
}
