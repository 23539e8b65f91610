// SPDX-License-Identifier: Apache-2.0
import { GrpcLegalHolds, LogChannel } from '@plumbline/event-log/client';
import type { LegalHolds } from '@plumbline/event-log';
import { describe, expect, it } from 'vitest';
import { openAudit } from '../audit.fixture.js';
import type { OpenedAudit } from '../audit.fixture.js';

const ada = { kind: 'user', id: 'token-ada', name: 'Ada' } as const;
const bob = { kind: 'user', id: 'token-bob', name: 'Bob' } as const;
const SECRET = 'a service token of the test';

interface Opened extends AsyncDisposable {
  readonly audit: OpenedAudit;
  readonly holds: LegalHolds;
}

const inProcess = async (): Promise<Opened> => {
  const audit = await openAudit();
  return { audit, holds: audit.parts.holds, [Symbol.asyncDispose]: async () => audit[Symbol.asyncDispose]() };
};

const overTheDoor = async (): Promise<Opened> => {
  const audit = await openAudit();
  const channel = new LogChannel({ url: await audit.parts.openDoor({ listen: '127.0.0.1:0', token: SECRET }), token: SECRET });
  return {
    audit, holds: new GrpcLegalHolds(channel),
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await audit[Symbol.asyncDispose]();
    },
  };
};

describe.each([['in the process', inProcess], ['over the door', overTheDoor]] as const)('legal holds %s', (_where, open) => {
  it('are listed with who placed and lifted them, and each change is an event by its actor', async () => {
    await using opened = await open();
    const { audit, holds } = opened;
    expect(await holds.list()).toEqual([]);
    const placed = await holds.place({ id: 'case-7', from: 3, to: 9, reason: 'asked by counsel' }, ada);
    const hold = { id: 'case-7', from: 3, to: 9, reason: 'asked by counsel', placedBy: 'token-ada', placedAt: expect.stringMatching(/^\d{4}-.*\d{6}Z$/) as unknown };
    expect(placed).toEqual({ hold, changed: true, position: 0 });
    await holds.place({ id: 'case-8', from: 0, reason: 'everything from now on' }, bob);
    const lifted = await holds.lift('case-7', bob);
    expect(lifted).toEqual({ hold: { ...hold, liftedBy: 'token-bob', liftedAt: expect.any(String) as unknown }, changed: true, position: 2 });
    expect(await holds.list()).toEqual([lifted.hold, expect.objectContaining({ id: 'case-8', from: 0 })]);
    expect((await holds.list())[1]).not.toHaveProperty('to');
    expect((await audit.parts.log.read({ from: 0 })).events).toMatchObject([
      { type: 'LegalHoldPlaced', actor: ada, data: { hold: 'case-7', from: 3, to: 9, reason: 'asked by counsel' } },
      { type: 'LegalHoldPlaced', actor: bob, data: { hold: 'case-8', from: 0 } },
      { type: 'LegalHoldLifted', actor: bob, data: { hold: 'case-7' } },
    ]);
  });

  it('change nothing when they are placed or lifted again, and are never another hold', async () => {
    await using opened = await open();
    const { audit, holds } = opened;
    const given = { id: 'case-7', from: 3, reason: 'asked by counsel' };
    const [one, two] = await Promise.all([holds.place(given, ada), holds.place(given, ada)]);
    expect([one.changed, two.changed].toSorted()).toEqual([false, true]);
    expect(one.position).toBe(two.position);
    for (const other of [{ ...given, from: 4 }, { ...given, to: 5 }, { ...given, reason: 'another' }]) await expect(holds.place(other, ada)).rejects.toMatchObject({ code: 'PLB-4108' });
    await expect(holds.place(given, bob)).rejects.toMatchObject({ code: 'PLB-4108' });
    const { position } = await holds.lift('case-7', ada);
    expect(await holds.lift('case-7', bob)).toMatchObject({ changed: false, position, hold: { liftedBy: 'token-ada' } });
    await expect(holds.place(given, ada)).rejects.toMatchObject({ code: 'PLB-4108' });
    await expect(holds.lift('case-9', ada)).rejects.toMatchObject({ code: 'PLB-3154' });
    expect(await audit.parts.log.head()).toBe(2);
  });

  it('are refused without a name, a reason or a range, and nothing is written', async () => {
    await using opened = await open();
    const given = { id: 'a', from: 0, reason: 'r' };
    const wrong = [{ id: '' }, { id: 'case\n7' }, { reason: ' ' }, { reason: 'r'.repeat(1_001) }, { from: -1 }, { from: 5, to: 5 }];
    for (const part of wrong) await expect(opened.holds.place({ ...given, ...part }, ada), JSON.stringify(part)).rejects.toMatchObject({ code: 'PLB-1172' });
    expect(await opened.holds.list()).toEqual([]);
    expect(await opened.audit.parts.log.head()).toBe(0);
  });
});

it('is told by the same request again when the process died between table and log', async () => {
  await using audit = await openAudit();
  await audit.ask("insert into ledger.legal_hold (id, shard, first_pos, reason, placed_by) values ('case-7', 0, 3, 'asked by counsel', 'token-ada')");
  expect(await audit.parts.holds.place({ id: 'case-7', from: 3, reason: 'asked by counsel' }, ada)).toMatchObject({ changed: true, position: 0 });
  expect((await audit.parts.log.read({ from: 0 })).events).toMatchObject([{ type: 'LegalHoldPlaced', actor: ada }]);
});
