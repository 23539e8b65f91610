// SPDX-License-Identifier: Apache-2.0
import { connect, createServer, type Socket } from 'node:net';
import { uuidv7 } from '@plumbline/core';
import { Frontier, leafHash } from '@plumbline/merkle';
import { isolatedDatabase } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import pg from 'pg';
import { expect, it, vi } from 'vitest';
import type { AppendPlacement } from '@plumbline/event-log';
import { projectDeclared, sampleAppend } from '@plumbline/event-log/testing';
import { createTestLog, ledgerTemplate } from '../testing/test-log.js';
import { PostgresEventLog } from './postgres-event-log.js';

/** A loaded machine may take its time; a wrong one never gets there. */
const eventually = async (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 10 });

async function sql<Row extends pg.QueryResultRow>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Everything that must hold of a log, whatever happened to it. */
async function checkLog(
  url: string,
): Promise<{ readonly head: number; readonly positionsOf: ReadonlyMap<string, number> }> {
  const events = await sql<{ pos: string; body: string; leaf: Buffer }>(
    url,
    'select pos, body, leaf from ledger.event order by pos',
  );
  expect(events.map((event) => Number(event.pos))).toEqual(events.map((_event, index) => index));
  const leaves = events.map((event) => event.leaf);
  for (const event of events) expect(leafHash(event.body).equals(event.leaf)).toBe(true);
  const commits = await sql<{ first_pos: string; last_pos: string; root: Buffer }>(
    url,
    'select first_pos, last_pos, root from ledger.commit order by last_pos',
  );
  let next = 0;
  let frontier = Frontier.empty;
  for (const commit of commits) {
    expect(Number(commit.first_pos)).toBe(next);
    const end = Number(commit.last_pos) + 1;
    frontier = frontier.append(leaves.slice(next, end));
    next = end;
    expect(commit.root.equals(frontier.root())).toBe(true);
  }
  const [head] = await sql<{ next_pos: string; root: Buffer; frontier: Buffer }>(
    url,
    'select next_pos, root, frontier from ledger.head',
  );
  expect(Number(head?.next_pos)).toBe(events.length);
  expect(head?.root.equals(frontier.root())).toBe(true);
  const requests = await sql<{ request_id: string; first_pos: string }>(
    url,
    'select request_id, first_pos from ledger.request',
  );
  return { head: events.length, positionsOf: new Map(requests.map((row) => [row.request_id, Number(row.first_pos)])) };
}

/** A line to PostgreSQL that can be cut: now, or instead of passing on the answer to the next append. */
async function startLine(
  target: string,
): Promise<{ readonly url: string; cutAtNextAppend(): void; cuts(): number; close(): void }> {
  const sockets = new Set<Socket>();
  let armed = false;
  let cuts = 0;
  const { hostname, port } = new URL(target);
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    let cut = false;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    near.on('close', () => far.end());
    far.on('close', () => near.destroy());
    near.on('data', (chunk) => {
      if (armed && chunk.includes('ProjectDeclared')) {
        armed = false;
        cut = true;
        cuts += 1;
      }
      far.write(chunk);
    });
    far.on('data', (chunk) => (cut ? near.destroy() : near.write(chunk)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(target);
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return {
    url: url.href,
    cutAtNextAppend: () => (armed = true),
    cuts: () => cuts,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

for (const flavour of ['embedded18', 'debian15'] as const) {
  describeWith(`postgres:${flavour}`, `the writer on PostgreSQL ${flavour}`, () => {
    it('puts what comes while a commit runs into the next one', async () => {
      await using test = await createTestLog({ flavour });
      await Promise.all(Array.from({ length: 300 }, (_, index) => test.log.append(sampleAppend(`project-p${index}`))));
      const commits = await test.log.commits(0, 1_000);
      expect(commits.length).toBeLessThan(20);
      expect(Math.max(...commits.map((commit) => commit.lastPosition - commit.firstPosition + 1))).toBeLessThanOrEqual(
        200,
      );
      await checkLog(test.database.url);
    });

    it('takes one request above the size of a batch alone', async () => {
      await using test = await createTestLog({ flavour });
      const events = Array.from({ length: 450 }, (_, index) => projectDeclared('big', `${index}`));
      const result = await test.log.append(sampleAppend('project-big', { events }));
      expect(result.lastPosition).toBe(449);
      await checkLog(test.database.url);
    });

    it('turns away what its queue has no room for, and goes on', async () => {
      await using test = await createTestLog({ flavour, limits: { queueEvents: 10 } });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 30 }, () => test.log.append(sampleAppend('project-full'))),
      );
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused).toHaveLength(20);
      expect(refused[0]?.reason).toMatchObject({ code: 'PLB-5101', retry: 'after-delay', httpStatus: 503 });
      expect((await test.log.append(sampleAppend('project-full'))).revisions).toEqual({ 'project-full': 10 });
    });

    it('knows requests and streams from before it led', async () => {
      await using test = await createTestLog({ flavour });
      const request = sampleAppend('project-old', { expected: { type: 'noStream' } });
      const first = await test.log.append(request);
      await test.log.close();
      await using next = await PostgresEventLog.open({ url: test.database.url, migrate: false });
      expect(await next.append(request)).toEqual({ ...first, duplicate: true });
      await expect(next.append(sampleAppend('project-old', { expected: { type: 'noStream' } }))).rejects.toMatchObject({
        code: 'PLB-4101',
      });
      expect(
        (await next.append(sampleAppend('project-old', { expected: { type: 'exact', revision: 0 } }))).firstPosition,
      ).toBe(1);
    });

    it.each([
      { loadedRequests: 1 },
      { loadedRequests: 4 },
      { loadedRequests: 100 },
      { loadedRequests: 100, cachedRequests: 4 },
    ])('knows every request of the leader before it, of which it loads some: %j', async (limits) => {
      await using test = await createTestLog({ flavour });
      const requests = Array.from({ length: 10 }, (_, index) =>
        sampleAppend(`project-l${index}`, { expected: { type: 'noStream' } }),
      );
      const first: AppendPlacement[] = [];
      for (const request of requests) first.push(await test.log.append(request));
      await test.log.close();
      await using next = await PostgresEventLog.open({ url: test.database.url, migrate: false, limits });
      for (const [index, request] of [...requests.entries()].toReversed())
        expect(await next.append(request)).toEqual({ ...first[index], duplicate: true });
      expect((await next.append(sampleAppend('project-new'))).firstPosition).toBe(10);
    });

    it('finds streams and requests again that did not stay in memory', async () => {
      await using test = await createTestLog({ flavour, limits: { cachedStreams: 3, cachedRequests: 3 } });
      const requests = Array.from({ length: 10 }, (_, index) =>
        sampleAppend(`project-s${index}`, { expected: { type: 'noStream' } }),
      );
      const first: AppendPlacement[] = [];
      for (const request of requests) first.push(await test.log.append(request));
      for (const [index, request] of requests.entries())
        expect(await test.log.append(request)).toEqual({ ...first[index], duplicate: true });
      await expect(
        test.log.append(sampleAppend('project-s0', { expected: { type: 'noStream' } })),
      ).rejects.toMatchObject({ code: 'PLB-4101' });
    });

    it('answers with the positions of the first time when the line broke after the commit, and appends once', async () => {
      await using test = await createTestLog({ flavour });
      await test.log.close();
      const line = await startLine(test.database.url);
      await using log = await PostgresEventLog.open({ url: line.url, migrate: false });
      await log.append(sampleAppend('project-line'));
      line.cutAtNextAppend();
      const result = await log.append(sampleAppend('project-line', { expected: { type: 'exact', revision: 0 } }));
      expect(result).toMatchObject({ duplicate: false, firstPosition: 1, revisions: { 'project-line': 1 } });
      expect(line.cuts()).toBe(1);
      expect((await log.append(sampleAppend('project-line'))).firstPosition).toBe(2);
      await log.close();
      line.close();
      expect((await checkLog(test.database.url)).head).toBe(3);
    });

    it('steps down when another writer leads, and never writes below it', async () => {
      await using test = await createTestLog({ flavour, limits: { waitForLeadMs: 300, attempts: 2 } });
      await test.log.append(sampleAppend('project-fence'));
      // As a takeover does it, without asking: this epoch is over from here on.
      await sql(
        test.database.url,
        "update ledger.head set epoch = epoch + 1, holder = 'another', lease_until = 'infinity'",
      );
      await sql(
        test.database.url,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'plumbline-log' and pid <> pg_backend_pid()",
      );
      const blocker = new pg.Client({ connectionString: test.database.url });
      await blocker.connect();
      await eventually(async () => {
        const { rows } = await blocker.query<{ locked: boolean }>(
          "select pg_try_advisory_lock(hashtextextended('plumbline.ledger.lead', 0)) as locked",
        );
        expect(rows[0]?.locked).toBe(true);
      });
      await expect(test.log.append(sampleAppend('project-fence'))).rejects.toMatchObject({
        code: 'PLB-6002',
        retry: 'after-delay',
      });
      expect(test.log.leads).toBe(false);
      expect(await test.log.head()).toBe(1);
      await blocker.end();
      await test.log.whenLeading();
      expect((await test.log.append(sampleAppend('project-fence'))).firstPosition).toBe(1);
      await checkLog(test.database.url);
    });

    it('lets a second process take over at once when the first one ends', async () => {
      // Longer than any test: the lease is not what ends the wait.
      await using test = await createTestLog({ flavour, limits: { leaseMs: 600_000 } });
      await using second = await PostgresEventLog.open({
        url: test.database.url,
        migrate: false,
        limits: { waitForLeadMs: 100 },
      });
      await test.log.append(sampleAppend('project-over'));
      await expect(second.append(sampleAppend('project-over'))).rejects.toMatchObject({ code: 'PLB-6002' });
      expect((await second.read({ from: 0 })).events).toHaveLength(1);
      await test.log.close();
      await second.whenLeading();
      expect(
        (await second.append(sampleAppend('project-over', { expected: { type: 'exact', revision: 0 } }))).firstPosition,
      ).toBe(1);
    });

    it('takes over from a leader that hangs when its lease is over, not before', async () => {
      await using test = await createTestLog({ flavour });
      await test.log.append(sampleAppend('project-hang'));
      await test.log.close();
      // A process that hangs keeps its session, and with it the lock.
      const hanging = new pg.Client({ connectionString: test.database.url });
      await hanging.connect();
      await hanging.query("select pg_advisory_lock(hashtextextended('plumbline.ledger.lead', 0))");
      await hanging.query("select ledger.take_lead(0::smallint, 'hanging', 700, true)");
      const started = performance.now();
      await using next = await PostgresEventLog.open({
        url: test.database.url,
        migrate: false,
        limits: { candidateMs: 20 },
      });
      await next.whenLeading();
      expect(performance.now() - started).toBeGreaterThan(500);
      // It wakes: its epoch is over.
      const { rows } = await hanging.query<{ pos: string | null }>(
        'select ledger.renew_lead(0::smallint, 2, 3000) as pos',
      );
      expect(rows[0]?.pos).toBeNull();
      expect((await next.append(sampleAppend('project-hang'))).firstPosition).toBe(1);
      await hanging.end();
    });

    it('refuses nothing on what it knew before another one led', async () => {
      // It hears nothing of the other one by itself: neither its heart beats nor does its lease end.
      const limits = { leaseMs: 600_000, heartbeatMs: 600_000 };
      await using test = await createTestLog({ flavour, limits });
      await test.log.append(sampleAppend('project-stale'));
      await using other = await PostgresEventLog.open({ url: test.database.url, migrate: false, limits });
      await sql(test.database.url, "update ledger.head set lease_until = '-infinity'");
      await other.whenLeading();
      await other.append(sampleAppend('project-stale'));
      expect(test.log.leads).toBe(true);
      const late = sampleAppend('project-stale', { expected: { type: 'exact', revision: 1 } });
      await expect(test.log.append(late)).rejects.toMatchObject({ code: 'PLB-6002', retry: 'after-delay' });
      expect((await other.append(late)).firstPosition).toBe(2);
    });

    it('does not take the lead back when it wakes from a hang', async () => {
      const limits = { leaseMs: 600_000, heartbeatMs: 50 };
      await using test = await createTestLog({ flavour, limits: { ...limits, heartbeatMs: 600_000 } });
      await using other = await PostgresEventLog.open({ url: test.database.url, migrate: false, limits });
      await sql(test.database.url, "update ledger.head set lease_until = '-infinity'");
      await other.whenLeading();
      // It still has the lock from before, and hears that it was fenced.
      await expect(test.log.append(sampleAppend('project-woken'))).rejects.toMatchObject({ code: 'PLB-6002' });
      await eventually(async () =>
        expect(await sql(test.database.url, 'select locked from ledger.head')).toEqual([{ locked: true }]),
      );
      expect([test.log.leads, other.leads]).toEqual([false, true]);
    });

    it('makes partitions of request ids ahead while it leads, however few events come', async () => {
      await using test = await createTestLog({ flavour, limits: { partitionsMs: 10, heartbeatMs: 10 } });
      const parts = async (): Promise<string[]> =>
        (
          await sql<{ name: string }>(
            test.database.url,
            "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'ledger.request'::regclass order by 1",
          )
        ).map((row) => row.name);
      const before = await parts();
      expect(before).toHaveLength(8);
      await sql(test.database.url, `drop table ${before.at(-1)}`);
      await eventually(async () => expect(await parts()).toEqual(before));
    });

    it('refuses a clock that is ahead of the database, and time never goes back', async () => {
      let aheadMs = 0;
      const clock = { nowMs: (): number => Date.now() + aheadMs };
      await using test = await createTestLog({ flavour, clock });
      aheadMs = 4_000;
      const first = await test.log.append(sampleAppend('project-clock'));
      aheadMs = 0;
      const second = await test.log.append(sampleAppend('project-clock'));
      expect(second.recordedAt > first.recordedAt).toBe(true);
      aheadMs = 60_000;
      await expect(test.log.append(sampleAppend('project-clock'))).rejects.toMatchObject({ code: 'PLB-6005' });
      aheadMs = 0;
      expect((await test.log.append(sampleAppend('project-clock'))).firstPosition).toBe(2);
    });
  });
}

describeWith('postgres:embedded18', 'the log under faults', () => {
  it('loses no acknowledged event, doubles none and leaves no hole while backends die and three writers contend', async () => {
    await using test = await createTestLog({
      limits: { leaseMs: 400, heartbeatMs: 100, candidateMs: 20, waitForLeadMs: 200 },
    });
    const open = (): Promise<PostgresEventLog> =>
      PostgresEventLog.open({
        url: test.database.url,
        migrate: false,
        limits: { leaseMs: 400, heartbeatMs: 100, candidateMs: 20, waitForLeadMs: 200 },
      });
    const logs = [test.log, await open(), await open()];
    const acknowledged = new Map<string, number>();
    let stop = false;
    let index = 0;
    const produce = async (): Promise<void> => {
      while (!stop) {
        const requestId = uuidv7(Date.now());
        const request = sampleAppend(`project-f${(index += 1) % 40}`, { requestId });
        for (let attempt = 0; ; attempt += 1) {
          const log = logs[attempt % logs.length];
          const result = await log?.append(request).catch(() => undefined);
          if (result === undefined) continue;
          acknowledged.set(requestId, result.firstPosition);
          break;
        }
      }
    };
    const producers = Array.from({ length: 8 }, produce);
    for (let fault = 1; fault <= 12; fault += 1) {
      const before = acknowledged.size;
      await vi.waitUntil(() => acknowledged.size > before + 40, { timeout: 60_000, interval: 5 });
      await sql(
        test.database.url,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'plumbline-log' and datname = current_database()",
      );
    }
    stop = true;
    await Promise.all(producers);
    await Promise.all(logs.map((log) => log.close()));
    const { positionsOf } = await checkLog(test.database.url);
    expect(Object.fromEntries([...acknowledged].map(([id]) => [id, positionsOf.get(id)]))).toEqual(
      Object.fromEntries(acknowledged),
    );
    expect(new Set(acknowledged.values()).size).toBe(acknowledged.size);
  });

  it('goes on after a crash of PostgreSQL with everything that it acknowledged', async () => {
    // Own server: it is killed.
    await using database = await isolatedDatabase({ template: ledgerTemplate });
    await using log = await PostgresEventLog.open({ url: database.url, migrate: false });
    for (let index = 0; index < 20; index += 1) await log.append(sampleAppend('project-crash'));
    await database.server.kill();
    const waiting = log.append(sampleAppend('project-crash')).catch((error: unknown) => error);
    await database.server.restart();
    const outcome = await waiting;
    const result = outcome instanceof Error ? await log.append(sampleAppend('project-crash')) : outcome;
    expect(result).toMatchObject({ revisions: { 'project-crash': 20 } });
    expect((await checkLog(database.url)).head).toBe(21);
  });
});

describeWith('postgres:embedded18', 'the tables of the log', () => {
  it('refuse UPDATE, DELETE and TRUNCATE even to their owner', async () => {
    await using test = await createTestLog();
    await test.log.append(sampleAppend('project-frozen'));
    for (const table of ['ledger.event', 'ledger.event_p00000000', 'ledger.commit']) {
      await expect(sql(test.database.url, `delete from ${table}`)).rejects.toThrow(/append-only/);
      await expect(sql(test.database.url, `truncate ${table}`)).rejects.toThrow(/append-only/);
    }
    await expect(sql(test.database.url, "update ledger.event set body = '{}'")).rejects.toThrow(/append-only/);
    await expect(sql(test.database.url, 'update ledger.commit set epoch = 7')).rejects.toThrow(/append-only/);
  });

  it('let the writer role call append() and read, and write nothing by itself', async () => {
    await using test = await createTestLog();
    const client = new pg.Client({ connectionString: test.database.url, options: '-c role=plumbline_writer' });
    await client.connect();
    for (const statement of [
      "insert into ledger.event values (0, 99, 's', 0, 't', 'x', now(), '{}', sha256(''))",
      'update ledger.head set next_pos = 5',
      'delete from ledger.request',
      "insert into ledger.stream_head values (0, 's', 1, 1)",
      'update ledger.commit set epoch = 7',
      'truncate ledger.event',
      'create table ledger.mine (x int)',
    ]) {
      await expect(client.query(statement)).rejects.toThrow(/permission denied/);
    }
    await client.query('select count(*) from ledger.event');
    await client.end();
  });

  it('refuse a body that is not what its leaf was hashed over', async () => {
    await using test = await createTestLog();
    await expect(
      sql(
        test.database.url,
        "insert into ledger.event values (0, 0, 's', 0, 't', 'x', now(), '{\"a\":1}', sha256('\\x00'::bytea))",
      ),
    ).rejects.toThrow(/event_leaf_of_body/);
  });
});
