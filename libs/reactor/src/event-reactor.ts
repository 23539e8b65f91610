// SPDX-License-Identifier: Apache-2.0
import { messageOf, OverloadedError, type PlumblineError, UpstreamError } from '@plumbline/core';
import type { AppendRequest, AppendResult } from '@plumbline/event-log';
import { type EventType, readStoredEvent, type RecordedEvent, type StoredEvent } from '@plumbline/events';
import { Announcements } from './announcements.js';
import { backoff } from './backoff.js';
import { EventProcessor } from './event-processor.js';
import type { EventIntake, EventRange } from './event-range.js';
import type { EventHandlers } from './handlers.js';
import { type ReactorInstruments, reactorInstruments } from './metrics.js';
import { ProgressReport } from './progress-report.js';
import type { QuarantinedStream } from './quarantine.js';
import type { ReactorOptions } from './reactor-options.js';
import { SnapshotKeeper } from './snapshot-keeper.js';
import { Waiters } from './waiters.js';

/** Ranges that wait for the fold; above it they are dropped and read from the log. */
const MAX_OFFERED = 4_096;
const DEFAULT_TIMEOUT_MS = 30_000;
const RETRY = { firstMs: 200, maxMs: 10_000 };
/**
 * A transport usually brings a position within milliseconds; asking the log at once would cost a read for every wait.
 */
const LIVE_GRACE_MS = 25;
/** Events that are processed between two turns of the event loop. */
const TURN_EVENTS = 500;

/** Events that every consumer follows besides those that it has handlers for. */
const OWN_TYPES = ['StreamRetryRequested', 'PersonErased'] as const;

/**
 * Follows the log for one consumer: restores the newest snapshot, reads what follows, then processes what a transport
 * delivers, and
 * reads from the log whenever a delivery does not continue at its position. Events are processed strictly in order,
 * one at a time. An
 * event that fails quarantines its stream; everything else goes on.
 */
export class EventReactor implements EventIntake {
  readonly #options: ReactorOptions;
  readonly #processor: EventProcessor;
  readonly #announcements: Announcements;
  readonly #snapshots: SnapshotKeeper;
  readonly #instruments: ReactorInstruments;
  readonly #progress: ProgressReport;
  readonly #waiters = new Waiters();
  readonly #listeners = new Set<() => void>();
  readonly #eventListeners = new Set<(event: StoredEvent) => void>();
  #handlers: EventHandlers = new Map();

  #next = 0;
  #state: 'new' | 'running' | 'stopped' = 'new';
  #offered: EventRange[] = [];
  /** Set before a read and not after it: what is committed while the read is under way must not be missed. */
  #behind = true;
  #wake: (() => void) | undefined;
  #loop: Promise<void> = Promise.resolve();
  #detach: () => void = () => undefined;
  #failures = 0;
  readonly #caughtUp = Promise.withResolvers<void>();
  #isCaughtUp = false;

  constructor(options: ReactorOptions) {
    this.#options = options;
    const { consumer, service, log, logger } = options;
    this.#processor = new EventProcessor({
      consumer,
      handlers: () => this.#handlers,
      log,
      logger,
      onQuarantine: (stream) => {
        this.#announcements.changed(stream);
        this.#progress.changed();
      },
    });
    this.#announcements = new Announcements({
      consumer,
      service,
      log,
      logger,
      nowMs: () => options.clock.nowMs(),
      quarantined: (stream) => this.#processor.quarantine.get(stream),
    });
    this.#instruments = reactorInstruments(options.meter);
    this.#snapshots = new SnapshotKeeper(options, this.#instruments);
    this.#progress = new ProgressReport(options, () => ({
      next: this.#next,
      quarantine: this.#processor.quarantine,
      isCaughtUp: this.#isCaughtUp,
      isStopped: this.#state === 'stopped',
    }));
    // A process that never calls start() does not wait for it either.
    this.#caughtUp.promise.catch(() => undefined);
  }

  get consumer(): string {
    return this.#options.consumer;
  }

  /** Types that this reactor follows, known after the start; empty when it follows all of them. */
  get types(): readonly EventType[] {
    if (this.#options.allTypes === true) return [];
    return [...new Set<EventType>([...this.#handlers.keys(), ...OWN_TYPES])];
  }

  /** One above the last processed position. */
  get nextPosition(): number {
    return this.#next;
  }

  /** True when everything that the log had at the start is processed. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** Streams with an event that this consumer could not process. */
  get quarantined(): readonly QuarantinedStream[] {
    return this.#processor.quarantine.all;
  }

  /**
   * Restores the snapshot, processes what the log has beyond it, and keeps following. Resolves when the head of the
   * log as it was at
   * the start is processed.
   * @throws OverloadedError PLB-5103 when the reactor is stopped before.
   */
  start(): Promise<void> {
    if (this.#state === 'new') {
      this.#state = 'running';
      const { handlers } = this.#options;
      this.#handlers = typeof handlers === 'function' ? handlers() : handlers;
      this.#progress.start();
      this.#detach = this.#options.live?.attach(this) ?? (() => undefined);
      this.#loop = this.#run();
    }
    return this.#caughtUp.promise;
  }

  /** Stops after the event that is being processed, and writes a snapshot. Waits that are left are rejected. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return this.#loop;
    this.#state = 'stopped';
    this.#detach();
    this.#wake?.();
    await this.#loop;
    this.#offered = [];
    this.#caughtUp.reject(this.#stoppedError());
    this.#waiters.stop(this.#stoppedError());
    await this.#announcements.stop();
    if (this.#isCaughtUp) await this.#snapshots.write(this.#next, this.quarantined);
    await this.#snapshots.settled();
    this.#progress.stop();
  }

  /** Calls the listener after events were processed, and once when the start is done; the returned function ends it. */
  onProcessed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls the listener with each event, in order, when it is processed and before waits for its position resolve. With
   * `ReactorOptions.allTypes` these are all events of the log beyond the restored snapshot, also quarantined and
   * undecodable ones; they
   * begin at 0 again when the snapshot may hold what was erased. The listener must not throw. The returned function
   * ends it.
   */
  onEvent(listener: (event: StoredEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  offer(range: EventRange): void {
    this.#progress.headIs(range.next);
    if (range.next <= this.#next) return;
    if (this.#offered.length < MAX_OFFERED) this.#offered.push(range);
    else this.#behind = true;
    this.#wake?.();
  }

  checkLog(): void {
    this.#behind = true;
    this.#wake?.();
  }

  /**
   * Resolves when every event up to and including the position is processed; a quarantined event counts as processed.
   * @throws OverloadedError PLB-5110 after `timeoutMs` (30 s when absent), with the consumer, its position and what
   * it has quarantined;
   * PLB-5103 when the reactor is stopped before.
   */
  whenProcessed(
    position: number,
    { timeoutMs = DEFAULT_TIMEOUT_MS }: { readonly timeoutMs?: number } = {},
  ): Promise<void> {
    if (this.#next > position) return Promise.resolve();
    if (this.#state === 'stopped') return Promise.reject(this.#stoppedError());
    const timer = setTimeout(() => this.checkLog(), LIVE_GRACE_MS);
    return this.#waiters
      .wait(position, timeoutMs, () => this.#lateError(position, timeoutMs))
      .finally(() => clearTimeout(timer));
  }

  /** Reads the head of the log and resolves when everything below it is processed. @throws as {@link whenProcessed} */
  async catchUp(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const head = await this.#options.log.head();
    this.#progress.headIs(head);
    if (head > this.#next) this.checkLog();
    if (head > 0) await this.whenProcessed(head - 1, options);
  }

  /**
   * Appends, and resolves when this reactor has processed the recorded events. MUST NOT be awaited by a handler.
   * @throws OverloadedError PLB-5111 when a stream of the request is quarantined here, because what the request was
   * decided on lacks
   * events of it; otherwise as `EventLog.append` and {@link whenProcessed}.
   */
  async append(request: AppendRequest, options: { readonly timeoutMs?: number } = {}): Promise<AppendResult> {
    for (const { stream } of request.items) {
      const entry = this.#processor.quarantine.get(stream);
      if (entry !== undefined) throw this.#quarantinedError(entry);
    }
    const result = await this.#options.log.append(request);
    const { firstPosition: from, lastPosition, events } = result;
    const isGap = from > this.#next;
    this.offer({ from, next: lastPosition + 1, events });
    if (isGap) this.checkLog();
    await this.whenProcessed(lastPosition, options);
    return result;
  }

  async #run(): Promise<void> {
    while (this.#state === 'running') {
      try {
        if (!this.#snapshots.isRestored) this.#next = await this.#restore();
        await this.#step();
        this.#failures = 0;
        this.#progress.working();
      } catch (error) {
        this.#failures += 1;
        const retryMs = backoff(RETRY, this.#failures, Math.random());
        this.#options.logger.warn('the log cannot be followed; trying again', {
          consumer: this.consumer,
          retryMs,
          message: messageOf(error),
        });
        this.#progress.failing(messageOf(error));
        this.#behind = true;
        await this.#sleep(retryMs, 'only-stop');
      }
    }
  }

  async #restore(): Promise<number> {
    const restored = await this.#snapshots.restore();
    this.#processor.quarantine.restore(restored.quarantined);
    return restored.next;
  }

  async #step(): Promise<void> {
    const range = this.#offered.shift();
    if (range !== undefined) {
      if (range.from <= this.#next) return this.#process(range);
      this.#behind = true;
    }
    if (this.#behind) return this.#read();
    if (!this.#isCaughtUp) this.#caughtUpNow();
    if (this.#offered.length > 0 || this.#behind) return;
    await this.#sleep(this.#options.idlePollMs ?? 2_000, 'any');
    if (this.#offered.length === 0) this.#behind = true;
  }

  #caughtUpNow(): void {
    this.#isCaughtUp = true;
    this.#progress.changed();
    for (const { stream } of this.quarantined) this.#announcements.changed(stream);
    this.#announcements.start();
    this.#notify();
    this.#caughtUp.resolve();
  }

  async #read(): Promise<void> {
    this.#behind = false;
    const { log, pageSize, allTypes } = this.#options;
    const filter = allTypes === true ? {} : { types: this.types };
    const page = await log.readBodies({ from: this.#next, limit: pageSize ?? 1_000, ...filter });
    this.#progress.headIs(page.headPosition);
    if (!this.#isCaughtUp) this.#progress.changed();
    if (page.headPosition < this.#next) throw this.#shorterLogError(page.headPosition);
    if (page.nextPosition <= this.#next && page.headPosition > this.#next)
      throw new UpstreamError(
        'PLB-6009',
        `the log has events from ${this.#next} to ${page.headPosition}, but returned none of them`,
      );
    const events = page.bodies.map(({ position, body }) => readStoredEvent(position, body));
    await this.#process({ from: this.#next, next: Math.min(page.nextPosition, page.headPosition), events });
    if (this.#next < page.headPosition) this.#behind = true;
  }

  /**
   * Processes what of a range is not processed yet. Nothing of it is processed twice, also when it is cut short by an
   * error.
   */
  async #process({ next, events }: EventRange): Promise<void> {
    if (next <= this.#next) return;
    let sinceTurn = 0;
    for (const event of events) {
      if (event.position < this.#next) continue;
      if (this.#state !== 'running') return;
      if (event.type === 'PersonErased' && (await this.#snapshots.personErased(event)) === 'process-again')
        return this.#processAgain();
      await this.#processOne(event);
      this.#moved(event.position + 1, event);
      sinceTurn += 1;
      if (sinceTurn % TURN_EVENTS === 0) await new Promise(setImmediate);
    }
    this.#moved(next, undefined);
    if (this.#isCaughtUp) this.#notify();
    await this.#snapshots.writeIfDue(this.#next, this.quarantined);
  }

  async #processOne(event: StoredEvent): Promise<void> {
    if (event.type === 'StreamRetryRequested') {
      const { consumer, stream } = event.data;
      if (consumer === undefined || consumer === this.consumer) await this.#processor.retry(stream, event.position);
    }
    const running = this.#processor.process(event);
    const outcome = running instanceof Promise ? await running : running;
    if (outcome !== 'ignored') this.#instruments.events.add(1, { consumer: this.consumer, result: outcome });
  }

  /** Begins at 0, with an empty fold. */
  #processAgain(): void {
    this.#next = 0;
    this.#processor.quarantine.restore([]);
    this.#behind = true;
  }

  #moved(next: number, event: StoredEvent | undefined): void {
    this.#next = next;
    if (event !== undefined && event.type !== 'Undecodable') {
      this.#snapshots.processed(event);
      this.#progress.processed(event as RecordedEvent);
    }
    this.#progress.movedTo(next);
    if (event !== undefined) for (const listener of this.#eventListeners) listener(event);
    this.#waiters.processed(next);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Resolves after the time, when stopped, and for `any` when there is something to do. */
  #sleep(ms: number, wakesBy: 'any' | 'only-stop'): Promise<void> {
    if (this.#state !== 'running') return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = () => {
        if (wakesBy === 'any' || this.#state === 'stopped') done();
      };
    });
  }

  #stoppedError(): OverloadedError {
    return new OverloadedError('PLB-5103', `consumer ${this.consumer} is stopping and does not follow the log`, 1_000);
  }

  #lateError(position: number, timeoutMs: number): OverloadedError {
    const quarantined = this.quarantined.map(({ stream }) => stream);
    const also = quarantined.length === 0 ? '' : `; it has quarantined ${quarantined.slice(0, 5).join(', ')}`;
    return new OverloadedError(
      'PLB-5110',
      `consumer ${this.consumer} is at position ${this.#next - 1} and did not reach position ${position} within ${timeoutMs} ms${also}`,
      1_000,
      { details: { consumer: this.consumer, position: this.#next - 1, wanted: position, quarantined } },
    );
  }

  #quarantinedError({ stream, position, message }: QuarantinedStream): OverloadedError {
    return new OverloadedError(
      'PLB-5111',
      `stream ${stream} is quarantined for consumer ${this.consumer} since position ${position} (${message}); run "plumb log retry" after a fix`,
      60_000,
      { details: { consumer: this.consumer, stream, position } },
    );
  }

  #shorterLogError(head: number): PlumblineError {
    return new UpstreamError(
      'PLB-6009',
      `the log ends at ${head}, but consumer ${this.consumer} has processed events up to ${this.#next - 1}; if this stays, the log was replaced or restored: restart the service`,
    );
  }
}
