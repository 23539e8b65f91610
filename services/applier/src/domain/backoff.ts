// SPDX-License-Identifier: Apache-2.0

const RETRY_FIRST_MS = 2_000;
const RETRY_LAST_MS = 300_000;
const HEAL_FIRST_MS = 300;
const HEAL_LAST_MS = 300_000;
const HEAL_UNCHARGED = 2;

/** Gap before the next try after so many failed ones (1 = the first failed). Grows by two to five minutes. */
export function retryDelayMs(attempts: number): number {
  return Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.max(0, attempts - 1));
}

/** Gap before drift is undone, by how often the same object drifted lately (1 = the first time). The first few are quick; a fight is slowed. */
export function healDelayMs(occurrences: number): number {
  return Math.min(HEAL_LAST_MS, HEAL_FIRST_MS * 2 ** Math.max(0, occurrences - HEAL_UNCHARGED));
}

/** Drift of the same object counts as recurring for this long. */
export const HEAL_MEMORY_MS = 600_000;
