// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { GatheringObjectStore } from './gathering-object-store.js';
import { MemoryObjectStore } from './memory/memory-object-store.js';
import type { ObjectStore, StoredContent } from './object-store.port.js';
import { objectStoreContract, type StoreUnderTest } from './testing/object-store.contract.js';

const opened = (maxCached: number) => async (): Promise<StoreUnderTest> => ({
  store: new GatheringObjectStore(new MemoryObjectStore(), { maxCached }),
  [Symbol.asyncDispose]: async () => undefined,
});

objectStoreContract('gathered, kept in memory', opened(10_000_000));
objectStoreContract('gathered, little kept in memory', opened(1_000));
objectStoreContract('gathered, nothing kept in memory', opened(0));

const content = (text: string): StoredContent => ({ digest: Digest.of(text), content: text });

/** Counts what reaches the store behind. */
class CountingStore implements ObjectStore {
  readonly inner = new MemoryObjectStore();
  readonly puts: number[] = [];
  readonly gets: number[] = [];

  async put(contents: readonly StoredContent[]): Promise<void> {
    this.puts.push(contents.length);
    await this.inner.put(contents);
  }

  async get(digest: Digest): Promise<string> {
    return this.inner.get(digest);
  }

  async getMany(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    this.gets.push(digests.length);
    return this.inner.getMany(digests);
  }
}

describe('the gathering object store', () => {
  it('writes and reads together what overlaps', async () => {
    const behind = new CountingStore();
    const store = new GatheringObjectStore(behind, { maxCached: 0 });
    const many = Array.from({ length: 100 }, (_, index) => content(`object ${index}`));
    await Promise.all(many.map(async (entry) => store.put([entry])));
    expect(behind.puts).toEqual([100]);
    expect(await Promise.all(many.map(async ({ digest }) => store.get(digest)))).toEqual(
      many.map((entry) => entry.content),
    );
    expect(behind.gets).toEqual([100]);
  });

  it('asks the store behind neither for what it has stored nor for what it has read', async () => {
    const behind = new CountingStore();
    const [own, other] = [content('own'), content('of another process')];
    await behind.inner.put([other]);
    const store = new GatheringObjectStore(behind, { maxCached: 10_000 });
    await store.put([own]);
    await store.put([own]);
    for (let round = 0; round < 3; round += 1) expect((await store.getMany([own.digest, other.digest])).size).toBe(2);
    expect(behind).toMatchObject({ puts: [1], gets: [1] });
  });

  it('does not remember that something was missing', async () => {
    const behind = new CountingStore();
    const store = new GatheringObjectStore(behind, { maxCached: 10_000 });
    const late = content('late');
    await expect(store.get(late.digest)).rejects.toMatchObject({ code: 'PLB-3201' });
    await behind.inner.put([late]);
    expect(await store.get(late.digest)).toBe('late');
  });

  it('refuses other content under a digest that it knows', async () => {
    const store = new GatheringObjectStore(new MemoryObjectStore(), { maxCached: 10_000 });
    await store.put([content('one')]);
    await expect(store.put([{ digest: Digest.of('one'), content: 'two' }])).rejects.toMatchObject({ code: 'PLB-1201' });
    expect(await store.get(Digest.of('one'))).toBe('one');
  });

  it('tells only the caller whose content was at fault', async () => {
    const store = new GatheringObjectStore(new MemoryObjectStore(), { maxCached: 10_000 });
    const results = await Promise.allSettled([
      store.put([content('good')]),
      store.put([{ digest: Digest.of('a'), content: 'b' }]),
      store.put([content('good too')]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await store.getMany([Digest.of('good'), Digest.of('good too'), Digest.of('a')])).size).toBe(2);
  });
});
