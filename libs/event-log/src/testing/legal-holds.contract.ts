// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { EventLog } from '../event-log.port.js';
import type { LegalHolds } from '../legal-holds.port.js';

/** Holds under test and the log that tells of them, fresh for each test. */
export interface HoldsUnderTest extends AsyncDisposable {
  readonly log: EventLog;
  readonly holds: LegalHolds;
}

const ada = { kind: 'user', id: 'token-ada', name: 'Ada' } as const;
const bob = { kind: 'user', id: 'token-bob', name: 'Bob' } as const;

/** What every {@link LegalHolds} does. */
export function legalHoldsContract(title: string, open: () => Promise<HoldsUnderTest>): void {
  describe(`${title}: legal holds`, () => {
    it('are listed with who placed and lifted them, and each change is an event by its actor', async () => {
      await using opened = await open();
      const { log, holds } = opened;
      expect(await holds.list()).toEqual([]);
      const placed = await holds.place({ id: 'case-7', from: 3, to: 9, reason: 'asked by counsel' }, ada);
      const hold = {
        id: 'case-7',
        from: 3,
        to: 9,
        reason: 'asked by counsel',
        placedBy: 'token-ada',
        placedAt: expect.stringMatching(/^\d{4}-.*\d{6}Z$/) as unknown,
      };
      expect(placed).toEqual({ hold, changed: true, position: 0 });
      await holds.place({ id: 'case-8', from: 0, reason: 'everything from now on' }, bob);
      const lifted = await holds.lift('case-7', bob);
      expect(lifted).toEqual({
        hold: { ...hold, liftedBy: 'token-bob', liftedAt: expect.any(String) as unknown },
        changed: true,
        position: 2,
      });
      expect(await holds.list()).toEqual([lifted.hold, expect.objectContaining({ id: 'case-8', from: 0 })]);
      expect((await holds.list())[1]).not.toHaveProperty('to');
      expect((await log.read({ from: 0 })).events).toMatchObject([
        { type: 'LegalHoldPlaced', actor: ada, data: { hold: 'case-7', from: 3, to: 9, reason: 'asked by counsel' } },
        { type: 'LegalHoldPlaced', actor: bob, data: { hold: 'case-8', from: 0 } },
        { type: 'LegalHoldLifted', actor: bob, data: { hold: 'case-7' } },
      ]);
    });

    it('change nothing when they are placed or lifted again, and are never another hold', async () => {
      await using opened = await open();
      const { log, holds } = opened;
      const given = { id: 'case-7', from: 3, reason: 'asked by counsel' };
      const [one, two] = await Promise.all([holds.place(given, ada), holds.place(given, ada)]);
      expect([one.changed, two.changed].toSorted()).toEqual([false, true]);
      expect(one.position).toBe(two.position);
      for (const other of [
        { ...given, from: 4 },
        { ...given, to: 5 },
        { ...given, reason: 'another' },
      ])
        await expect(holds.place(other, ada)).rejects.toMatchObject({ code: 'PLB-4108' });
      await expect(holds.place(given, bob)).rejects.toMatchObject({ code: 'PLB-4108' });
      const { position } = await holds.lift('case-7', ada);
      expect(await holds.lift('case-7', bob)).toMatchObject({
        changed: false,
        position,
        hold: { liftedBy: 'token-ada' },
      });
      await expect(holds.place(given, ada)).rejects.toMatchObject({ code: 'PLB-4108' });
      await expect(holds.lift('case-9', ada)).rejects.toMatchObject({ code: 'PLB-3154' });
      expect(await log.head()).toBe(2);
    });

    it('are refused without a name, a reason or a range, and nothing is written', async () => {
      await using opened = await open();
      const given = { id: 'a', from: 0, reason: 'r' };
      const wrong = [
        { id: '' },
        { id: 'case\n7' },
        { reason: ' ' },
        { reason: 'r'.repeat(1_001) },
        { from: -1 },
        { from: 5, to: 5 },
      ];
      for (const part of wrong)
        await expect(opened.holds.place({ ...given, ...part }, ada), JSON.stringify(part)).rejects.toMatchObject({
          code: 'PLB-1172',
        });
      expect(await opened.holds.list()).toEqual([]);
      expect(await opened.log.head()).toBe(0);
    });
  });
}
