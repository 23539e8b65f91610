// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import type { ObjectStore, StoredContent } from '@plumbline/object-store';

const KNOWN_DIGESTS = 200_000;
const MAX_BATCH = 2_000;

interface Waiting {
  readonly contents: readonly StoredContent[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writes contents to the object store: what waits goes together in one call, what was written before is not written again. */
export class BlobWriter {
  readonly #known = new Set<Digest>();
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(private readonly store: ObjectStore) {}

  /** Resolves when all contents are durable. */
  put(contents: readonly StoredContent[]): Promise<void> {
    const missing = contents.filter(({ digest }) => !this.#known.has(digest));
    if (missing.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ contents: missing, resolve, reject });
      if (!this.#isWriting) {
        this.#isWriting = true;
        setImmediate(() => void this.#drain());
      }
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch: Waiting[] = [];
      for (let size = 0; this.#waiting.length > 0 && size < MAX_BATCH; ) {
        const next = this.#waiting.shift();
        if (next === undefined) break;
        size += next.contents.length;
        batch.push(next);
      }
      await this.#write(batch);
    }
    this.#isWriting = false;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const contents = new Map(batch.flatMap((waiting) => waiting.contents.map((content) => [content.digest, content] as const)));
    try {
      await this.store.put([...contents.values()]);
      if (this.#known.size > KNOWN_DIGESTS) this.#known.clear();
      for (const digest of contents.keys()) this.#known.add(digest);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
