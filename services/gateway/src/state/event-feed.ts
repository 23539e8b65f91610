// SPDX-License-Identifier: Apache-2.0
import type { EventLog } from '@plumbline/event-log';
import type { RecordedEvent } from '@plumbline/events';

const PAGE_SIZE = 500;

/** Where a reader of the feed starts and when it ends. */
export interface FeedOptions {
  /** Position of the last event already seen; -1 for the beginning. */
  readonly after: number;
  readonly signal: AbortSignal;
  /** Yields an empty batch when nothing came for so long. */
  readonly idleMs?: number;
}

/** What a reader of the feed gets: events; that it has seen all there is; that it no longer keeps up with the newest; nothing for the idle time. */
export type FeedFrame =
  | { readonly type: 'events'; readonly events: readonly RecordedEvent[] }
  | { readonly type: 'caughtUp' | 'fellBehind' | 'idle' };

/**
 * Events for any number of readers, from any position, live. A reader holds a position and nothing else: while it keeps up it is served from
 * the newest events in memory, and when it falls behind these it pages through the log. So a slow one costs no memory, and loses nothing.
 */
export class EventFeed {
  readonly #log: Pick<EventLog, 'read'>;
  readonly #ringSize: number;

  #ring: RecordedEvent[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(log: Pick<EventLog, 'read'>, ringSize = 4096) {
    this.#log = log;
    this.#ringSize = ringSize;
  }

  /** Takes the next events in order; wakes the readers. What came before a person was erased is read from the log again, which has forgotten the person. */
  push(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      if (event.type === 'PersonErased') this.#ring = [];
      this.#ring.push(event);
    }
    if (this.#ring.length > this.#ringSize * 2) this.#ring = this.#ring.slice(-this.#ringSize);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Position of the newest event in the feed; -1 while there is none. */
  get lastPosition(): number {
    return this.#ring.at(-1)?.position ?? -1;
  }

  /** An event that is still in memory. */
  at(position: number): RecordedEvent | undefined {
    return this.#ring[position - (this.#ring[0]?.position ?? 0)];
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
      if (live && next < (this.#ring[0]?.position ?? 0)) {
        live = false;
        yield { type: 'fellBehind' };
      }
      const events = await this.#from(next);
      if (events.length > 0) {
        next = (events.at(-1)?.position ?? next) + 1;
        yield { type: 'events', events };
      } else if (!live) {
        live = true;
        yield { type: 'caughtUp' };
      } else if (!(await this.#changed(next, options)) && !options.signal.aborted) {
        yield { type: 'idle' };
      }
    }
  }

  async #from(next: number): Promise<readonly RecordedEvent[]> {
    const first = this.#ring[0]?.position;
    if (first === undefined) return [];
    if (next >= first) return this.#ring.slice(next - first, next - first + PAGE_SIZE);
    const page = await this.#log.read({ from: next, limit: PAGE_SIZE });
    return page.events;
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
