// SPDX-License-Identifier: Apache-2.0

/** Limits of a back-off, in milliseconds. */
export interface BackoffLimits {
  /** Delay after the first failure. */
  readonly firstMs: number;
  /** Longest delay. */
  readonly maxMs: number;
}

/**
 * Delay after failure number `attempt` (from 1), in whole milliseconds: doubles from `firstMs` up to `maxMs`, with a
 * jitter that takes
 * away up to half of it. `random` is from 0 (shortest) to 1.
 */
export function backoff({ firstMs, maxMs }: BackoffLimits, attempt: number, random: number): number {
  const delayMs = Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(attempt, 1) - 1, 30));
  return Math.round(delayMs * (0.5 + random / 2));
}
