// SPDX-License-Identifier: Apache-2.0
// Prints figures, judges nothing: how long the state of 10,000 targets takes, as of moments within 2,000,000 changes
// of them.
// Needs a build (`npm run build`). PostgreSQL 18 with fsync on, on this machine: compare only runs of one machine.
// `TARGETS`, `CHANGES` and `RUNS` make it smaller.
import { cpus, loadavg } from 'node:os';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { migrateLedger } from '@plumbline/audit/ledger';
import { startPostgres } from '@plumbline/testkit';
import { ViewStore } from '@plumbline/read-models';
import { migrateProjection } from '../../../services/audit/dist/read-models/migrate.js';
import { PostgresLogQueries } from '../../../services/audit/dist/read-models/postgres-log-queries.js';

const targets = Number(process.env.TARGETS ?? 10_000);
const changes = Number(process.env.CHANGES ?? 2_000_000);
const runs = Number(process.env.RUNS ?? 5);
const start = '2026-01-01T00:00:00Z';
/** CPU of a process so far: on a machine that others use too, the elapsed time says more about them. */
const TICK_MS = 10;
const cpuMs = (pid) => {
  const [utime = 0, stime = 0] =
    readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13).map(Number) ?? [];
  return (utime + stime) * TICK_MS;
};
const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;

/** A target as the views make it of a release, a sync and its health. */
function sampleTarget() {
  const store = new ViewStore();
  const at = { application: 'default/app', environment: 'production', cluster: 'cluster' };
  const digest = `sha256:${'a'.repeat(64)}`;
  const event = (type, data, position) => ({
    id: `0198c0f0-0000-7000-8000-00000000000${position}`,
    type,
    schemaVersion: 1,
    stream: 's',
    revision: position,
    position,
    occurredAt: start,
    recordedAt: start,
    actor: { kind: 'service', id: 'applier', name: 'applier' },
    causationId: 'c',
    correlationId: 'c',
    data: { ...at, ...data },
  });
  store.apply(
    event(
      'VersionReleased',
      { version: 1, releaseId: 'r', generation: 1, clusters: ['cluster'], kind: 'Automatic', renderDigest: digest },
      0,
    ),
  );
  store.apply(
    event(
      'SyncCompleted',
      {
        syncId: 's',
        version: 1,
        renderDigest: digest,
        cause: 'Release',
        result: 'Succeeded',
        reason: 'Succeeded',
        message: '2 configured, 3 unchanged',
        inventoryDigest: digest,
        objectCount: 5,
        durationMs: 812,
        changes: {
          counts: { Configured: 2, Unchanged: 3 },
          digest,
          inline: [
            { key: 'apps/Deployment/web/web', apiVersion: 'apps/v1', action: 'Configured', fields: ['spec.replicas'] },
          ],
          truncated: false,
        },
      },
      1,
    ),
  );
  store.apply(
    event(
      'HealthChanged',
      { health: 'Healthy', reason: 'Healthy', message: 'all objects are healthy', objects: [] },
      2,
    ),
  );
  return store.get('target', 'default/app/production/cluster');
}

async function fill(client) {
  const document = JSON.stringify(sampleTarget());
  const key =
    "'default/app-' || lpad((n % $2 / 40)::text, 5, '0') || '/production/cluster-' || lpad((n % $2 % 40)::text, 3, '0')";
  const time = `$4::timestamptz + n * interval '1 second'`;
  await client.query(
    `insert into projection.history_key select 1, 'target', ${key.replaceAll('$2', '$1::bigint')} from generate_series(0, $1::bigint - 1) n`,
    [targets],
  );
  for (let from = 0; from < changes; from += 100_000) {
    await client.query(
      `insert into projection.history select 1, 'target', ${key.replaceAll('$2', '$2::bigint')}, n, $3::json, ${time}, ${time} from generate_series($1::bigint, $5::bigint) n`,
      [from, targets, document, start, Math.min(from + 100_000, changes) - 1],
    );
  }
  await client.query(
    `insert into ledger.commit (shard, last_pos, first_pos, recorded_at, epoch, root) select 0, n * 10 + 9, n * 10, $1::timestamptz + (n * 10 + 9) * interval '1 second', 1, '' from generate_series(0, $2::bigint / 10 - 1) n`,
    [start, changes],
  );
  await client.query('analyze ledger.commit');
  await client.query(
    "insert into ledger.cursor (consumer, version, shard, partition, pos, owner_epoch) values ('views', 1, 0, 0, $1, 0)",
    [changes],
  );
  await client.query('vacuum analyze projection.history');
  await client.query('analyze projection.history_key');
  return document.length;
}

/** All of them, page by page; the database works on the next page while this process reads the one before. */
async function stateOf(queries, at) {
  const ask = (cursor) =>
    queries.listTextsAsOf('target', at, { limit: 2_500, ...(cursor === undefined ? {} : { cursor }) });
  const documents = [];
  for (let next = ask(); next !== undefined;) {
    const page = await next;
    next = page.cursor === undefined ? undefined : ask(page.cursor);
    // The question goes out first.
    await new Promise((resolve) => setImmediate(resolve));
    for (const { text } of page.documents) documents.push(JSON.parse(text));
  }
  return documents.length;
}

await using server = await startPostgres({
  settings: { fsync: 'on', full_page_writes: 'on', shared_buffers: '256MB', max_wal_size: '4GB' },
});
await using database = await server.createDatabase();
await migrateLedger(database.url);
await migrateProjection(database.url);
const pool = new pg.Pool({ connectionString: database.url, max: 2 });
const client = await pool.connect();
const filling = performance.now();
const chars = await fill(client);
const {
  rows: [{ size, version }],
} = await client.query("select pg_size_pretty(pg_total_relation_size('projection.history')) as size, version()");
console.log(
  `${targets} targets, ${changes} changes of ${chars} characters (${size}), filled in ${((performance.now() - filling) / 1_000).toFixed(0)} s; ${cpus().length} × ${cpus()[0]?.model}; ${version.split(' on ')[0]}; load ${loadavg()[0]?.toFixed(1)}`,
);

// One connection, so that its backend can be watched.
const single = new pg.Pool({ connectionString: database.url, max: 1 });
const {
  rows: [{ pid }],
} = await single.query('select pg_backend_pid() as pid');
const queries = new PostgresLogQueries({ pool: single, progress: { waitFor: async () => true } });
const ours = [];
const inDatabase = [];
const seconds = (n) => new Date(Date.parse(start) + n * 1_000).toISOString();
for (let run = 0; run < runs; run += 1) {
  for (const part of [0.1, 0.3, 0.5, 0.7, 0.9, 1]) {
    const below = Math.floor(changes * part);
    for (const at of [{ below }, { below: changes, occurredUntil: seconds(below - 1) }]) {
      const before = { elapsed: performance.now(), database: cpuMs(pid), client: process.cpuUsage() };
      const found = await stateOf(queries, at);
      const { user, system } = process.cpuUsage(before.client);
      ours.push({
        ms: performance.now() - before.elapsed,
        database: cpuMs(pid) - before.database,
        client: (user + system) / 1_000,
        both: at.occurredUntil !== undefined,
      });
      if (found !== targets) throw new Error(`${found} targets were found, not ${targets}`);
    }
    const began = performance.now();
    await client.query(
      `select count(*), sum(length(s.document::text)) from projection.history_key k cross join lateral (
         select document from projection.history h where h.version = k.version and h.view = k.view and h.key = k.key and from_pos < $1 order by from_pos desc limit 1
       ) s where k.version = 1 and k.view = 'target'`,
      [below],
    );
    inDatabase.push({ ms: performance.now() - began });
  }
}
const row = (what, list) => {
  const mean = (name) =>
    list[0]?.[name] === undefined ? '' : (list.reduce((sum, one) => sum + one[name], 0) / list.length).toFixed(0);
  const sorted = list.map(({ ms }) => ms).sort((left, right) => left - right);
  return {
    what,
    runs: sorted.length,
    'p50 ms': percentile(sorted, 0.5).toFixed(0),
    'p95 ms': percentile(sorted, 0.95).toFixed(0),
    'slowest ms': sorted.at(-1)?.toFixed(0),
    'CPU ms of the database': mean('database'),
    'CPU ms of the client': mean('client'),
  };
};
console.table([
  row('in the database', inDatabase),
  row(
    'by position, parsed documents',
    ours.filter(({ both }) => !both),
  ),
  row(
    'by time of occurrence, parsed documents',
    ours.filter(({ both }) => both),
  ),
]);
client.release();
await single.end();
await pool.end();
