// SPDX-License-Identifier: Apache-2.0
import { DELIVERY_CURSORS, type DeliveryCursors, WORK_LEASES, type WorkLeases } from '@plumbline/event-log';
import { GrpcDeliveryCursors, GrpcWorkLeases, LogChannel } from '@plumbline/event-log/client';
import { leasesContract } from '@plumbline/event-log/testing';
import { expect, it } from 'vitest';
import { openAudit, startAudit, TOKEN } from '../audit.fixture.js';

leasesContract('in the process', async () => {
  const audit = await openAudit();
  return {
    leases: audit.app.get<WorkLeases>(WORK_LEASES, { strict: false }),
    cursors: audit.app.get<DeliveryCursors>(DELIVERY_CURSORS, { strict: false }),
    [Symbol.asyncDispose]: () => audit[Symbol.asyncDispose](),
  };
});

leasesContract('over gRPC', async () => {
  const audit = await openAudit();
  const channel = new LogChannel({ url: audit.url, token: TOKEN });
  return {
    leases: new GrpcWorkLeases(channel),
    cursors: new GrpcDeliveryCursors(channel),
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await audit[Symbol.asyncDispose]();
    },
  };
});

it('a lease survives a change of the leader of the log, with its epoch and its fencing', async () => {
  await using audit = await openAudit();
  await using follower = await startAudit(audit.database.url);
  const channel = new LogChannel({ url: `${audit.url},${follower.url.replace('grpc://', '')}`, token: TOKEN });
  const [leases, cursors] = [new GrpcWorkLeases(channel), new GrpcDeliveryCursors(channel)];
  try {
    const work = 'deliveries';
    const lease = await leases.acquire({ work, holder: 'one', ttlMs: 600_000 });
    if (lease === undefined) throw new Error('the lease is free');
    await audit.close();
    await follower.log.whenLeading();
    expect(await leases.acquire({ work, holder: 'two', ttlMs: 600_000 })).toBeUndefined();
    expect(await leases.acquire({ work, holder: 'one', ttlMs: 600_000 })).toEqual(lease);
    expect(await cursors.advance({ subscription: 'chat', begunBy: 0, position: 1, delivered: 1 }, lease)).toBe(true);
    const stale = { ...lease, epoch: lease.epoch - 1 };
    expect(await cursors.advance({ subscription: 'chat', begunBy: 0, position: 9, delivered: 1 }, stale)).toBe(false);
  } finally {
    channel.close();
  }
});
