// SPDX-License-Identifier: Apache-2.0
import { StreamName, uuidv7 } from '@plumbline/core';
import { PostgresEventLog } from '../ledger/index.js';
import { sampleAppend } from '@plumbline/event-log/testing';
import { ViewStore } from '@plumbline/read-models';
import pg from 'pg';
import { expect, it, vi } from 'vitest';
import { type LogAndPool, openLogAndPool, put, silent, tellStory } from '../audit.fixture.js';
import { ProjectionTables } from './projection-tables.js';
import { Projector, type ProjectorOptions } from './projector.js';
import type { Apply } from './view-fold.js';

/** A loaded machine may take its time; a wrong one never gets there. */
const eventually = async (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 10 });

interface Running extends AsyncDisposable {
  readonly projector: Projector;
  readonly tables: ProjectionTables;
}

function startProjector(test: LogAndPool, options: Partial<ProjectorOptions> = {}): Running {
  const tables = new ProjectionTables(test.source);
  const projector = new Projector({ log: test.log, tables, logger: silent, ...options });
  projector.start();
  return { projector, tables, [Symbol.asyncDispose]: async () => projector.stop() };
}

async function reach(test: LogAndPool, running: Running): Promise<number> {
  const head = await test.log.head();
  expect(await running.projector.waitFor(head, 10_000)).toBe(true);
  return head;
}

it('keeps in tables what the views make of the log in memory', async () => {
  await using test = await openLogAndPool();
  await using running = startProjector(test, { pageSize: 3 });
  for (const name of ['web', 'api']) await tellStory(test.log, name);
  await reach(test, running);
  const store = new ViewStore();
  for (const event of (await test.log.read({ from: 0 })).events) store.apply(event);
  const { documents } = await running.tables.load(1);
  expect(documents.length).toBeGreaterThan(6);
  for (const { view, key, document } of documents)
    expect(document).toEqual(JSON.parse(JSON.stringify(store.get(view, key))));
  expect(documents).toHaveLength(
    ['project', 'repository', 'cluster', 'application', 'version', 'target', 'approval', 'token'].flatMap((view) => [
      ...store.all(view as 'target'),
    ]).length,
  );
});

it('gives the same tables when it is rebuilt from position 0, while it goes on', async () => {
  await using test = await openLogAndPool();
  await using running = startProjector(test, { pageSize: 7 });
  for (const name of ['web', 'api', 'job']) await tellStory(test.log, name);
  await reach(test, running);
  const [report] = await Promise.all([running.projector.rebuild(), tellStory(test.log, 'late')]);
  expect(report.version).toBe(2);
  expect(report.position).toBeGreaterThanOrEqual(27);
  expect(report.rebuiltHash).toBe(report.liveHash);
  await reach(test, running);
  expect(await running.tables.liveVersion()).toBe(2);
  await tellStory(test.log, 'later');
  await reach(test, running);
  const again = await running.projector.rebuild();
  expect(again).toMatchObject({ version: 3, position: 45, rebuiltHash: again.liveHash });
  expect(again.liveHash).not.toBe(report.liveHash);
  expect((await test.pool.query('select distinct version from projection.document')).rows).toEqual([{ version: 3 }]);
});

it('goes on where it was after a restart, and starts over what did not reach the tables', async () => {
  await using test = await openLogAndPool();
  {
    await using first = startProjector(test);
    await tellStory(test.log, 'web');
    await reach(test, first);
  }
  await tellStory(test.log, 'api');
  await using second = startProjector(test);
  await reach(test, second);
  const { liveHash, rebuiltHash } = await second.projector.rebuild();
  expect(rebuiltHash).toBe(liveHash);
});

it('follows when the connections to its tables break', async () => {
  await using test = await openLogAndPool();
  await using running = startProjector(test);
  await tellStory(test.log, 'web');
  await reach(test, running);
  await test.pool
    .query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    .catch(() => undefined);
  await tellStory(test.log, 'api');
  await reach(test, running);
  const { liveHash, rebuiltHash } = await running.projector.rebuild();
  expect(rebuiltHash).toBe(liveHash);
});

const chokesOnApi: Apply = (store, event) => {
  if (event.type === 'ApplicationDeclared' && event.data.application === 'default/api')
    throw new Error('cannot digest this');
  return store.apply(event);
};

it('parks the stream of an event that it cannot apply, says so once in the log, and the rest flows', async () => {
  await using test = await openLogAndPool();
  {
    await using running = startProjector(test, { apply: chokesOnApi });
    await tellStory(test.log, 'api');
    await tellStory(test.log, 'web');
    const { firstPosition } = await put(test.log, StreamName.application('default/api'), 'ApplicationSuspended', {
      application: 'default/api',
    });
    await reach(test, running);
    const { documents, parkedKeys } = await running.tables.load(1);
    expect(parkedKeys).toEqual(['application-default/api']);
    const applications = documents.filter((change) => change.view === 'application').map((change) => change.key);
    expect(applications).toEqual(['default/web']);
    expect((await test.pool.query('select pos, error from ledger.dead_letter order by pos')).rows).toEqual([
      { pos: '2', error: 'cannot digest this' },
      { pos: String(firstPosition), error: 'an earlier event of this stream is parked' },
    ]);
  }
  // After a restart the stream is still parked, and nothing is said again.
  await using restarted = startProjector(test, { apply: chokesOnApi });
  await put(test.log, StreamName.application('default/api'), 'ApplicationResumed', { application: 'default/api' });
  await reach(test, restarted);
  const announced = (await test.log.readStream('log-quarantine')).map(({ type, data }) => ({ type, data }));
  const stream = 'application-default/api';
  const data = { consumer: 'audit-read-models', stream, position: 2, revision: 0, message: 'cannot digest this' };
  expect(announced).toEqual([{ type: 'StreamQuarantined', data }]);
});

it('quarantines the stream of an event that it cannot decode, and retries it in place on request', async () => {
  await using test = await openLogAndPool();
  await tellStory(test.log, 'web');
  // As a writer of another version, or a fault of the disk, may leave it: the text is no event.
  let broken = true;
  const log: typeof test.log = new Proxy(test.log, {
    get: (target, name) => {
      if (name === 'readBodies')
        return async (options: Parameters<typeof test.log.readBodies>[0]) => {
          const page = await target.readBodies(options);
          const bodies = page.bodies.map((stored) =>
            broken && stored.position === 2 ? { ...stored, body: stored.body.replace('"actor":', '"act":') } : stored,
          );
          return { ...page, bodies };
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const tables = new ProjectionTables(test.source);
  const projector = new Projector({ log, tables, logger: silent });
  projector.start();
  expect(await projector.waitFor(await test.log.head(), 60_000)).toBe(true);
  expect(await projector.list()).toMatchObject([
    { position: 2, key: 'application-default/web', error: expect.stringContaining('envelope') as unknown },
  ]);
  expect((await tables.load(1)).documents.some(({ view }) => view === 'cluster')).toBe(true);
  broken = false;
  await put(test.log, 'log-quarantine', 'StreamRetryRequested', { consumer: 'renderer' });
  await put(test.log, 'log-quarantine', 'StreamRetryRequested', { stream: 'application-default/web' });
  await eventually(async () => expect(await projector.list()).toEqual([]));
  await eventually(async () =>
    expect((await test.log.readStream('log-quarantine')).map(({ type, data }) => [type, data])).toEqual([
      ['StreamQuarantined', expect.objectContaining({ stream: 'application-default/web', position: 2 })],
      ['StreamRetryRequested', { consumer: 'renderer' }],
      ['StreamRetryRequested', { stream: 'application-default/web' }],
      ['StreamRecovered', { consumer: 'audit-read-models', stream: 'application-default/web', position: 2 }],
    ]),
  );
  expect((await tables.load(await tables.liveVersion())).documents.some(({ view }) => view === 'application')).toBe(
    true,
  );
  await projector.stop();
});

it('parks an event of long ago all the same', async () => {
  const dayMs = 24 * 3_600_000;
  const at = Date.now() - 60 * dayMs;
  await using test = await openLogAndPool({ clock: { nowMs: () => at } });
  // Partitions of that time are made by nobody any more.
  const owner = new pg.Client({ connectionString: test.database.url });
  await owner.connect();
  const oldest = (Math.floor(Date.now() / (7 * dayMs)) - 5) * 7 * dayMs;
  await owner.query(
    `create table ledger.request_past partition of ledger.request for values from (minvalue) to ('${oldest.toString(16).padStart(12, '0').padEnd(32, '0')}')`,
  );
  await owner.end();
  await test.log.append(sampleAppend('project-api', { requestId: uuidv7(at) }));
  await test.log.close();
  await using later = await PostgresEventLog.open({ url: test.database.url, migrate: false });
  await later.whenLeading();
  const tables = new ProjectionTables(test.source);
  const projector = new Projector({
    log: later,
    tables,
    logger: silent,
    apply: () => {
      throw new Error('cannot digest this');
    },
  });
  projector.start();
  expect(await projector.waitFor(1, 10_000)).toBe(true);
  await projector.stop();
  expect(await later.readStream('log-quarantine')).toHaveLength(1);
});

it('applies what was parked when the views are rebuilt by a definition that can', async () => {
  await using test = await openLogAndPool();
  {
    await using running = startProjector(test, { apply: chokesOnApi, definition: 'chokes' });
    await tellStory(test.log, 'api');
    await reach(test, running);
  }
  await using repaired = startProjector(test, { definition: 'repaired' });
  await eventually(async () => expect(await repaired.tables.live()).toEqual({ version: 2, definition: 'repaired' }));
  const { documents, parkedKeys } = await repaired.tables.load(2);
  expect(documents.some((change) => change.view === 'application' && change.key === 'default/api')).toBe(true);
  expect(parkedKeys).toEqual([]);
});

it('parks an event whose result the tables refuse, instead of trying for ever', async () => {
  await using test = await openLogAndPool();
  const badKey: Apply = (store, event) =>
    store
      .apply(event)
      .map((change) =>
        change.view === 'application' && change.key === 'default/api'
          ? { ...change, key: 'nul \u0000 in a key' }
          : change,
      );
  await using running = startProjector(test, { apply: badKey });
  await tellStory(test.log, 'api');
  await tellStory(test.log, 'web');
  await reach(test, running);
  const { documents, parkedKeys } = await running.tables.load(1);
  expect(parkedKeys).toContain('application-default/api');
  expect(documents.some((change) => change.key === 'default/web')).toBe(true);
});

it('lets a writer that was taken over move nothing any more', async () => {
  await using test = await openLogAndPool();
  const tables = new ProjectionTables(test.source);
  const page = { documents: [], rows: [], parked: [], steps: [], retries: [] };
  await tables.load(1);
  expect(await tables.write({ version: 1, epoch: 2, from: 0, to: 3, page })).toBe(true);
  expect(await tables.write({ version: 1, epoch: 1, from: 3, to: 5, page })).toBe(false);
  expect(await tables.write({ version: 1, epoch: 2, from: 0, to: 5, page })).toBe(false);
  expect(await tables.position(1)).toBe(3);
});
