// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { EventFeed } from './event-feed.js';

const eventAt = (position: number): RecordedEvent => ({ position }) as RecordedEvent;

/** A log of so many events that notes what was read from it. */
function logOf(count: number): { readonly reads: number[]; read: ConstructorParameters<typeof EventFeed>[0]['read'] } {
  const reads: number[] = [];
  return {
    reads,
    read: async ({ from, limit = 1000 }) => {
      await Promise.resolve();
      reads.push(from);
      const events = Array.from({ length: Math.max(0, Math.min(limit, count - from)) }, (_, index) =>
        eventAt(from + index),
      );
      return { events, nextPosition: from + events.length, headPosition: count };
    },
  };
}

const range = (from: number, to: number): readonly RecordedEvent[] =>
  Array.from({ length: to - from }, (_, index) => eventAt(from + index));

async function positions(feed: EventFeed, after: number, until: number): Promise<readonly number[]> {
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const events of feed.batches({ after, signal: stop.signal })) {
    seen.push(...events.map(({ position }) => position));
    if ((seen.at(-1) ?? -1) >= until) stop.abort();
  }
  return seen;
}

describe('the event feed', () => {
  it('serves who keeps up from memory', async () => {
    const log = logOf(10);
    const feed = new EventFeed(log, 4);
    feed.push(range(0, 8));
    const reading = positions(feed, 5, 9);
    feed.push(range(8, 10));
    expect(await reading).toEqual([6, 7, 8, 9]);
    expect(log.reads).toEqual([]);
  });

  it('pages through the log for who is behind, then goes over to memory without a gap', async () => {
    const log = logOf(2000);
    const feed = new EventFeed(log, 4);
    for (let from = 0; from < 2000; from += 3) feed.push(range(from, Math.min(2000, from + 3)));
    expect(await positions(feed, -1, 1999)).toEqual(range(0, 2000).map(({ position }) => position));
    expect(log.reads.length).toBe(4);
  });

  it('misses nothing that comes between a look and the wait', async () => {
    const feed = new EventFeed(logOf(0), 100);
    const reading = positions(feed, -1, 99);
    for (let position = 0; position < 100; position += 1) {
      feed.push([eventAt(position)]);
      if (position % 7 === 0) await Promise.resolve();
    }
    expect(await reading).toHaveLength(100);
  });

  it('gives a sign of life when nothing comes', async () => {
    const feed = new EventFeed(logOf(0));
    const stop = new AbortController();
    for await (const events of feed.batches({ after: -1, signal: stop.signal, idleMs: 1 })) {
      expect(events).toEqual([]);
      stop.abort();
    }
  });

  it('tells a reader that it has caught up, that it fell behind what is in memory, and that it has caught up again', async () => {
    const log = logOf(40);
    const feed = new EventFeed(log, 4);
    feed.push(range(0, 4));
    const stop = new AbortController();
    const told: string[] = [];
    for await (const frame of feed.frames({ after: -1, signal: stop.signal })) {
      told.push(frame.type === 'events' ? `${frame.events[0]?.position}…${frame.events.at(-1)?.position}` : frame.type);
      if (told.length === 2) queueMicrotask(() => feed.push(range(4, 8)));
      // While the reader is busy with a batch, more comes than is kept.
      if (told.length === 3) for (let from = 8; from < 40; from += 4) feed.push(range(from, from + 4));
      if (told.at(-1) === 'caughtUp' && told.length > 3) stop.abort();
    }
    expect(told).toEqual(['0…3', 'caughtUp', '4…7', 'fellBehind', '8…39', 'caughtUp']);
    expect(log.reads).toEqual([8]);
  });
});
