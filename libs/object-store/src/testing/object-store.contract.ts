// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore, StoredContent } from '../object-store.port.js';

/** A store under test, fresh and for this suite alone. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly store: ObjectStore;
}

const content = (text: string): StoredContent => ({ digest: Digest.of(text), content: text });
const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });

/** Requirements of every object store; run it against each implementation. */
export function objectStoreContract(title: string, open: () => Promise<StoreUnderTest>): void {
  describe(`object store contract: ${title}`, () => {
    let opened: StoreUnderTest | undefined;
    const store = (): ObjectStore => {
      if (opened === undefined) throw new Error('the store was not opened');
      return opened.store;
    };
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.[Symbol.asyncDispose]();
    });

    it.each([
      ['plain text', 'hello'],
      ['nothing', ''],
      ['every kind of character', "nul \u0000, tab \t, umlaut ä, \u2028, emoji 👩‍🚀, quote ', backslash \\x00"],
      ['a megabyte', 'plumb line '.repeat(100_000)],
    ])('gives back %s as it was', async (_what, text) => {
      await store().put([content(text)]);
      expect(await store().get(Digest.of(text))).toBe(text);
    });

    it('keeps what is there when it is put again, alone, twice in one call and by many at once', async () => {
      const [a, b] = [content('again a'), content('again b')];
      await store().put([a]);
      await Promise.all([store().put([a, b, a]), store().put([b, a]), store().put([a, b])]);
      expect(await store().getMany([a.digest, b.digest])).toEqual(
        new Map([
          [a.digest, a.content],
          [b.digest, b.content],
        ]),
      );
    });

    it('takes thousands at once and returns them all', async () => {
      const many = Array.from({ length: 2_500 }, (_, index) => content(`{"object":${index}}`));
      await store().put(many);
      const found = await store().getMany(many.map((entry) => entry.digest));
      expect(found.size).toBe(many.length);
      expect(found.get(many[1_777]?.digest ?? Digest.of(''))).toBe('{"object":1777}');
    });

    it('takes more bytes than fit into one statement', async () => {
      const many = Array.from({ length: 6 }, (_, index) => content(`${index}`.repeat(1_500_000)));
      await store().put(many);
      expect((await store().getMany(many.map((entry) => entry.digest))).size).toBe(6);
    });

    it('leaves out what is missing from many, and says so for one', async () => {
      const there = content('there');
      await store().put([there]);
      const missing = Digest.of('never stored');
      expect(await store().getMany([missing, there.digest])).toEqual(new Map([[there.digest, 'there']]));
      await expect(store().get(missing)).rejects.toEqual(code('PLB-3201'));
    });

    it('refuses content that is not what the digest names, and stores nothing of that call', async () => {
      const good = content('good beside bad');
      await expect(store().put([good, { digest: Digest.of('one'), content: 'another' }])).rejects.toEqual(
        code('PLB-1201'),
      );
      expect(await store().getMany([good.digest])).toEqual(new Map());
    });

    it('refuses text without a UTF-8 form', async () => {
      const text = 'a\ud800';
      await expect(store().put([content(text)])).rejects.toEqual(code('PLB-1201'));
    });

    it('does nothing for nothing', async () => {
      await store().put([]);
      expect(await store().getMany([])).toEqual(new Map());
    });
  });
}
