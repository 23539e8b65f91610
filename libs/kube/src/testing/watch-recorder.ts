// SPDX-License-Identifier: Apache-2.0
import type { WatchEvent, WatchStatus } from '../watch.js';

/** Keeps what a watch told, and waits for it. */
export class WatchRecorder {
  /** `added a`, `modified a`, `deleted a`, `synced`, in order. */
  readonly log: string[] = [];
  readonly statuses: WatchStatus[] = [];
  #waiters: (() => void)[] = [];

  readonly onEvent = (event: WatchEvent): void => {
    this.log.push(event.type === 'synced' ? 'synced' : `${event.type} ${event.object.metadata.name}`);
    this.#wake();
  };

  readonly onStatus = (status: WatchStatus): void => {
    this.statuses.push(status);
    this.#wake();
  };

  /** Resolves once the condition holds; it is looked at after every event and every change of status. */
  async until(what: string, holds: () => boolean, timeoutMs = 120_000): Promise<void> {
    const deadline = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        deadline.reject(
          new Error(
            `${what}: not within ${timeoutMs} ms; seen: ${this.log.join(', ')}; ${JSON.stringify(this.statuses)}`,
          ),
        ),
      timeoutMs,
    );
    try {
      while (!holds()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#waiters.push(resolve);
        await Promise.race([promise, deadline.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
