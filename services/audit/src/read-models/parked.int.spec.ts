// SPDX-License-Identifier: Apache-2.0
import { StreamName } from '@plumbline/core';
import { GrpcParkedWork, LogChannel } from '@plumbline/event-log/client';
import { expect, it } from 'vitest';
import { type LogAndPool, openLogAndPool, put, silent, tellStory } from '../audit.fixture.js';
import { noQueries } from '../grpc/grpc.fixture.js';
import { LogServer } from '../grpc/log-server.js';
import { ProjectionTables } from './projection-tables.js';
import { Projector } from './projector.js';
import type { Apply } from './view-fold.js';
import { callers, TOKEN } from '../testing/test-credentials.js';

const KEY = 'application-default/api';

/** A fold that fails on one application until it is mended. */
function brokenFold(): { readonly apply: Apply; mend(): void } {
  let broken = true;
  return {
    apply: (store, event) => {
      if (broken && event.type === 'ApplicationDeclared' && event.data.application === 'default/api')
        throw new Error('cannot digest this');
      return store.apply(event);
    },
    mend: () => (broken = false),
  };
}

async function open(
  test: LogAndPool,
  apply: Apply,
): Promise<AsyncDisposable & { readonly projector: Projector; readonly parked: GrpcParkedWork }> {
  const projector = new Projector({ log: test.log, tables: new ProjectionTables(test.source), logger: silent, apply });
  projector.start();
  const door = new LogServer({
    log: test.log,
    queries: noQueries,
    parked: projector,
    callers,
    logger: silent,
  });
  const channel = new LogChannel({
    url: await door.listen('127.0.0.1:0'),
    token: TOKEN,
    timeoutMs: 60_000,
  });
  return {
    projector,
    parked: new GrpcParkedWork(channel),
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await door.close();
      await projector.stop();
    },
  };
}

it('lists what is parked and what waits behind it, and applies it all after a mend, over the door', async () => {
  await using test = await openLogAndPool();
  const fold = brokenFold();
  await using opened = await open(test, fold.apply);
  await tellStory(test.log, 'api');
  await put(test.log, StreamName.application('default/api'), 'ApplicationSuspended', { application: 'default/api' });
  const { lastPosition } = await put(test.log, StreamName.application('default/api'), 'ApplicationResumed', {
    application: 'default/api',
  });
  expect(await opened.projector.waitFor(lastPosition + 1, 10_000)).toBe(true);
  expect(opened.projector.parkedKeys).toBe(1);
  const item = {
    consumer: 'views',
    position: 2,
    key: KEY,
    error: 'cannot digest this',
    attempts: 1,
    waiting: 2,
    parkedAt: expect.stringMatching(/^\d{4}-.*Z$/),
  };
  expect(await opened.parked.list()).toEqual([item]);

  expect(await opened.parked.release('application-default/other')).toEqual({ released: 0, stillParked: [item] });
  // Not mended: it stays parked, and the views stay as they are.
  expect(await opened.parked.release()).toMatchObject({ released: 0, stillParked: [{ key: KEY, waiting: 2 }] });
  const head = await test.log.head();
  fold.mend();
  expect(await opened.parked.release(KEY)).toEqual({ released: 1, stillParked: [] });
  expect(await opened.parked.list()).toEqual([]);
  expect(opened.projector.parkedKeys).toBe(0);
  expect((await test.log.read({ from: head })).events.map(({ type, data }) => [type, data])).toEqual([
    ['StreamRecovered', { consumer: 'audit-read-models', stream: KEY, position: 2 }],
  ]);
  const { rows } = await test.pool.query("select key from projection.document where view = 'application'");
  expect(rows).toHaveLength(1);
  const { liveHash, rebuiltHash } = await opened.projector.rebuild();
  expect(rebuiltHash).toBe(liveHash);
});

it('shows the old views, and follows the log with them, while the new ones are built', async () => {
  await using test = await openLogAndPool();
  for (let index = 0; index < 40; index += 1) await tellStory(test.log, `app-${index}`);
  await using opened = await open(test, (store, event) => store.apply(event));
  expect(await opened.projector.waitFor(await test.log.head(), 20_000)).toBe(true);
  const documents = async (): Promise<number> =>
    Number(
      (
        await test.pool.query<{ n: string }>(
          "select count(*) as n from projection.document d join projection.live l on l.version = d.version and l.consumer = 'views' where view = 'application'",
        )
      ).rows[0]?.n,
    );
  const seen: number[] = [];
  let done = false;
  const rebuild = opened.projector.rebuild().finally(() => (done = true));
  for (let index = 40; !done; index += 1) {
    await tellStory(test.log, `app-${index}`);
    seen.push(await documents());
  }
  const { liveHash, rebuiltHash } = await rebuild;
  expect(rebuiltHash).toBe(liveHash);
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(40);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
});

it('is released by the process that leads, not by another one', async () => {
  await using test = await openLogAndPool();
  const projector = new Projector({
    log: { ...standby, readBodies: async (options) => test.log.readBodies(options) },
    tables: new ProjectionTables(test.source),
    logger: silent,
  });
  await expect(projector.release()).rejects.toMatchObject({ code: 'PLB-6002', retry: 'after-delay' });
});

const unused = async (): Promise<never> => Promise.reject(new Error('a process that does not lead does not do this'));
/** A log that another process leads. */
const standby: ConstructorParameters<typeof Projector>[0]['log'] = {
  epoch: undefined,
  nextPosition: undefined,
  onLead: () => () => undefined,
  onCommitted: () => () => undefined,
  append: unused,
  appendBodies: unused,
  read: unused,
  readBodies: unused,
  readStream: unused,
  readStreamBodies: unused,
  head: unused,
};
