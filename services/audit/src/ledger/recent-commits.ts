// SPDX-License-Identifier: Apache-2.0
import type { CommittedRange } from '@plumbline/event-log';

/**
 * Borders of the newest commits of this lead in memory, so that whoever publishes them need not ask the database.
 * Bounded.
 */
export class RecentCommits {
  readonly #capacity: number;

  #ranges: CommittedRange[] = [];
  /** Everything from this position on is here. */
  #since = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Forgets everything and goes on from a position. */
  reset(next: number): void {
    this.#ranges = [];
    this.#since = next;
  }

  push(range: CommittedRange): void {
    this.#ranges.push(range);
    // Half at once: cutting on every push would copy on every push.
    if (this.#ranges.length <= this.#capacity) return;
    this.#ranges = this.#ranges.slice(-Math.ceil(this.#capacity / 2));
    this.#since = this.#ranges[0]?.firstPosition ?? this.#since;
  }

  /** The commits that end at or above a position, or undefined when they are not all here. */
  from(position: number, limit: number): readonly CommittedRange[] | undefined {
    if (position < this.#since) return undefined;
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.lastPosition ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return this.#ranges.slice(low, low + limit);
  }
}
