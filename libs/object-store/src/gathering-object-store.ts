// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import { LRUCache } from 'lru-cache';
import { missingContent } from './contents.js';
import type { ObjectStore, StoredContent } from './object-store.port.js';

/** How an object store is read and written by many at once. */
export interface GatheringOptions {
  /** Content kept in memory, in UTF-16 code units; 0 keeps none. */
  readonly maxCached: number;
}

/** Contents of one call to the store behind at most, where several callers wait. */
const MAX_GATHERED = 2_000;
/** An entry costs more than its text. */
const ENTRY_OVERHEAD = 200;

interface Waiting<Item, Result> {
  readonly items: readonly Item[];
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** One call at a time; what comes meanwhile goes together in the next. */
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
      // What is asked for in the same turn goes together too.
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
      // Content of one caller may be at fault: each learns of its own.
      else for (const waiting of batch) await this.#step([waiting]);
    }
  }
}

/**
 * An object store in front of another: calls that overlap go to it together, and content that was stored or read lately is
 * answered from memory. Content never changes under its digest, so what is kept is never stale.
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
    // Kept content is durable; a digest with other content goes on and is refused.
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

  /** Closes the store behind. */
  async close(): Promise<void> {
    await this.#store.close?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
