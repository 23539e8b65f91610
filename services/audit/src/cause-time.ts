// SPDX-License-Identifier: Apache-2.0

/** The log refuses request ids of an older cause; then a crash may say the same twice. */
const OLDEST_CAUSE_MS = 29 * 24 * 3_600_000;

/** Time for the id of what follows from an event: when that was recorded, or the oldest time that the log takes. */
export function causeTimeMs(recordedAt: string, nowMs: number): number {
  return Math.max(Date.parse(recordedAt), nowMs - OLDEST_CAUSE_MS);
}
