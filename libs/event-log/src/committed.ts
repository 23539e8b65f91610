// SPDX-License-Identifier: Apache-2.0

/** The positions of one commit. */
export interface CommittedRange {
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly recordedAt: string;
}

/** Called after a commit, in position order. MUST NOT block and MUST NOT throw; it is a wake-up, not a delivery. */
export type CommittedListener = (range: CommittedRange) => void;

/** Calls every listener, also when one of them throws; that one is rethrown outside of the caller's turn. */
export function notifyAll(listeners: Iterable<CommittedListener>, range: CommittedRange): void {
  for (const listener of listeners) {
    try {
      listener(range);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
