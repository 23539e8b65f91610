// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { RecentCommits } from './recent-commits.js';

const range = (firstPosition: number, lastPosition: number) => ({
  firstPosition,
  lastPosition,
  recordedAt: '2026-01-01T00:00:00.000000Z',
});

it('gives the commits that end at or above a position', () => {
  const recent = new RecentCommits(10);
  recent.reset(5);
  for (const given of [range(5, 5), range(6, 9), range(10, 10)]) recent.push(given);
  expect(recent.from(5, 10)).toEqual([range(5, 5), range(6, 9), range(10, 10)]);
  expect(recent.from(8, 1)).toEqual([range(6, 9)]);
  expect(recent.from(11, 10)).toEqual([]);
});

it('says so when it does not have them all: before the lead began, and after it had to forget', () => {
  const recent = new RecentCommits(4);
  recent.reset(100);
  expect(recent.from(99, 10)).toBeUndefined();
  for (let position = 100; position < 110; position += 1) recent.push(range(position, position));
  expect(recent.from(100, 10)).toBeUndefined();
  expect(recent.from(109, 10)).toEqual([range(109, 109)]);
});
