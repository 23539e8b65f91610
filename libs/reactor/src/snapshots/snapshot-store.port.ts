// SPDX-License-Identifier: Apache-2.0

/** Keeps the newest snapshot of each consumer. What it holds can be rebuilt from the log. */
export interface SnapshotStore {
  /** Returns the bytes that were written last, or undefined when there are none. */
  read(consumer: string): Promise<Buffer | undefined>;
  /** Replaces the snapshot with the chunks as a whole: a reader gets the old or the new one, also after a crash. */
  write(consumer: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Removes the snapshot; nothing happens when there is none. */
  remove(consumer: string): Promise<void>;
}
