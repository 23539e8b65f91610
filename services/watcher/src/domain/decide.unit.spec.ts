// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { nextLookMs } from './decide.js';

describe('the time to the next look', () => {
  it('is the interval, give or take a tenth', () => {
    expect([0, 0.5, 1].map((random) => nextLookMs(60_000, 0, random))).toEqual([54_000, 60_000, 66_000]);
  });

  it('doubles with every failure, up to a minute or the interval', () => {
    expect([1, 2, 3, 20].map((failures) => nextLookMs(1_000, failures, 0.5))).toEqual([2_000, 4_000, 8_000, 60_000]);
    expect(nextLookMs(3_600_000, 5, 0.5)).toBe(3_600_000);
  });
});
