// SPDX-License-Identifier: Apache-2.0
import type { Actor } from '@plumbline/events';

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

/** Who asks for work that may take long, and how long to wait for its end. */
export interface AskedWork {
  readonly by: Actor;
  /** A UUIDv7. A repeat with the same id joins the work, or gets its outcome again. */
  readonly requestId: string;
  readonly waitMs: number;
}

/** What became of a release. */
export interface ReleaseReport {
  /** Keys that go on again. */
  readonly released: number;
  /** What failed again, or still. */
  readonly stillParked: readonly ParkedItem[];
  /** True when the time to wait was over first: it goes on, and the rest tells how it was before. */
  readonly underWay?: boolean;
  /** Of the last event that tells of it; absent when nothing was released. */
  readonly position?: number;
}

/** Work that could not be done and waits for somebody to mend its cause. */
export interface ParkedWork {
  /** Everything that is parked, the oldest first. */
  list(): Promise<readonly ParkedItem[]>;
  /**
   * Tries parked work again, after its cause was mended: folds the views anew beside the shown ones and shows them
   * then. Appends a
   * WorkReleased by `asked.by` for each key that goes on. With a key it does nothing unless that key is parked.
   * @throws UpstreamError PLB-6002 in a process that does not lead (the client asks the next one)
   */
  release(key?: string, asked?: AskedWork): Promise<ReleaseReport>;
}
