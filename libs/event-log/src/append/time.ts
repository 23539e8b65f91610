// SPDX-License-Identifier: Apache-2.0

/** RFC 3339 in UTC with microseconds. */
export function formatMicros(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = String(micros - seconds * 1_000_000).padStart(6, '0');
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** The time of a commit: the clock, but always later than the commit before. */
export function nextCommitMicros(nowMs: number, lastMicros: number): number {
  return Math.max(Math.floor(nowMs) * 1_000, lastMicros + 1);
}
