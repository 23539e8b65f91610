// SPDX-License-Identifier: Apache-2.0
import { uuidTimeMs } from '@plumbline/core';

/** Who the renderer's events are from. */
export const ACTOR = { kind: 'service', id: 'renderer', name: 'renderer' } as const;

/** The log forgets request ids after 30 days. */
const OLD_CAUSE_MS = 20 * 24 * 3_600_000;

/** Time that the request id of an answer carries: that of its cause, or now for a cause so old that the log would refuse an id of its time. */
export function requestTimeMs(causeId: string, nowMs: number): number {
  const causeMs = uuidTimeMs(causeId);
  return nowMs - causeMs > OLD_CAUSE_MS ? nowMs : causeMs;
}
