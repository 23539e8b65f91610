// SPDX-License-Identifier: Apache-2.0
import type { Meter } from '@opentelemetry/api';
import { backoff, type BackoffLimits } from './backoff.js';
import { reactorInstruments } from './metrics.js';

/** What a worker wants next for its key. */
export interface WorkOutcome {
  /** Works on the key again after this delay; 0 puts it at the end of the queue. Never again by itself when absent. */
  readonly againInMs?: number;
}

/** What a worker learns about a run. */
export interface WorkRun {
  /** 1 for the first run after a success; counts up with every failure in a row. */
  readonly attempt: number;
  /** Aborts when the worklist stops. */
  readonly signal: AbortSignal;
}

/** How a {@link Worklist} works. */
export interface WorklistOptions<Key> {
  /** Name in metrics: the consumer, or the consumer and a word. */
  readonly name: string;
  /** Works on one key. A rejection is a failure: the key is worked on again after a back-off. */
  readonly work: (key: Key, run: WorkRun) => Promise<WorkOutcome | void>;
  /** Keys that are worked on at once. */
  readonly concurrency: number;
  /**
   * How many more may be worked on whose last run failed, so that they cannot take the places of all others; a
   * quarter of `concurrency` when absent.
   */
  readonly concurrencyOfFailing?: number;
  /** Keys of one group follow each other, groups take turns. All keys are one group when absent. */
  readonly groupOf?: (key: Key) => string;
  readonly backoff: BackoffLimits | ((key: Key, error: unknown) => BackoffLimits);
  /** Called after a failure, before the delay. */
  readonly onError: (key: Key, error: unknown, failure: { readonly attempt: number; readonly retryMs: number }) => void;
  readonly meter?: Meter;
  /** From 0 to 1; `Math.random` when absent. */
  readonly random?: () => number;
}

/** Groups of keys that take turns; within a group first come, first served. */
class Turns<Key> {
  readonly #groups = new Map<string, Set<Key>>();
  /** The group that a key was added to: it may belong to another one by now. */
  readonly #groupsByKey = new Map<Key, string>();
  readonly #groupOf: (key: Key) => string;

  constructor(groupOf: (key: Key) => string) {
    this.#groupOf = groupOf;
  }

  get size(): number {
    return this.#groupsByKey.size;
  }

  add(key: Key): void {
    if (this.#groupsByKey.has(key)) return;
    const group = this.#groupOf(key);
    this.#groupsByKey.set(key, group);
    const keys = this.#groups.get(group);
    if (keys === undefined) this.#groups.set(group, new Set([key]));
    else keys.add(key);
  }

  delete(key: Key): void {
    const group = this.#groupsByKey.get(key);
    if (group === undefined) return;
    this.#groupsByKey.delete(key);
    const keys = this.#groups.get(group);
    keys?.delete(key);
    if (keys?.size === 0) this.#groups.delete(group);
  }

  /** The next key; its group moves behind all others. */
  take(): Key | undefined {
    for (const [group, keys] of this.#groups) {
      this.#groups.delete(group);
      for (const key of keys) {
        keys.delete(key);
        this.#groupsByKey.delete(key);
        if (keys.size > 0) this.#groups.set(group, keys);
        return key;
      }
    }
    return undefined;
  }
}

/**
 * Keys that need work. A key is due once, however often it is added; while it is worked on, adding it makes it due
 * again afterwards.
 * Nothing is worked on before {@link Worklist.start}.
 */
export class Worklist<Key> {
  readonly #options: WorklistOptions<Key>;
  readonly #due: Turns<Key>;
  readonly #dueOfFailing: Turns<Key>;
  readonly #busy = new Map<Key, Promise<void>>();
  readonly #addedWhileBusy = new Set<Key>();
  readonly #timers = new Map<Key, { readonly timer: NodeJS.Timeout; readonly dueMs: number }>();
  readonly #failures = new Map<Key, number>();
  readonly #stopping = new AbortController();
  readonly #unobserve: () => void;
  #busyOfFailing = 0;
  #running = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: WorklistOptions<Key>) {
    this.#options = options;
    const groupOf = options.groupOf ?? (() => '');
    this.#due = new Turns(groupOf);
    this.#dueOfFailing = new Turns(groupOf);
    this.#unobserve =
      options.meter === undefined
        ? () => undefined
        : reactorInstruments(options.meter).observeQueue(options.name, () => ({
            due: this.#due.size + this.#dueOfFailing.size,
            busy: this.#busy.size,
            delayed: this.#timers.size,
          }));
  }

  /** Keys that are worked on now. */
  get busy(): number {
    return this.#busy.size;
  }

  /** Failures in a row of the key; 0 after a success. */
  failuresOf(key: Key): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Begins to work on what is due. */
  start(): void {
    this.#running = true;
    this.#fill();
  }

  /** Makes a key due now; a delay that it waits for ends. */
  add(key: Key): void {
    if (this.#stopping.signal.aborted) return;
    this.#clearTimer(key);
    if (this.#busy.has(key)) {
      this.#addedWhileBusy.add(key);
      return;
    }
    (this.#failures.has(key) ? this.#dueOfFailing : this.#due).add(key);
    this.#fill();
  }

  /** Makes a key due after a delay, unless an earlier delay is under way. */
  addLater(key: Key, delayMs: number): void {
    if (this.#stopping.signal.aborted) return;
    const dueMs = performance.now() + delayMs;
    if ((this.#timers.get(key)?.dueMs ?? Number.POSITIVE_INFINITY) <= dueMs) return;
    this.#clearTimer(key);
    const timer = setTimeout(() => this.add(key), delayMs);
    timer.unref();
    this.#timers.set(key, { timer, dueMs });
  }

  /** Takes a key off the list; a run that is under way ends by itself, and its result is not acted on. */
  delete(key: Key): void {
    this.#clearTimer(key);
    this.#due.delete(key);
    this.#dueOfFailing.delete(key);
    this.#addedWhileBusy.delete(key);
    this.#failures.delete(key);
  }

  /** Resolves when no key is due or worked on; keys that wait for a delay do not count. */
  async whenIdle(): Promise<void> {
    if (this.#isIdle()) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** Aborts the signals of the workers and resolves when they have returned. Nothing is worked on afterwards. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#stopping.abort();
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    await Promise.allSettled(this.#busy.values());
    this.#unobserve();
    this.#idle?.resolve();
  }

  #isIdle(): boolean {
    return !this.#running || (this.#busy.size === 0 && this.#due.size === 0 && this.#dueOfFailing.size === 0);
  }

  #clearTimer(key: Key): void {
    clearTimeout(this.#timers.get(key)?.timer);
    this.#timers.delete(key);
  }

  #fill(): void {
    const { concurrency, concurrencyOfFailing = Math.max(1, Math.floor(concurrency / 4)) } = this.#options;
    while (this.#running && this.#busy.size - this.#busyOfFailing < concurrency) {
      const key = this.#due.take();
      if (key === undefined) break;
      this.#begin(key, false);
    }
    while (this.#running && this.#busyOfFailing < concurrencyOfFailing) {
      const key = this.#dueOfFailing.take();
      if (key === undefined) break;
      this.#begin(key, true);
    }
    if (this.#idle === undefined || !this.#isIdle()) return;
    this.#idle.resolve();
    this.#idle = undefined;
  }

  #begin(key: Key, isFailing: boolean): void {
    if (isFailing) this.#busyOfFailing += 1;
    const run = this.#run(key).finally(() => {
      this.#busy.delete(key);
      if (isFailing) this.#busyOfFailing -= 1;
      if (this.#addedWhileBusy.delete(key)) this.add(key);
      this.#fill();
    });
    this.#busy.set(key, run);
  }

  async #run(key: Key): Promise<void> {
    const attempt = this.failuresOf(key) + 1;
    // Not before the caller has noted that the key is busy.
    await Promise.resolve();
    try {
      const outcome = await this.#options.work(key, { attempt, signal: this.#stopping.signal });
      this.#failures.delete(key);
      const againInMs = outcome?.againInMs;
      if (againInMs === 0) this.#addedWhileBusy.add(key);
      else if (againInMs !== undefined && !this.#addedWhileBusy.has(key)) this.addLater(key, againInMs);
    } catch (error) {
      this.#failed(key, error, attempt);
    }
  }

  #failed(key: Key, error: unknown, attempt: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#failures.set(key, attempt);
    const limits =
      typeof this.#options.backoff === 'function' ? this.#options.backoff(key, error) : this.#options.backoff;
    const retryMs = backoff(limits, attempt, (this.#options.random ?? Math.random)());
    this.#options.onError(key, error, { attempt, retryMs });
    if (!this.#addedWhileBusy.has(key)) this.addLater(key, retryMs);
  }
}
