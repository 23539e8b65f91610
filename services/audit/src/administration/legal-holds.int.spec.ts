// SPDX-License-Identifier: Apache-2.0
import { GrpcLegalHolds, LogChannel } from '@plumbline/event-log/client';
import { legalHoldsContract } from '@plumbline/event-log/testing';
import { expect, it } from 'vitest';
import { openAudit, startAudit } from '../audit.fixture.js';
import { TOKEN } from '../testing/test-credentials.js';

const ada = { kind: 'user', id: 'token-ada', name: 'Ada' } as const;

legalHoldsContract('in the process', async () => {
  const audit = await openAudit();
  return {
    log: audit.log,
    holds: audit.holds,
    [Symbol.asyncDispose]: async () => audit[Symbol.asyncDispose](),
  };
});

legalHoldsContract('over the door', async () => {
  const audit = await openAudit();
  const channel = new LogChannel({
    url: audit.url,
    token: TOKEN,
  });
  return {
    log: audit.log,
    holds: new GrpcLegalHolds(channel),
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await audit[Symbol.asyncDispose]();
    },
  };
});

it('is placed by the process that leads, whichever is asked first', async () => {
  await using audit = await openAudit();
  const standby = await startAudit(audit.database.url);
  const [first, second] = [standby.url, audit.url];
  const channel = new LogChannel({ url: `${first},${second.replace('grpc://', '')}`, token: TOKEN });
  try {
    await expect(standby.holds.place({ id: 'case-7', from: 0, reason: 'r' }, ada)).rejects.toMatchObject({
      code: 'PLB-6002',
    });
    expect(await new GrpcLegalHolds(channel).place({ id: 'case-7', from: 0, reason: 'r' }, ada)).toMatchObject({
      changed: true,
      position: 0,
    });
    expect(await standby.holds.list()).toMatchObject([{ id: 'case-7' }]);
  } finally {
    channel.close();
    await standby.close();
  }
});

it('is told by the same request again when the process died between table and log', async () => {
  await using audit = await openAudit();
  await audit.ask(
    "insert into ledger.legal_hold (id, shard, first_pos, reason, placed_by) values ('case-7', 0, 3, 'asked by counsel', 'token-ada')",
  );
  expect(await audit.holds.place({ id: 'case-7', from: 3, reason: 'asked by counsel' }, ada)).toMatchObject({
    changed: true,
    position: 0,
  });
  expect((await audit.log.read({ from: 0 })).events).toMatchObject([{ type: 'LegalHoldPlaced', actor: ada }]);
});
