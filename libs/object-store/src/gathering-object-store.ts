// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import { LRUCache } from 'lru-cache';
import { missingContent } from './contents.js';
import type { ObjectStore, StoredContent } from './object-store.port.js';

/** Limits of a {@link GatheringObjectStore}. */
export interface GatheringOptions {
  /** Size of the cache in UTF-16 code units; 0 disables it. */
  readonly maxCached: number;
}

/** Maximum number of contents in one combined call. */
const MAX_GATHERED = 2_000;
/** Cost of a cache entry in addition to its text. */
const ENTRY_OVERHEAD = 200;

interface Waiting<Item, Result> {
  readonly items: readonly Item[];
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs one call at a time and combines the calls that arrive meanwhile. */
class Gathered<Item, Result> {
  readonly #call: (items: readonly Item[]) => Promise<Result>;

  #waiting: Waiting<Item, Result>[] = [];
  #isRunning = false;

  constructor(call: (items: readonly Item[]) => Promise<Result>) {
    this.#call = call;
  }

  run(items: readonly Item[]): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      // Calls of the same turn of the event loop are combined too.
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#step(this.#next());
    this.#isRunning = false;
  }

  #next(): readonly Waiting<Item, Result>[] {
    let [size, count] = [0, 0];
    for (const { items } of this.#waiting) {
      if (count > 0 && size + items.length > MAX_GATHERED) break;
      size += items.length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #step(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const result = await this.#call(batch.flatMap(({ items }) => items));
      for (const { resolve } of batch) resolve(result);
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error);
      // The content of one caller may be invalid: each caller gets its own result.
      else for (const waiting of batch) await this.#step([waiting]);
    }
  }
}

/**
 * Batches and caches another object store: overlapping calls are combined, and content that was stored or read
 * recently is
 * returned from memory. Content never changes under its digest, so the cache is never stale.
 */
export class GatheringObjectStore implements ObjectStore, AsyncDisposable {
  readonly #store: ObjectStore & { readonly close?: () => Promise<void> };

  readonly #recent: LRUCache<Digest, string> | undefined;
  readonly #puts: Gathered<StoredContent, void>;
  readonly #gets: Gathered<Digest, ReadonlyMap<Digest, string>>;

  constructor(store: ObjectStore & { readonly close?: () => Promise<void> }, options: GatheringOptions) {
    this.#store = store;

    this.#recent =
      options.maxCached === 0
        ? undefined
        : new LRUCache({ maxSize: options.maxCached, sizeCalculation: (content) => content.length + ENTRY_OVERHEAD });
    this.#puts = new Gathered(async (contents) => this.#store.put(contents));
    this.#gets = new Gathered(async (digests) => this.#store.getMany(digests));
  }

  async put(contents: readonly StoredContent[]): Promise<void> {
    // Cached content is durable; a digest with other content is passed on and rejected.
    const missing = contents.filter(({ digest, content }) => this.#recent?.get(digest) !== content);
    if (missing.length === 0) return;
    await this.#puts.run(missing);
    for (const { digest, content } of missing) this.#recent?.set(digest, content);
  }

  async get(digest: Digest): Promise<string> {
    const content = (await this.getMany([digest])).get(digest);
    if (content === undefined) throw missingContent(digest);
    return content;
  }

  async getMany(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    const found = new Map<Digest, string>();
    const missing: Digest[] = [];
    for (const digest of new Set(digests)) {
      const known = this.#recent?.get(digest);
      if (known === undefined) missing.push(digest);
      else found.set(digest, known);
    }
    if (missing.length === 0) return found;
    const read = await this.#gets.run(missing);
    for (const digest of missing) {
      const content = read.get(digest);
      if (content === undefined) continue;
      found.set(digest, content);
      this.#recent?.set(digest, content);
    }
    return found;
  }

  /** Closes the wrapped store. */
  async close(): Promise<void> {
    await this.#store.close?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
