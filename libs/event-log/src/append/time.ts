// SPDX-License-Identifier: Apache-2.0
export { formatMicros, microsOf } from '@plumbline/core';

/** The time of a commit: the clock, but always later than the commit before. */
export function nextCommitMicros(nowMs: number, lastMicros: number): number {
  return Math.max(Math.floor(nowMs) * 1_000, lastMicros + 1);
}
