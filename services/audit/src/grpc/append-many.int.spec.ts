// SPDX-License-Identifier: Apache-2.0
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { RawEventLog } from '@plumbline/event-log';
import {
  appendFromWire,
  GrpcEventLog,
  LogChannel,
  type LogServer as LogHandlers,
  LogService,
  resultToWire,
} from '@plumbline/event-log/client';
import { PostgresEventLog } from '../ledger/index.js';
import { actorOf, MemoryEventLog, projectDeclared, sampleAppend } from '@plumbline/event-log/testing';
import { createTestLog } from '../testing/test-log.js';
import { describe, expect, it } from 'vitest';
import { noQueries, silent } from './grpc.fixture.js';
import { LogServer } from './log-server.js';
import { callers, TOKEN } from '../testing/test-credentials.js';

async function openDoor(log: RawEventLog): Promise<AsyncDisposable & { readonly url: string }> {
  const door = new LogServer({ log, queries: noQueries, callers, logger: silent });
  return { url: await door.listen('127.0.0.1:0'), [Symbol.asyncDispose]: async () => door.close() };
}

function connect(url: string): Disposable & { readonly log: GrpcEventLog } {
  const channel = new LogChannel({ url, token: TOKEN });
  return { log: new GrpcEventLog(channel), [Symbol.dispose]: () => channel.close() };
}

describe('appends that are made together', () => {
  it('share commits, and each gets its own answer', async () => {
    await using test = await createTestLog();
    await using door = await openDoor(test.log);
    using client = connect(door.url);
    await client.log.append(sampleAppend('project-there', { expected: { type: 'noStream' } }));
    const requests = [
      ...Array.from({ length: 100 }, (_, index) => sampleAppend(`project-together-${index}`)),
      sampleAppend('project-there', { expected: { type: 'noStream' } }),
      sampleAppend('project-bad', { events: [projectDeclared('')] }),
      sampleAppend('project-foreign', { service: 'watcher', actor: actorOf('watcher') }),
    ];
    const outcomes = await Promise.allSettled(requests.map((request) => client.log.append(request)));
    const good = outcomes
      .slice(0, 100)
      .map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.firstPosition : -1));
    expect(good).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(outcomes.slice(100)).toEqual([
      expect.objectContaining({ reason: expect.objectContaining({ code: 'PLB-4101', retry: 'after-reload' }) }),
      expect.objectContaining({
        reason: expect.objectContaining({
          code: 'PLB-1102',
          details: expect.objectContaining({ issues: [expect.objectContaining({ path: 'data.name' })] }),
        }),
      }),
      expect.objectContaining({ reason: expect.objectContaining({ code: 'PLB-2104', httpStatus: 403 }) }),
    ]);
    expect((await test.log.commits(0, 1_000)).length).toBeLessThan(10);
  });

  it('go one by one to a server of the version before, which takes no several and returns no events', async () => {
    const log = new MemoryEventLog();
    const server = new Server();
    const append: LogHandlers['append'] = (call, callback) =>
      void log
        .appendBodies(appendFromWire(call.request))
        .then((result) => callback(null, resultToWire({ ...result, bodies: [] })));
    const read: LogHandlers['read'] = (call, callback) =>
      void log
        .readBodies({ from: call.request.from, limit: call.request.limit ?? 1_000 })
        .then(({ bodies, ...page }) =>
          callback(null, { ...page, events: bodies.map(({ body }) => Buffer.from(body)) }),
        );
    server.addService({ append: LogService.append, read: LogService.read }, { append, read });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    using client = connect(`grpc://127.0.0.1:${port}`);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => client.log.append(sampleAppend(`project-old-${index}`))),
    );
    expect(results.map((result) => result.firstPosition).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, index) => index),
    );
    expect(results.map(({ events }) => events.map(({ stream }) => stream))).toEqual(
      Array.from({ length: 20 }, (_, index) => [`project-old-${index}`]),
    );
    server.forceShutdown();
  });
});

describe('several replicas of the log', () => {
  it('are asked in turn until one leads, also after the one that led has gone', async () => {
    // Longer than the test: it is not the end of the lease that lets the second one lead.
    await using test = await createTestLog({ limits: { leaseMs: 600_000 } });
    await using second = await PostgresEventLog.open({ url: test.database.url, migrate: false });
    const leading = await openDoor(test.log);
    await using standby = await openDoor(second);
    using client = connect(`${standby.url},${new URL(leading.url).host}`);
    expect((await client.log.append(sampleAppend('project-replica'))).firstPosition).toBe(0);
    await leading[Symbol.asyncDispose]();
    await test.log.close();
    expect(
      (await client.log.append(sampleAppend('project-replica', { expected: { type: 'exact', revision: 0 } })))
        .firstPosition,
    ).toBe(1);
    expect((await client.log.read({ from: 0 })).events).toHaveLength(2);
    expect(second.leads).toBe(true);
  });

  it('are found behind one address, whatever connection its balancer gives', async () => {
    await using test = await createTestLog();
    await using second = await PostgresEventLog.open({ url: test.database.url, migrate: false });
    await using leading = await openDoor(test.log);
    await using standby = await openDoor(second);
    // The first connections go to the replica that does not lead.
    const targets = [standby, standby, leading].map(({ url }) => Number(new URL(url).port));
    const sockets = new Set<Socket>();
    let connections = 0;
    const balancer = createServer((near) => {
      const far = connectTo(targets[Math.min(connections, targets.length - 1)] ?? 0, '127.0.0.1');
      connections += 1;
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
    const address = balancer.address();
    using client = connect(`grpc://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
    expect((await client.log.append(sampleAppend('project-balanced'))).firstPosition).toBe(0);
    expect(connections).toBe(3);
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => balancer.close(() => resolve()));
  });

  it('answer reads without the lead', async () => {
    await using test = await createTestLog();
    await using second = await PostgresEventLog.open({ url: test.database.url, migrate: false });
    await test.log.append(sampleAppend('project-read'));
    await using standby = await openDoor(second);
    using client = connect(standby.url);
    expect(await client.log.readStream('project-read')).toHaveLength(1);
  });
});
