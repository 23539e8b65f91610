// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { backoff } from './backoff.js';

const limits = { firstMs: 1_000, maxMs: 60_000 };

describe('backoff', () => {
  it('doubles from the first delay to the longest', () => {
    expect([1, 2, 3, 7, 40].map((attempt) => backoff(limits, attempt, 1))).toEqual([
      1_000, 2_000, 4_000, 60_000, 60_000,
    ]);
  });

  it('takes away up to half of the delay at random', () => {
    expect([0, 0.5, 1].map((random) => backoff(limits, 2, random))).toEqual([1_000, 1_500, 2_000]);
  });

  it('never returns more than the longest delay, also when the first one is longer', () => {
    expect(backoff({ firstMs: 5_000, maxMs: 1_000 }, 1, 1)).toBe(1_000);
  });
});
