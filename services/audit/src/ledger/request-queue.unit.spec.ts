// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import { expect, it } from 'vitest';
import { RequestQueue, type Waiting } from './request-queue.js';

const refused: string[] = [];

function waiting(requestId: string, count: number, attempts = 0): Waiting {
  return {
    checked: { requestId, digest: Buffer.alloc(32), items: [], count, bytes: count * 10 },
    deadlineMs: 0,
    attempts,
    resolve: () => undefined,
    reject: () => refused.push(requestId),
  };
}

function queueOf(...given: readonly Waiting[]): RequestQueue {
  const queue = new RequestQueue({ events: 20, bytes: 1_000 });
  for (const one of given) queue.push(one);
  return queue;
}

const idsOf = (taken: readonly Waiting[]): string[] => taken.map(({ checked }) => checked.requestId);
const room = { events: 10, bytes: 1_000 };

it('gives what has room, in order, and nobody overtakes', () => {
  const queue = queueOf(waiting('a', 4), waiting('b', 5), waiting('c', 3), waiting('d', 1));
  expect(idsOf(queue.take(room, { opens: true }))).toEqual(['a', 'b']);
  expect(idsOf(queue.take({ events: 1, bytes: 1_000 }, { opens: false }))).toEqual([]);
  expect(idsOf(queue.take(room, { opens: true }))).toEqual(['c', 'd']);
});

it('gives one that is too large for any batch alone, but only to begin one', () => {
  const queue = queueOf(waiting('huge', 15), waiting('b', 1));
  expect(idsOf(queue.take(room, { opens: false }))).toEqual([]);
  expect(idsOf(queue.take(room, { opens: true }))).toEqual(['huge']);
});

it('gives one that failed before alone', () => {
  const queue = queueOf(waiting('a', 1), waiting('failed', 1, 1), waiting('c', 1));
  expect(idsOf(queue.take(room, { opens: true }))).toEqual(['a']);
  expect(idsOf(queue.take(room, { opens: false }))).toEqual([]);
  expect(idsOf(queue.take(room, { opens: true }))).toEqual(['failed']);
  expect(idsOf(queue.take(room, { opens: true }))).toEqual(['c']);
});

it('stops before the first that is not wanted', () => {
  const queue = queueOf(waiting('a', 1), waiting('unknown', 1), waiting('c', 1));
  expect(idsOf(queue.take(room, { opens: false, wanted: ({ checked }) => checked.requestId !== 'unknown' }))).toEqual([
    'a',
  ]);
  expect(queue.length).toBe(2);
});

it('counts what was taken until it is answered, and takes back to the front', () => {
  const queue = queueOf(waiting('a', 10), waiting('b', 10));
  const taken = queue.take(room, { opens: true });
  expect([queue.events, queue.isFull, queue.hasRoomFor(waiting('c', 1).checked)]).toEqual([20, true, false]);
  queue.putBack(taken);
  expect(idsOf(queue.take(room, { opens: true }))).toEqual(['a']);
  for (const one of taken) queue.leave(one);
  expect([queue.events, queue.isFull]).toEqual([10, false]);
  queue.refuse(
    () => true,
    () => new UpstreamError('PLB-6002', 'not here'),
  );
  expect([refused, queue.events, queue.length]).toEqual([['b'], 0, 0]);
});
