// SPDX-License-Identifier: Apache-2.0
import { WORK_LEASES, type WorkLeases } from '@plumbline/event-log';
import { GrpcWorkLeases, LogChannel } from '@plumbline/event-log/client';
import { expect, it, vi } from 'vitest';
import { openAudit, startAudit } from '../audit.fixture.js';

const TOKEN = 'a service token of the test';
const PATIENCE = { timeout: 60_000, interval: 10 };

it('are kept by the process that leads, whichever is asked first, and waited for by the one that leads next', async () => {
  await using audit = await openAudit();
  const standby = await startAudit(audit.database.url);
  const [first, second] = [standby.url, audit.url];
  const channel = new LogChannel({ url: `${first},${second.replace('grpc://', '')}`, token: TOKEN });
  const leases = new GrpcWorkLeases(channel);
  try {
    await expect(
      standby.app.get<WorkLeases>(WORK_LEASES, { strict: false }).isVacant('deliveries', 100),
    ).rejects.toMatchObject({ code: 'PLB-6002' });
    await leases.keep('deliveries', 200);
    await vi.waitFor(async () => expect(await leases.isVacant('deliveries', 200)).toBe(true), PATIENCE);
    await leases.keep('deliveries', 600_000);
    await audit.close();
    await standby.log.whenLeading();
    // The next one does not know who works, and gives them the time to say so.
    expect(await leases.isVacant('deliveries', 600_000)).toBe(false);
    await vi.waitFor(async () => expect(await leases.isVacant('deliveries', 100)).toBe(true), PATIENCE);
  } finally {
    channel.close();
    await standby.close();
  }
});

it.each([
  ['Deliveries', 100],
  ['', 100],
  ['deliveries', 0],
  ['deliveries', 3_600_001],
])('refuse "%s" for %i ms', async (work, ttlMs) => {
  await using audit = await openAudit();
  const channel = new LogChannel({ url: audit.url, token: TOKEN });
  try {
    await expect(new GrpcWorkLeases(channel).keep(work, ttlMs)).rejects.toMatchObject({ code: 'PLB-1158' });
  } finally {
    channel.close();
  }
});
