// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import { checkContents, missingContent, readContent } from '../contents.js';
import type { ObjectStore, StoredContent } from '../object-store.port.js';

/** An object store in memory, for tests and evaluation. */
export class MemoryObjectStore implements ObjectStore {
  readonly #contents = new Map<Digest, Buffer>();

  /** Number of different contents. */
  get size(): number {
    return this.#contents.size;
  }

  async put(contents: readonly StoredContent[]): Promise<void> {
    const checked = checkContents(contents);
    await Promise.resolve();
    for (const { digest, content } of checked) this.#contents.set(digest, Buffer.from(content));
  }

  async get(digest: Digest): Promise<string> {
    await Promise.resolve();
    const bytes = this.#contents.get(digest);
    if (bytes === undefined) throw missingContent(digest);
    return readContent(digest, bytes);
  }

  async getMany(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    await Promise.resolve();
    const found = new Map<Digest, string>();
    for (const digest of digests) {
      const bytes = this.#contents.get(digest);
      if (bytes !== undefined) found.set(digest, readContent(digest, bytes));
    }
    return found;
  }
}
