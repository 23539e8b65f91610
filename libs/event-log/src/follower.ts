// SPDX-License-Identifier: Apache-2.0
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import { messageOf, OverloadedError, UpstreamError } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import type { EventLog } from './event-log.port.js';

/** How a {@link Follower} is set up. */
export interface FollowerOptions {
  readonly log: Pick<EventLog, 'read'>;
  /** First position to hand over; 0 rebuilds everything. */
  readonly from: number;
  /**
   * Folds events, strictly in position order, never two calls at once. After a throw the same events come again, perhaps with more
   * behind them: it MUST NOT have folded a part of them.
   */
  readonly onEvents: (events: readonly RecordedEvent[]) => void | Promise<void>;
  /** Called when reading or folding fails; the follower tries again after a delay that grows. */
  readonly onError: (message: string) => void;
  /** How often to ask the log when the bus is silent, in milliseconds; 2,000 when absent. */
  readonly idlePollMs?: number;
  readonly pageSize?: number;
  /** Delay after the first of several failures, in milliseconds; doubles up to 5,000. 100 when absent. */
  readonly firstRetryMs?: number;
}

interface Waiter {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: () => void;
}

/** Batches that wait for the fold; above it they are dropped and read from the log. */
const MAX_OFFERED = 256;
/** The bus usually brings a position within milliseconds; asking the log at once would cost a read for every append. */
const BUS_GRACE_MS = 25;
const LONGEST_RETRY_MS = 5_000;

/**
 * Follows the log from a position: catches up by reading, then lives on what the bus brings, and refills from the log
 * whenever a batch does not join on. The bus may lose, repeat or delay anything: the order and the completeness come from the log.
 */
export class Follower {
  readonly #options: FollowerOptions;

  #next: number;
  #state: 'new' | 'running' | 'stopped' = 'new';
  #wake: ((how: 'stirred' | 'stopped') => void) | undefined;
  #offered: EventEnvelopeBatch[] = [];
  #loop: Promise<void> = Promise.resolve();
  readonly #waiters = new Set<Waiter>();
  /** Set before a read and not after it: a nudge that comes while the read is on its way must not be lost. */
  #behind = true;
  readonly #caughtUp = Promise.withResolvers<void>();

  constructor(options: FollowerOptions) {
    this.#options = options;

    this.#next = options.from;
    // Who never called start() does not wait for it either.
    this.#caughtUp.promise.catch(() => undefined);
  }

  /** One above the last position that was folded. */
  get nextPosition(): number {
    return this.#next;
  }

  /**
   * Starts; resolves when the follower has caught up with the head that it found.
   * @throws OverloadedError PLB-5103 when it is stopped before.
   */
  start(): Promise<void> {
    if (this.#state === 'new') {
      this.#state = 'running';
      this.#loop = this.#run();
    }
    return this.#caughtUp.promise;
  }

  /** Takes a batch from the bus; returns at once. */
  offer(batch: EventEnvelopeBatch): void {
    if (batch.lastPosition < this.#next) return;
    if (this.#offered.length < MAX_OFFERED) this.#offered.push(batch);
    else this.#behind = true;
    this.#wake?.('stirred');
  }

  /** Tells that there may be more in the log than the bus said. */
  nudge(): void {
    this.#behind = true;
    this.#wake?.('stirred');
  }

  /**
   * Resolves when every event up to and including the position has been folded.
   * @throws OverloadedError PLB-5103 when the follower is stopped before: what is waited for is in the log all the same.
   */
  whenProcessed(position: number): Promise<void> {
    if (this.#next > position) return Promise.resolve();
    if (this.#state === 'stopped') return Promise.reject(stoppedError());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.nudge(), BUS_GRACE_MS);
      const settle = (done: () => void) => (): void => {
        clearTimeout(timer);
        done();
      };
      this.#waiters.add({ position, resolve: settle(resolve), reject: settle(() => reject(stoppedError())) });
    });
  }

  /** Stops after the batch in hand; whoever still waits is told so. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#wake?.('stopped');
    await this.#loop;
    this.#offered = [];
    this.#caughtUp.reject(stoppedError());
    for (const waiter of this.#waiters) waiter.reject();
    this.#waiters.clear();
  }

  async #run(): Promise<void> {
    let retryMs = this.#options.firstRetryMs ?? 100;
    while (this.#state === 'running') {
      try {
        await this.#step();
        retryMs = this.#options.firstRetryMs ?? 100;
      } catch (error) {
        this.#options.onError(messageOf(error));
        this.#behind = true;
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    }
  }

  async #step(): Promise<void> {
    const batch = this.#offered.shift();
    if (batch !== undefined) {
      const joining = this.#joining(batch);
      if (joining !== undefined) return this.#fold(joining);
      this.#behind = true;
    }
    if (this.#behind) return this.#refill();
    this.#caughtUp.resolve();
    const woken = await this.#idle(this.#options.idlePollMs ?? 2_000);
    if (!woken) this.#behind = true;
  }

  /** The events of a batch that go on exactly where the fold is (none for an old batch), or undefined when it does not join on. */
  #joining(batch: EventEnvelopeBatch): readonly RecordedEvent[] | undefined {
    if (batch.lastPosition < this.#next) return [];
    const events = batch.events.filter((event) => event.position >= this.#next);
    return events.every((event, index) => event.position === this.#next + index) && events.length > 0
      ? events
      : undefined;
  }

  async #refill(): Promise<void> {
    this.#behind = false;
    const page = await this.#options.log.read({ from: this.#next, limit: this.#options.pageSize ?? 1_000 });
    if (page.headPosition < this.#next) {
      throw new UpstreamError(
        'PLB-6009',
        `the log ends at ${page.headPosition}, but events up to ${this.#next} were folded: if this stays, the log was replaced or restored, and this service must start again`,
      );
    }
    if (page.events.length === 0 && page.headPosition > this.#next) {
      throw new UpstreamError(
        'PLB-6009',
        `the log has events from ${this.#next} to ${page.headPosition}, but gave none of them`,
      );
    }
    await this.#fold(page.events);
    if (this.#next < page.headPosition) this.#behind = true;
  }

  async #fold(events: readonly RecordedEvent[]): Promise<void> {
    const last = events.at(-1);
    if (last === undefined) return;
    await this.#options.onEvents(events);
    this.#next = last.position + 1;
    for (const waiter of this.#waiters) {
      if (waiter.position >= this.#next) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** True when woken before the time was over. */
  #idle(ms: number): Promise<boolean> {
    if (this.#offered.length > 0 || this.#behind) return Promise.resolve(true);
    return this.#sleep(ms, () => true);
  }

  /** After a failure news do not shorten the wait, or a fold that fails would be called as often as there are events. */
  async #pause(ms: number): Promise<void> {
    await this.#sleep(ms, (how) => how === 'stopped');
  }

  #sleep(ms: number, wakesBy: (how: 'stirred' | 'stopped') => boolean): Promise<boolean> {
    if (this.#state !== 'running') return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (woken: boolean): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(woken);
      };
      const timer = setTimeout(() => done(false), ms);
      this.#wake = (how) => {
        if (wakesBy(how)) done(true);
      };
    });
  }
}

function stoppedError(): OverloadedError {
  return new OverloadedError('PLB-5103', 'this process is stopping and follows the log no further', 1_000);
}
