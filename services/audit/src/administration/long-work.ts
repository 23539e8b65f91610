// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { PlumblineError } from '@plumbline/core';
import type { AskedWork } from '@plumbline/event-log';

/** Outcomes that are kept for whoever asks for them again. */
const KEPT = 64;

/** Work that callers do not wait for to the end: one at a time, each once for its request id. */
export class LongWork<Outcome> {
  readonly #asked = new Map<string, Promise<Outcome>>();
  #last: Promise<unknown> = Promise.resolve();

  /**
   * The outcome, or undefined when the time to wait is over first; then it goes on, and the same request id finds it.
   */
  async outcome({ requestId, waitMs }: AskedWork, work: () => Promise<Outcome>): Promise<Outcome | undefined> {
    const outcome = this.#asked.get(requestId) ?? this.#begin(requestId, work);
    const over = new AbortController();
    try {
      return await Promise.race([outcome, delay(waitMs, undefined, { signal: over.signal })]);
    } finally {
      over.abort();
    }
  }

  /** Resolves when nothing is under way any more; never rejects. */
  async settled(): Promise<void> {
    await this.#last;
  }

  #begin(requestId: string, work: () => Promise<Outcome>): Promise<Outcome> {
    const outcome = this.#last.then(work);
    this.#last = outcome.then(
      () => undefined,
      (error: unknown) => {
        // What may go well another time is tried again by a repeat; anything else is its outcome.
        if (!(error instanceof PlumblineError) || error.retry === 'after-delay') this.#asked.delete(requestId);
      },
    );
    this.#asked.set(requestId, outcome);
    for (const old of [...this.#asked.keys()].slice(0, Math.max(0, this.#asked.size - KEPT))) this.#asked.delete(old);
    return outcome;
  }
}
