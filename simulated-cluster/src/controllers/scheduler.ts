// SPDX-License-Identifier: Apache-2.0

/** Delayed work of controllers; closing drops whatever is still due. */
export class Scheduler {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #closed = false;

  /** Runs the work once after a delay. A second call with the same key while the first waits changes nothing. */
  after(delayMs: number, key: string, work: () => void): void {
    if (this.#closed || this.#timers.has(key)) return;
    this.#timers.set(
      key,
      setTimeout(() => {
        this.#timers.delete(key);
        work();
      }, delayMs),
    );
  }

  /** Drops waiting work by key. */
  drop(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  /** Whether anything is waiting. */
  get idle(): boolean {
    return this.#timers.size === 0;
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
