// SPDX-License-Identifier: Apache-2.0
import type { EventEnvelopeBatch } from '@plumbline/bus';
import { messageOf, OverloadedError } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import type { EventLog } from './event-log.port.js';

const BUS_GRACE_MS = 25;

function stoppedError(): OverloadedError {
  return new OverloadedError('PLB-5103', 'this process is stopping and follows the log no further', 1_000);
}

/** How a {@link Follower} is set up. */
export interface FollowerOptions {
  readonly log: Pick<EventLog, 'read'>;
  /** First position to hand over; 0 rebuilds everything. */
  readonly from: number;
  /** Folds events, strictly in position order, each exactly once per follower. A throw is reported and the same batch is tried again. */
  readonly onEvents: (events: readonly RecordedEvent[]) => void | Promise<void>;
  /** Called when reading or folding fails; the follower goes on after a delay. */
  readonly onError: (message: string) => void;
  /** How often to ask the log when the bus is silent, in milliseconds; 2,000 when absent. */
  readonly idlePollMs?: number;
  readonly pageSize?: number;
}

/**
 * Follows the log from a position: catches up by reading, then lives on what the bus brings, and refills from the log
 * whenever a batch does not join on. The bus may lose, repeat or delay anything: the order and the completeness come from the log.
 */
export class Follower {
  #next: number;
  #running = false;
  #wake: (() => void) | undefined;
  #offered: EventEnvelopeBatch[] = [];
  #loop: Promise<void> = Promise.resolve();
  readonly #waiters = new Set<{ readonly position: number; readonly resolve: () => void; readonly reject: () => void }>();
  #stopped = false;
  #behind = true;

  constructor(private readonly options: FollowerOptions) {
    this.#next = options.from;
  }

  /** One above the last position that was folded. */
  get nextPosition(): number {
    return this.#next;
  }

  /** Starts; resolves when the follower has caught up with the head that it found. */
  async start(): Promise<void> {
    this.#running = true;
    const caughtUp = new Promise<void>((resolve) => {
      this.#onCaughtUp = resolve;
    });
    this.#loop = this.#run();
    await caughtUp;
  }

  #onCaughtUp: (() => void) | undefined;

  /** Takes a batch from the bus; returns at once. */
  offer(batch: EventEnvelopeBatch): void {
    if (this.#offered.length < 256) this.#offered.push(batch);
    else this.#behind = true;
    this.#wake?.();
  }

  /** Tells that there may be more in the log than the bus said. */
  nudge(): void {
    this.#behind = true;
    this.#wake?.();
  }

  /**
   * Resolves when every event up to and including the position has been folded.
   * @throws OverloadedError PLB-5103 when the follower is stopped before: what is waited for is in the log all the same.
   */
  whenProcessed(position: number): Promise<void> {
    if (this.#next > position) return Promise.resolve();
    if (this.#stopped) return Promise.reject(stoppedError());
    return new Promise((resolve, reject) => {
      // The bus usually brings it within milliseconds; asking the log at once would cost a read for every append.
      const timer = setTimeout(() => this.nudge(), BUS_GRACE_MS);
      const settle = (done: () => void) => (): void => {
        clearTimeout(timer);
        done();
      };
      this.#waiters.add({ position, resolve: settle(resolve), reject: settle(() => reject(stoppedError())) });
    });
  }

  /** Stops after the batch in hand; whoever still waits for a position is told so. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#stopped = true;
    this.#wake?.();
    await this.#loop;
    for (const waiter of this.#waiters) waiter.reject();
    this.#waiters.clear();
  }

  async #run(): Promise<void> {
    while (this.#running) {
      try {
        await this.#step();
      } catch (error) {
        this.options.onError(messageOf(error));
        this.#behind = true;
        await this.#sleep(500);
      }
    }
  }

  async #step(): Promise<void> {
    const batch = this.#offered.shift();
    if (batch !== undefined) {
      if (batch.lastPosition < this.#next) return;
      if (batch.firstPosition <= this.#next) {
        await this.#fold(batch.events.filter((event) => event.position >= this.#next));
        return;
      }
      this.#behind = true;
    }
    if (this.#behind) {
      await this.#refill();
      return;
    }
    this.#onCaughtUp?.();
    if (this.#offered.length > 0) return;
    const woken = await this.#sleep(this.options.idlePollMs ?? 2_000);
    if (!woken) this.#behind = true;
  }

  async #refill(): Promise<void> {
    const page = await this.options.log.read({ from: this.#next, limit: this.options.pageSize ?? 1_000 });
    await this.#fold(page.events);
    if (this.#next >= page.headPosition) this.#behind = false;
  }

  async #fold(events: readonly RecordedEvent[]): Promise<void> {
    const last = events.at(-1);
    if (last === undefined) return;
    await this.options.onEvents(events);
    this.#next = last.position + 1;
    for (const waiter of this.#waiters) {
      if (waiter.position >= this.#next) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** True when woken before the time was over. */
  #sleep(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#running) return resolve(true);
      const done = (woken: boolean): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(woken);
      };
      const timer = setTimeout(() => done(false), ms);
      this.#wake = () => done(true);
    });
  }
}
