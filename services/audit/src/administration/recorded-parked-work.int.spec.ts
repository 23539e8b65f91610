// SPDX-License-Identifier: Apache-2.0
import { StreamName, uuidv7 } from '@plumbline/core';
import type { AskedWork, ParkedWork } from '@plumbline/event-log';
import { GrpcParkedWork, LogChannel } from '@plumbline/event-log/client';
import { expect, it } from 'vitest';
import { type LogAndPool, openLogAndPool, put, silent, tellStory } from '../audit.fixture.js';
import { noQueries } from '../grpc/grpc.fixture.js';
import { LogServer } from '../grpc/log-server.js';
import { ProjectionTables } from '../read-models/projection-tables.js';
import { Projector } from '../read-models/projector.js';
import type { Apply } from '../read-models/view-fold.js';
import { RecordedParkedWork } from './recorded-parked-work.js';
import { callers, TOKEN } from '../testing/test-credentials.js';

const eve = { kind: 'user', id: 'token-eve', name: 'Eve' } as const;
const keyOf = (name: string): string => `application-default/${name}`;

const asked = (waitMs = 20_000): AskedWork => ({ by: eve, requestId: uuidv7(Date.now()), waitMs });

interface Opened extends AsyncDisposable {
  readonly parked: ParkedWork;
  /** Applications whose events cannot be applied. */
  readonly broken: Set<string>;
  readonly projector: Projector;
}

async function open(test: LogAndPool, broken: Set<string>): Promise<Opened> {
  const apply: Apply = (store, event) => {
    if (event.type === 'ApplicationDeclared' && broken.has(event.data.application))
      throw new Error('cannot digest this');
    return store.apply(event);
  };
  const projector = new Projector({ log: test.log, tables: new ProjectionTables(test.source), logger: silent, apply });
  projector.start();
  const recorded = new RecordedParkedWork({ log: test.log, projector });
  const door = new LogServer({ log: test.log, queries: noQueries, parked: recorded, callers, logger: silent });
  const channel = new LogChannel({ url: await door.listen('127.0.0.1:0'), token: TOKEN, timeoutMs: 60_000 });
  return {
    parked: new GrpcParkedWork(channel),
    broken,
    projector,
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await door.close();
      await projector.stop();
      await recorded.settled();
    },
  };
}

async function parkTwo(test: LogAndPool, { projector }: Opened): Promise<void> {
  await tellStory(test.log, 'api');
  await tellStory(test.log, 'web');
  const { lastPosition } = await put(test.log, StreamName.application('default/api'), 'ApplicationSuspended', {
    application: 'default/api',
  });
  expect(await projector.waitFor(lastPosition + 1, 10_000)).toBe(true);
}

it('tells in the log what was released and by whom, once for a request, and nothing when nothing was', async () => {
  await using test = await openLogAndPool();
  await using opened = await open(test, new Set(['default/api', 'default/web']));
  await parkTwo(test, opened);
  const [api, web] = await opened.parked.list();
  expect([api?.key, web?.key]).toEqual([keyOf('api'), keyOf('web')]);
  const head = await test.log.head();
  expect(await opened.parked.release(keyOf('api'), asked())).toEqual({
    released: 0,
    stillParked: [api, web].map((item) => ({ ...item, parkedAt: expect.any(String) as unknown })),
  });
  expect(await opened.parked.release(keyOf('other'), asked())).toMatchObject({ released: 0 });
  expect(await test.log.head()).toBe(head);
  opened.broken.delete('default/api');
  const request = asked();
  const report = await opened.parked.release(keyOf('api'), request);
  expect(report).toMatchObject({ released: 1, stillParked: [{ key: keyOf('web') }], position: head + 1 });
  expect(await opened.parked.release(keyOf('api'), request)).toEqual(report);
  expect((await test.log.read({ from: head })).events).toMatchObject([
    { type: 'StreamRecovered', data: { consumer: 'audit-read-models', stream: keyOf('api') } },
    {
      type: 'WorkReleased',
      stream: 'log-views',
      actor: eve,
      data: { consumer: 'views', key: keyOf('api'), position: api?.position },
    },
  ]);
});

it('is under way while the views are built, and a repeat joins it', async () => {
  await using test = await openLogAndPool();
  const gate = Promise.withResolvers<void>();
  let rebuilds = 0;
  const items = [
    {
      consumer: 'views',
      position: 2,
      key: keyOf('api'),
      error: 'e',
      attempts: 1,
      waiting: 0,
      parkedAt: '2026-01-01T00:00:00Z',
    },
  ];
  const slow: ParkedWork = {
    list: async () => Promise.resolve(rebuilds === 0 ? items : []),
    release: async () => {
      await gate.promise;
      rebuilds += 1;
      return { released: 1, stillParked: [] };
    },
  };
  const recorded = new RecordedParkedWork({ log: test.log, projector: slow });
  const request = asked(0);
  for (let index = 0; index < 3; index += 1)
    expect(await recorded.release(keyOf('api'), request)).toEqual({ released: 0, stillParked: items, underWay: true });
  gate.resolve();
  expect(await recorded.release(keyOf('api'), { ...request, waitMs: 20_000 })).toEqual({
    released: 1,
    stillParked: [],
    position: 0,
  });
  expect(rebuilds).toBe(1);
});
