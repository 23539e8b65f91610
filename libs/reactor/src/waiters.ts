// SPDX-License-Identifier: Apache-2.0
import type { OverloadedError } from '@plumbline/core';

interface Waiter {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (error: OverloadedError) => void;
}

/** Callers that wait until a position is processed. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** Resolves when {@link processed} has reached the position; rejects after the time with what `late` returns. */
  wait(position: number, timeoutMs: number, late: () => OverloadedError): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(() => reject(late())), timeoutMs);
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
        settle();
      };
      const waiter: Waiter = {
        position,
        resolve: () => end(resolve),
        reject: (error) => end(() => reject(error)),
      };
      this.#waiting.add(waiter);
    });
  }

  /** Resolves the waits for positions below `next`. */
  processed(next: number): void {
    for (const waiter of this.#waiting) if (waiter.position < next) waiter.resolve();
  }

  /** Rejects all waits. */
  stop(error: OverloadedError): void {
    for (const waiter of this.#waiting) waiter.reject(error);
  }
}
