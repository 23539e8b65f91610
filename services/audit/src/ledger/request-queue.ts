// SPDX-License-Identifier: Apache-2.0
import type { CheckedRequest } from '@plumbline/event-log/append';
import type { AppendPlacement } from '@plumbline/event-log';

/** A request that has no answer yet. */
export interface Waiting {
  readonly checked: CheckedRequest;
  readonly resolve: (result: AppendPlacement) => void;
  readonly reject: (error: unknown) => void;
  readonly deadlineMs: number;
  attempts: number;
}

/** Room for more in a batch. */
export interface Room {
  readonly events: number;
  readonly bytes: number;
}

/**
 * The requests of a writer in the order of their arrival. Counts those that were taken too, until they are answered.
 */
export class RequestQueue {
  readonly #limits: Room;

  #waiting: Waiting[] = [];
  #events = 0;
  #bytes = 0;

  constructor(limits: Room) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Events without an answer. */
  get events(): number {
    return this.#events;
  }

  /** True when not even the smallest request has room. */
  get isFull(): boolean {
    return this.#events >= this.#limits.events || this.#bytes >= this.#limits.bytes;
  }

  hasRoomFor({ count, bytes }: CheckedRequest): boolean {
    return this.#events + count <= this.#limits.events && this.#bytes + bytes <= this.#limits.bytes;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#events += waiting.checked.count;
    this.#bytes += waiting.checked.bytes;
  }

  /**
   * The next ones, as many as there is room for; at least one when `opens`. One that failed before goes alone, so
   * that it cannot fail
   * others again. Stops before the first that is not wanted: nobody overtakes.
   */
  take(room: Room, how: { readonly opens: boolean; readonly wanted?: (waiting: Waiting) => boolean }): Waiting[] {
    const taken: Waiting[] = [];
    let { events, bytes } = room;
    for (const waiting of this.#waiting) {
      const { count, bytes: size } = waiting.checked;
      const first = how.opens && taken.length === 0;
      if (!first && (count > events || size > bytes || waiting.attempts > 0)) break;
      if (how.wanted?.(waiting) === false) break;
      taken.push(waiting);
      events -= count;
      bytes -= size;
      if (waiting.attempts > 0) break;
    }
    this.#waiting.splice(0, taken.length);
    return taken;
  }

  /** Puts back to the front what was taken and has no answer. */
  putBack(taken: readonly Waiting[]): void {
    this.#waiting.unshift(...taken);
  }

  /** Forgets one that gets its answer now. */
  leave({ checked }: Waiting): void {
    this.#events -= checked.count;
    this.#bytes -= checked.bytes;
  }

  /** Refuses those that fit. */
  refuse(fits: (waiting: Waiting) => boolean, error: () => Error): void {
    const refused = this.#waiting.filter(fits);
    this.#waiting = this.#waiting.filter((waiting) => !fits(waiting));
    for (const waiting of refused) {
      this.leave(waiting);
      waiting.reject(error());
    }
  }
}
