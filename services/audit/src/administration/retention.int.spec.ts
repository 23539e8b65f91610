// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { systemClock } from '@plumbline/core';
import type { DataSource } from 'typeorm';
import { poolOf } from '../database/data-source.js';
import { ArchiveFiles, PostgresEventLog } from '../ledger/index.js';
import { projectDeclared, sampleAppend } from '@plumbline/event-log/testing';
import { inclusionProof, leafHash, verifyInclusion } from '@plumbline/merkle';
import { sharedDatabase, tempDir, type TestDatabase } from '@plumbline/testkit';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { auditTemplate, openSource, silent } from '../audit.fixture.js';
import { ProjectionTables } from '../read-models/projection-tables.js';
import { Projector } from '../read-models/projector.js';
import { PostgresLogQueries } from '../read-models/postgres-log-queries.js';
import { TileStore } from '../transparency/tile-store.js';
import { Archiver } from './archiver.js';
import { PostgresLegalHolds } from './legal-holds.js';
import { RetentionLoop } from './retention-loop.js';

/** Small partitions: the real ones hold eight million events. */
const WIDTH = 512;
const CHUNK = 200;
const EVENTS = 1_100;
const nobody = { ...silent };
const ada = { kind: 'user', id: 'token-ada', name: 'Ada' } as const;

interface Bench extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly log: PostgresEventLog;
  readonly source: DataSource;
  readonly pool: pg.Pool;
  readonly archiver: Archiver;
  readonly directory: string;
}

async function owner(database: TestDatabase, ...statements: readonly string[]): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    let last = await client.query('select 1');
    for (const statement of statements) last = await client.query(statement);
    return last;
  } finally {
    await client.end();
  }
}

/** A log over small partitions, two of which are full. */
async function openBench(): Promise<Bench> {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir('archive')).path;
  const database = stack.use(await sharedDatabase({ template: auditTemplate }));
  const parts = [0, 1, 2, 3].map(
    (
      k,
    ) => `create table ledger.small_${k} partition of ledger.event for values from (${k * WIDTH}) to (${(k + 1) * WIDTH});
    create unique index on ledger.small_${k} (shard, stream, revision)`,
  );
  // The one that is there reaches over all of these; it is made small too, so that nobody makes it again.
  await owner(
    database,
    'alter table ledger.event detach partition ledger.event_p00000000',
    'drop table ledger.event_p00000000',
    ...parts,
    `create table ledger.event_p00000000 partition of ledger.event for values from (${4 * WIDTH}) to (8388608)`,
  );
  const log = await PostgresEventLog.open({ url: database.url, migrate: false, archiveDirectory: directory });
  await log.whenLeading();
  for (let from = 0; from < EVENTS; from += 100) {
    await log.append(
      sampleAppend(`project-p${from / 100}`, {
        events: Array.from({ length: 100 }, (_, index) => projectDeclared(`p${from / 100}`, `${index} ü`)),
      }),
    );
  }
  const source = await openSource(database.url);
  const pool = poolOf(source);
  while (await new TileStore(pool).keepFull(EVENTS));
  stack.defer(async () => {
    await log.close();
    await source.destroy();
  });
  return {
    database,
    log,
    source,
    pool,
    directory,
    archiver: new Archiver({
      ownerUrl: database.url,
      files: new ArchiveFiles(directory),
      logger: nobody,
      chunk: CHUNK,
    }),
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  };
}

const inAnHour = (): Date => new Date(Date.now() + 3_600_000);

/** A log that knows nothing of before: what a restarted process sees. */
async function reopened(bench: Bench): Promise<PostgresEventLog> {
  await bench.log.close();
  return PostgresEventLog.open({ url: bench.database.url, migrate: false, archiveDirectory: bench.directory });
}

async function archiveAll({ archiver }: Bench): Promise<void> {
  for (const partition of await archiver.finished(inAnHour())) await archiver.archive(partition);
}

describe('events that leave the database', () => {
  it('are copied partition by partition, the oldest first, when they are full and old enough', async () => {
    await using bench = await openBench();
    expect(await bench.archiver.finished(new Date(Date.now() - 3_600_000))).toEqual([]);
    const [first, second, ...rest] = await bench.archiver.finished(inAnHour());
    expect([first, second, rest]).toEqual([
      { name: 'small_0', first: 0, next: 512 },
      { name: 'small_1', first: 512, next: 1_024 },
      [],
    ]);
    if (first === undefined || second === undefined) throw new Error('two are full');
    await expect(bench.archiver.archive(second)).rejects.toMatchObject({ code: 'PLB-4105' });
    await bench.archiver.archive(first);
    await bench.archiver.archive(second);
    expect(await bench.archiver.finished(inAnHour())).toEqual([]);
    expect(await readdir(path.join(bench.directory, 'entries'))).toHaveLength(6);
  });

  it('are read as before by who follows the log, by stream, and by a rebuild of the views', async () => {
    await using bench = await openBench();
    const before = await bench.log.read({ from: 0, limit: 5_000 });
    await archiveAll(bench);
    await bench.archiver.detach(0);
    await bench.archiver.detach(512);
    await bench.archiver.drop(0);
    await bench.archiver.drop(512);
    expect((await bench.pool.query('select min(pos) as first, count(*) as n from ledger.event')).rows).toEqual([
      { first: '1024', n: '76' },
    ]);
    const later = await reopened(bench);
    const events = [];
    for (let from = 0; from < EVENTS;) {
      const page = await later.read({ from, limit: 333 });
      expect(page.nextPosition).toBeGreaterThan(from);
      events.push(...page.events);
      from = page.nextPosition;
    }
    expect(events).toEqual(before.events);
    expect((await later.readStream('project-p10')).map((event) => event.revision)).toEqual(
      Array.from({ length: 100 }, (_, index) => index),
    );
    expect((await later.readStream('project-p3', 40)).map((event) => event.revision)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 40),
    );
    expect((await later.read({ from: 0, types: ['ProjectRemoved'], limit: 10 })).events).toEqual([]);
    await later.whenLeading();
    expect(
      (await later.append(sampleAppend('project-p0', { expected: { type: 'exact', revision: 99 } }))).firstPosition,
    ).toBe(EVENTS);
    const projector = new Projector({ log: later, tables: new ProjectionTables(bench.source), logger: nobody });
    projector.start();
    expect(await projector.waitFor(EVENTS + 1, 20_000)).toBe(true);
    const { liveHash, rebuiltHash } = await projector.rebuild();
    expect(rebuiltHash).toBe(liveHash);
    const queries = new PostgresLogQueries({ pool: bench.pool, progress: projector, log: later });
    expect(
      (await queries.audit({ type: 'ProjectDeclared', order: 'asc', limit: 700 })).events.map(
        ({ position }) => position,
      ),
    ).toEqual(Array.from({ length: 700 }, (_, index) => index));
    await projector.stop();
    await later.close();
  });

  it('keep their proofs: the leaves stay', async () => {
    await using bench = await openBench();
    const { body } = (await bench.pool.query<{ body: string }>('select body from ledger.event where pos = 300'))
      .rows[0] ?? { body: '' };
    await archiveAll(bench);
    await bench.archiver.detach(0);
    await bench.archiver.drop(0);
    const tiles = new TileStore(bench.pool);
    const head = await tiles.head();
    const proof = await inclusionProof(300, EVENTS, async (tile) => tiles.tile(tile));
    expect(
      verifyInclusion({
        position: 300,
        size: EVENTS,
        leaf: leafHash(body),
        root: head?.root ?? Buffer.alloc(32),
        proof,
      }),
    ).toBe(true);
  });

  it('are not taken out when the copy is not what was committed', async () => {
    await using bench = await openBench();
    await archiveAll(bench);
    const file = path.join(bench.directory, 'entries', '00000000000200.gz');
    const bytes = gunzipSync(await readFile(file));
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    await writeFile(file, gzipSync(bytes));
    await expect(bench.archiver.detach(0)).rejects.toMatchObject({ code: 'PLB-9121' });
    expect((await bench.pool.query('select count(*) as n from ledger.event')).rows).toEqual([{ n: String(EVENTS) }]);
  });

  it('are not even copied when one was altered behind the back of the log', async () => {
    await using bench = await openBench();
    await owner(
      bench.database,
      'alter table ledger.small_0 disable trigger user',
      'alter table ledger.event drop constraint event_leaf_of_body',
      "update ledger.small_0 set body = replace(body, '7 ü', '8 ü') where pos = 7",
    );
    const [first] = await bench.archiver.finished(inAnHour());
    await expect(bench.archiver.archive(first ?? { name: '', first: 0, next: 0 })).rejects.toMatchObject({
      code: 'PLB-9121',
      message: expect.stringContaining('position 7'),
    });
    expect(await bench.archiver.archives()).toEqual([]);
  });

  it('stay in the database under a legal hold until it is lifted, and a hold is never changed or removed', async () => {
    await using bench = await openBench();
    const holds = new PostgresLegalHolds({ source: bench.source, log: bench.log, clock: systemClock });
    await archiveAll(bench);
    await bench.archiver.detach(0);
    await expect(bench.archiver.drop(512)).rejects.toMatchObject({ code: 'PLB-4106' });
    await holds.place({ id: 'case-7', from: 100, to: 200, reason: 'asked by counsel' }, ada);
    await expect(holds.place({ id: 'case-7', from: 0, reason: 'again' }, ada)).rejects.toMatchObject({
      code: 'PLB-4108',
    });
    await expect(bench.archiver.drop(0)).rejects.toMatchObject({ code: 'PLB-4106', details: { holds: ['case-7'] } });
    await expect(owner(bench.database, 'delete from ledger.legal_hold')).rejects.toThrow(/never changed or removed/);
    await expect(owner(bench.database, 'update ledger.legal_hold set next_pos = 101')).rejects.toThrow(
      /never changed or removed/,
    );
    expect((await owner(bench.database, 'select count(*) as n from ledger.small_0')).rows).toEqual([{ n: '512' }]);
    expect(await holds.lift('case-7', ada)).toMatchObject({ changed: true });
    expect(await holds.lift('case-7', ada)).toMatchObject({ changed: false });
    await bench.archiver.drop(0);
    expect((await bench.archiver.archives()).map(({ first, dropped }) => [first, dropped])).toEqual([
      [0, true],
      [512, false],
    ]);
  });

  it('go by themselves when their time has come, in the process that leads, and a hold keeps only what it covers', async () => {
    await using bench = await openBench();
    const dayMs = 24 * 3_600_000;
    let leads = false;
    let nowMs = systemClock.nowMs();
    const config = { directory: bench.directory, archiveAfterDays: 90, dropAfterDays: 30, everyMs: 1 };
    const failures: unknown[] = [];
    const loop = new RetentionLoop({
      archiver: bench.archiver,
      config,
      clock: { nowMs: () => nowMs },
      leads: () => leads,
      logger: { info: () => undefined, error: (_message, fields) => failures.push(fields) },
    });
    nowMs += 91 * dayMs;
    await loop.run();
    expect(await bench.archiver.archives()).toEqual([]);
    leads = true;
    await new PostgresLegalHolds({ source: bench.source, log: bench.log, clock: systemClock }).place(
      { id: 'case-8', from: 600, reason: 'asked by counsel' },
      ada,
    );
    await loop.run();
    expect(failures).toEqual([]);
    expect((await bench.archiver.archives()).map(({ detached, dropped }) => [detached, dropped])).toEqual([
      [true, true],
      [true, false],
    ]);
  });
});
