// SPDX-License-Identifier: Apache-2.0
import type { EventLog } from '@plumbline/event-log';
import type { RecordedEvent, StoredEvent } from '@plumbline/events';

const PAGE_SIZE = 500;

/** Where a reader of the feed starts and when it ends. */
export interface FeedOptions {
  /** Position of the last event already seen; -1 for the beginning. */
  readonly after: number;
  readonly signal: AbortSignal;
  /** Yields an empty batch when nothing came for so long. */
  readonly idleMs?: number;
}

/**
 * What a reader of the feed gets: events; that it has seen all there is; that it no longer keeps up with the newest;
 * nothing for the idle time.
 */
export type FeedFrame =
  | { readonly type: 'events'; readonly events: readonly RecordedEvent[] }
  | { readonly type: 'caughtUp' | 'fellBehind' | 'idle' };

/**
 * Events for any number of readers, from any position, live. A reader holds a position and nothing else: while it
 * keeps up it is served from
 * the newest events in memory, and when it falls behind these it pages through the log. So a slow one costs no
 * memory, and loses nothing.
 */
export class EventFeed {
  readonly #log: Pick<EventLog, 'read'>;
  readonly #ringSize: number;

  /** Every position has its element, so that an index is a position; readers do not get what cannot be decoded. */
  #ring: StoredEvent[] = [];
  /** Position of the first element. */
  #first = 0;
  readonly #waiting = new Set<() => void>();

  constructor(log: Pick<EventLog, 'read'>, ringSize = 4096) {
    this.#log = log;
    this.#ringSize = ringSize;
  }

  /**
   * Declares that the events below a position are in the log, and the next one pushed is at it. Ignored when events
   * were pushed.
   */
  startAt(next: number): void {
    if (this.#ring.length === 0) this.#first = next;
  }

  /**
   * Adds the next events in order, and wakes the readers. Events before the erasure of a person are read from the log
   * again, which does
   * not return the person any more.
   */
  push(events: readonly StoredEvent[]): void {
    for (const event of events) {
      if (event.type === 'PersonErased' || event.position !== this.#next) {
        this.#ring = [];
        this.#first = event.position;
      }
      this.#ring.push(event);
    }
    const surplus = this.#ring.length - this.#ringSize;
    if (surplus > this.#ringSize) {
      this.#ring = this.#ring.slice(surplus);
      this.#first += surplus;
    }
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Position of the newest event in the feed; -1 while there is none. */
  get lastPosition(): number {
    return this.#next - 1;
  }

  get #next(): number {
    return this.#first + this.#ring.length;
  }

  /** Batches of events after a position, in order, without gaps, until the signal aborts. */
  async *batches(options: FeedOptions): AsyncGenerator<readonly RecordedEvent[]> {
    for await (const frame of this.frames(options)) {
      if (frame.type === 'events') yield frame.events;
      else if (frame.type === 'idle') yield [];
    }
  }

  /** As {@link batches}, and tells when the reader has caught up, and when it fell behind what is kept in memory. */
  async *frames(options: FeedOptions): AsyncGenerator<FeedFrame> {
    let next = options.after + 1;
    let live = false;
    while (!options.signal.aborted) {
      if (live && next < this.#first) {
        live = false;
        yield { type: 'fellBehind' };
      }
      const page = await this.#from(next);
      if (page.next > next) {
        ({ next } = page);
        if (page.events.length > 0) yield { type: 'events', events: page.events };
      } else if (!live) {
        live = true;
        yield { type: 'caughtUp' };
      } else if (!(await this.#changed(next, options)) && !options.signal.aborted) {
        yield { type: 'idle' };
      }
    }
  }

  /** Events from a position on, and the position behind them; the same position when there are none. */
  async #from(from: number): Promise<{ readonly events: readonly RecordedEvent[]; readonly next: number }> {
    if (from < this.#first) {
      const { events, nextPosition } = await this.#log.read({ from, limit: PAGE_SIZE });
      return { events, next: nextPosition };
    }
    const stored = this.#ring.slice(from - this.#first, from - this.#first + PAGE_SIZE);
    const events = stored.filter((event): event is RecordedEvent => event.type !== 'Undecodable');
    return { events, next: from + stored.length };
  }

  /** True when there is more, false when the time is over or the reader left. */
  #changed(next: number, options: FeedOptions): Promise<boolean> {
    // Something may have come between the look and now.
    if (this.lastPosition >= next || options.signal.aborted) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (changed: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        options.signal.removeEventListener('abort', leave);
        resolve(changed);
      };
      const wake = (): void => finish(true);
      const leave = (): void => finish(false);
      const timer = options.idleMs === undefined ? undefined : setTimeout(leave, options.idleMs);
      this.#waiting.add(wake);
      options.signal.addEventListener('abort', leave, { once: true });
    });
  }
}
