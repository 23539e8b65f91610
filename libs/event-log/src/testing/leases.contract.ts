// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from 'vitest';
import type { DeliveryCursors } from '../delivery-cursors.port.js';
import type { WorkLeases } from '../work-leases.port.js';

/** Leases and cursors under test, fresh for each test. */
export interface LeasesUnderTest extends AsyncDisposable {
  readonly leases: WorkLeases;
  readonly cursors: DeliveryCursors;
}

const LONG_MS = 600_000;
const work = 'deliveries';

/** What every {@link WorkLeases} with its {@link DeliveryCursors} does. */
export function leasesContract(title: string, open: () => Promise<LeasesUnderTest>): void {
  describe(`${title}: leases and delivery cursors`, () => {
    it('give work to one holder, renew it, and give it to another one after its release, with a higher epoch', async () => {
      await using opened = await open();
      const { leases } = opened;
      const first = await leases.acquire({ work, holder: 'one', ttlMs: LONG_MS });
      expect(first).toEqual({ work, holder: 'one', epoch: 1 });
      expect(await leases.acquire({ work, holder: 'two', ttlMs: LONG_MS })).toBeUndefined();
      expect(await leases.acquire({ work, holder: 'one', ttlMs: LONG_MS })).toEqual(first);
      expect(await leases.acquire({ work: 'other', holder: 'two', ttlMs: LONG_MS })).toMatchObject({ holder: 'two' });
      if (first !== undefined) await leases.release(first);
      const second = await leases.acquire({ work, holder: 'two', ttlMs: LONG_MS });
      expect(second).toEqual({ work, holder: 'two', epoch: 2 });
      // A former holder releases nothing.
      if (first !== undefined) await leases.release(first);
      expect(await leases.acquire({ work, holder: 'one', ttlMs: LONG_MS })).toBeUndefined();
    });

    it('give work to another holder when the lease has expired', async () => {
      await using opened = await open();
      const { leases } = opened;
      await leases.acquire({ work, holder: 'one', ttlMs: 1 });
      await vi.waitFor(
        async () => expect(await leases.acquire({ work, holder: 'two', ttlMs: LONG_MS })).toMatchObject({ epoch: 2 }),
        { timeout: 60_000, interval: 10 },
      );
    });

    it('give work to one of several that ask at once', async () => {
      await using opened = await open();
      const holders = Array.from({ length: 8 }, (_, index) => `holder-${index}`);
      const leases = await Promise.all(
        holders.map((holder) => opened.leases.acquire({ work, holder, ttlMs: LONG_MS })),
      );
      expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
    });

    it.each([
      ['Deliveries', 'one', 100],
      ['', 'one', 100],
      [work, '', 100],
      [work, 'one', 0],
      [work, 'one', 3_600_001],
    ])('reject "%s" for "%s" and %i ms', async (name, holder, ttlMs) => {
      await using opened = await open();
      await expect(opened.leases.acquire({ work: name, holder, ttlMs })).rejects.toMatchObject({ code: 'PLB-1158' });
    });

    it('move a cursor for the holder only, add up what was delivered, and remove it', async () => {
      await using opened = await open();
      const { leases, cursors } = opened;
      const first = await leases.acquire({ work, holder: 'one', ttlMs: LONG_MS });
      if (first === undefined) throw new Error('the lease is free');
      expect(await cursors.list()).toEqual([]);
      expect(await cursors.advance({ subscription: 'chat', begunBy: 3, position: 9, delivered: 4 }, first)).toBe(true);
      expect(await cursors.advance({ subscription: 'chat', begunBy: 3, position: 12, delivered: 2 }, first)).toBe(true);
      const updatedAt = expect.stringMatching(/^\d{4}-.*Z$/) as unknown;
      const chat = { subscription: 'chat', begunBy: 3, position: 12, delivered: 6, updatedAt };
      expect(await cursors.list()).toEqual([chat]);
      await leases.release(first);
      const second = await leases.acquire({ work, holder: 'two', ttlMs: LONG_MS });
      if (second === undefined) throw new Error('the lease is free');
      expect(await cursors.advance({ subscription: 'chat', begunBy: 3, position: 99, delivered: 1 }, first)).toBe(
        false,
      );
      await cursors.remove('chat', first);
      expect(await cursors.list()).toEqual([chat]);
      expect(await cursors.advance({ subscription: 'chat', begunBy: 20, position: 5, delivered: 0 }, second)).toBe(
        true,
      );
      expect(await cursors.list()).toEqual([{ ...chat, begunBy: 20, position: 5 }]);
      await cursors.remove('chat', second);
      expect(await cursors.list()).toEqual([]);
    });
  });
}
