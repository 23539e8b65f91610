// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { RateLimit } from './rate-limit.js';

describe('a rate limit', () => {
  it('lets a burst through, then as many as refill, and says how long to wait', () => {
    const limit = new RateLimit({ perMinute: 6 });
    for (let count = 0; count < 6; count += 1) expect(limit.take('a', 0)).toBe(0);
    expect(limit.take('a', 0)).toBe(10_000);
    expect(limit.take('a', 4_000)).toBe(6_000);
    expect(limit.take('a', 10_000)).toBe(0);
    expect(limit.take('b', 10_000)).toBe(0);
  });

  it('is not confused by a clock that goes back', () => {
    const limit = new RateLimit({ perMinute: 1 });
    limit.take('a', 60_000);
    expect(limit.take('a', 0)).toBeGreaterThan(0);
  });

  it('does not forget the guilty when many sources come: the others share what is left', () => {
    const limit = new RateLimit({ perMinute: 1, maxSources: 2 });
    expect(limit.take('guilty', 0)).toBe(0);
    expect(limit.take('second', 0)).toBe(0);
    expect(limit.take('third', 0)).toBe(0);
    expect(limit.take('fourth', 0)).toBeGreaterThan(0);
    expect(limit.take('guilty', 0)).toBeGreaterThan(0);
    // Whoever was quiet for a minute makes room.
    expect(limit.take('fifth', 61_000)).toBe(0);
    expect(limit.take('sixth', 61_000)).toBe(0);
  });
});
