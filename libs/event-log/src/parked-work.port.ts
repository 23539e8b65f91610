// SPDX-License-Identifier: Apache-2.0

/** Injection token of the {@link ParkedWork}. */
export const PARKED_WORK = Symbol('PARKED_WORK');

/** An event that a projection cannot apply; its key stands still from there on, all others go on. */
export interface ParkedItem {
  readonly consumer: string;
  /** Of the event that failed. */
  readonly position: number;
  /** The stream that stands still. */
  readonly key: string;
  readonly error: string;
  readonly attempts: number;
  /** Later events of the key that wait behind it. */
  readonly waiting: number;
  readonly parkedAt: string;
}

/** What became of a release. */
export interface ReleaseReport {
  /** Keys that go on again. */
  readonly released: number;
  /** What failed again, or still. */
  readonly stillParked: readonly ParkedItem[];
}

/** Work that could not be done and waits for somebody to mend its cause. */
export interface ParkedWork {
  /** Everything that is parked, the oldest first. */
  list(): Promise<readonly ParkedItem[]>;
  /**
   * Tries parked work again, after its cause was mended: folds the views anew beside the shown ones and shows them then. Nothing is
   * appended; safe to repeat. With a key it does nothing unless that key is parked.
   * @throws UpstreamError PLB-6002 in a process that does not lead (the client asks the next one)
   */
  release(key?: string): Promise<ReleaseReport>;
}
