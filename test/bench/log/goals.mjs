// SPDX-License-Identifier: Apache-2.0
// Prints figures, judges nothing: what was aimed at for the log, beside what this machine gives now.
// Needs a build (`npm run build`). PostgreSQL 18 with fsync on; everything runs on this machine: compare only runs of
// one machine, in one minute.
// PLUMBLINE_BENCH_RUNS: runs of each part, interleaved; the median is shown. 5 when absent.
import { execFileSync, fork } from 'node:child_process';
import { chmodSync, closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EventEmitter } from 'node:events';
import pg from 'pg';
import { uuidv7 } from '@plumbline/core';
import { projectSpec } from '@plumbline/events';
import { GrpcEventLog, LogChannel } from '@plumbline/event-log/client';
import { PostgresEventLog } from '@plumbline/audit/ledger';
import {
  encodeBundle,
  formatCheckpoint,
  Frontier,
  generateSigningKeyPem,
  pemSigner,
  signNote,
  subtreeRoot,
  verifyLog,
} from '@plumbline/merkle';
import { startPostgres } from '@plumbline/testkit';
import { InProcessPublisher } from '@plumbline/messaging/in-process';
import { checkDatabase } from '../../../cli/dist/commands/log-database.js';
import { composeAudit, TOKEN } from '@plumbline/audit/testing';
import { generateLoad } from './load-generator.mjs';

EventEmitter.defaultMaxListeners = 1_000;
const RUNS = Number(process.env['PLUMBLINE_BENCH_RUNS'] ?? '5');
const COPIED = 20_000;
const BATCH = 200;
const silent = {
  error: console.error,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
};
const spec = projectSpec.parse({});
const padding = 'x'.repeat(300);
let turnedAway = 0;
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const nowMs = () => performance.timeOrigin + performance.now();

function percentiles(latencies) {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), 'p99.9': at(0.999) };
}

function request(stream, events) {
  const sentAt = String(nowMs());
  return {
    requestId: uuidv7(Date.now()),
    actor: { kind: 'system', id: 'bench', name: 'bench' },
    service: 'gateway',
    items: [
      {
        stream,
        expected: { type: 'any' },
        events: Array.from({ length: events }, () => ({
          type: 'ProjectDeclared',
          data: { name: stream.slice('project-'.length), labels: { padding, sentAt }, spec },
        })),
      },
    ],
  };
}

/** Offers at a rate whether or not earlier ones were answered: a slow answer does not make the next one later. */
async function offer(log, { perSecond, each, seconds }) {
  const latencies = [];
  const pending = [];
  await generateLoad(
    { everyMs: (each * 1_000) / perSecond, ticks: Math.floor((perSecond / each) * seconds) },
    (tick, dueAt) => {
      // From when it was due, so that a thread that is busy counts against the log too.
      pending.push(
        insist(log, request(`project-bench-${tick % 64}`, each)).then(() => latencies.push(nowMs() - dueAt)),
      );
    },
  );
  await Promise.all(pending);
  return latencies;
}

/** Who is told to come back later does; it counts against the log. */
async function insist(log, given) {
  for (;;) {
    try {
      return await log.append(given);
    } catch (error) {
      if (error.code !== 'PLB-5101') throw error;
      turnedAway += 1;
      await pause(error.retryAfterMs);
    }
  }
}

async function saturate(log, count, each) {
  const started = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: 16 }, async (_, client) => {
      while (left > 0) {
        left -= each;
        await log.append(request(`project-bench-${client}`, each));
      }
    }),
  );
  return count / ((performance.now() - started) / 1_000);
}

/** The same rows, into a table with the same keys and checks, by the fastest way that PostgreSQL has. */
async function copyRate(client, file, rows) {
  await client.query('drop table if exists bench_copy');
  await client.query('create table bench_copy (like ledger.event including all)');
  await client.query('create unique index on bench_copy (shard, stream, revision)');
  const started = performance.now();
  await client.query(`copy bench_copy from '${file}'`);
  return rows / ((performance.now() - started) / 1_000);
}

/** COPY from this process in commits of as many rows as a batch of the log has, each on disk before the next. */
async function copyInCommits(client, lines) {
  await client.query('drop table if exists bench_copy');
  await client.query('create table bench_copy (like ledger.event including all)');
  await client.query('create unique index on bench_copy (shard, stream, revision)');
  const started = performance.now();
  for (let from = 0; from < lines.length; from += BATCH) {
    const chunk = Buffer.from(`${lines.slice(from, from + BATCH).join('\n')}\n`);
    await new Promise((resolve, reject) => {
      client.query({
        submit: (connection) => connection.query('copy bench_copy from stdin'),
        handleCopyInResponse: (connection) => {
          connection.sendCopyFromChunk(chunk);
          connection.endCopyFrom();
        },
        handleCommandComplete: () => undefined,
        handleError: reject,
        handleReadyForQuery: resolve,
      });
    });
  }
  return lines.length / ((performance.now() - started) / 1_000);
}

async function writeRows(client, file) {
  const { rows } = await client.query(
    'select shard, pos, stream, revision, type, tenant, recorded_at::text as at, body, leaf from ledger.event order by pos limit $1',
    [COPIED],
  );
  const handle = openSync(file, 'w');
  for (const row of rows) {
    const cells = [
      row.shard,
      row.pos,
      row.stream,
      row.revision,
      row.type,
      row.tenant,
      row.at,
      row.body.replaceAll('\\', '\\\\').replaceAll('\t', '\\t'),
      `\\\\x${row.leaf.toString('hex')}`,
    ];
    writeSync(handle, `${cells.join('\t')}\n`);
  }
  closeSync(handle);
  chmodSync(file, 0o644);
  return rows.length;
}

async function consumer(url) {
  const child = fork(fileURLToPath(new URL('consumer.mjs', import.meta.url)), [url, TOKEN], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const answer = (what) =>
    new Promise((resolve) => {
      const listen = (message) => {
        if (message.what !== what) return;
        child.off('message', listen);
        resolve(message);
      };
      child.on('message', listen);
    });
  await answer('ready');
  return {
    ask: async (what, fields = {}) => {
      const reply = answer(what);
      child.send({ what, ...fields });
      return reply;
    },
    stop: () => child.kill(),
  };
}

/** The log as an auditor has it, in memory: bundles, tiles and a signed checkpoint. */
async function exported(pool, key) {
  const leaves = [];
  const bundles = [];
  for (;;) {
    const { rows } = await pool.query({
      name: 'export',
      text: 'select body, leaf from ledger.event where shard = 0 and pos >= $1 order by pos limit 256',
      values: [leaves.length],
    });
    if (rows.length === 0) break;
    leaves.push(...rows.map(({ leaf }) => leaf));
    bundles.push(encodeBundle(rows.map(({ body }) => body)));
  }
  const levels = [leaves];
  for (let level = 0; (levels[level]?.length ?? 0) >= 256; level += 1) {
    const below = levels[level];
    levels.push(
      Array.from({ length: Math.floor(below.length / 256) }, (_, index) =>
        subtreeRoot(below.slice(index * 256, index * 256 + 256)),
      ),
    );
  }
  const checkpoint = await signNote(
    formatCheckpoint({ origin: 'bench.example/log', size: leaves.length, root: Frontier.empty.append(leaves).root() }),
    key,
  );
  return {
    size: leaves.length,
    files: {
      checkpoint: async () => checkpoint,
      entries: async ({ index }) => bundles[index],
      tile: async ({ level, index, width }) => Buffer.concat(levels[level].slice(index * 256, index * 256 + width)),
    },
  };
}

async function rateOf(count, work) {
  const started = performance.now();
  await work();
  return count / ((performance.now() - started) / 1_000);
}

async function readAll(log) {
  const started = performance.now();
  let from = 0;
  for (const head = await log.head(); from < head;) from = (await log.readBodies({ from, limit: 2_000 })).nextPosition;
  return from / ((performance.now() - started) / 1_000);
}

/** In a scope of its own: rows that are kept for COPY are not to be walked by the collector later. */
async function againstCopy(url) {
  const log = await PostgresEventLog.open({ url, notices: silent });
  await log.whenLeading();
  await saturate(log, COPIED, 50);
  const rows = await writeRows(client, file);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  for (let run = 0; run < RUNS; run += 1) {
    const cpu = process.cpuUsage();
    const append = await saturate(log, COPIED, 50);
    const used = process.cpuUsage(cpu);
    const commits = await copyInCommits(client, lines);
    const copy = await copyRate(client, file, rows);
    note('append, full path ÷ COPY (aim ≥ 0.6)', {
      'append events/s': append,
      [`COPY in commits of ${BATCH}, rows/s`]: commits,
      ratio: append / commits,
      'COPY as one, from a file of the server, rows/s': copy,
      'ratio to that': append / copy,
      'CPU µs/event of this process': (used.user + used.system) / COPIED,
    });
  }
  await client.query('drop table bench_copy');
  await log.close();
}

const results = new Map();
const note = (what, figures) => {
  const known = results.get(what) ?? {};
  for (const [name, value] of Object.entries(figures)) known[name] = [...(known[name] ?? []), value];
  results.set(what, known);
};

const server = await startPostgres({
  settings: {
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    shared_buffers: '128MB',
    min_wal_size: '2GB',
    max_wal_size: '4GB',
  },
});
const database = await server.createDatabase();
const publisher = new InProcessPublisher();
const client = new pg.Client({ connectionString: database.url });
const file = path.join(tmpdir(), `plumbline-bench-${process.pid}.tsv`);
try {
  const {
    rows: [{ mode }],
  } = await client
    .connect()
    .then(() =>
      client.query(
        "select current_setting('fsync') || ', wal_sync_method ' || current_setting('wal_sync_method') || ', synchronous_commit ' || current_setting('synchronous_commit') as mode",
      ),
    );
  console.log(
    `node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'cpu'}, load ${loadavg()[0]?.toFixed(1)}, PostgreSQL 18, fsync ${mode}, commit ${execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()}, median of ${RUNS} interleaved runs, flags ${process.execArgv.join(' ') || 'none'}`,
  );
  // Alone first: nothing follows the log.
  await againstCopy(database.url);
  const audit = await composeAudit(database.url, { publisher, logger: silent });
  audit.projector.start();
  await audit.log.whenLeading();
  audit.relay.start();
  const { log } = audit;
  const url = await audit.server.listen('127.0.0.1:0');
  const channel = new LogChannel({ url, token: TOKEN });
  const reader = await consumer(url);
  await audit.projector.waitFor(await log.head(), 600_000);
  for (let run = 0; run < RUNS; run += 1) {
    // A database that has run for a while has segments of its WAL to use again; a new one writes each first, which
    // takes this disk 45 ms.
    await client.query('checkpoint');
    note(
      '1,000/s offered in the process, views and relay follow (aim p50 ≤ 2, p99 ≤ 15 ms)',
      percentiles(await offer(log, { perSecond: 1_000, each: 1, seconds: 3 })),
    );
    note(
      '1,000/s offered over gRPC, views and relay follow',
      percentiles(await offer(new GrpcEventLog(channel), { perSecond: 1_000, each: 1, seconds: 3 })),
    );
    await reader.ask('start', { from: await log.head() });
    const acknowledged = await offer(log, { perSecond: 10_000, each: 10, seconds: 3 });
    const { latencies } = await reader.ask('report', { until: await log.head() });
    note('10,000/s, acknowledged', { ...percentiles(acknowledged), 'turned away for a while': turnedAway });
    turnedAway = 0;
    note('10,000/s through to a consumer in another process (aim p50 ≤ 5, p99 ≤ 40 ms)', percentiles(latencies));
    await audit.projector.waitFor(await log.head(), 600_000);
  }
  reader.stop();
  const signer = pemSigner(generateSigningKeyPem(), 'bench.example/log');
  const { key } = signer;
  const audited = await exported(client, signer);
  for (let run = 0; run < RUNS; run += 1) {
    note('catch-up: read the whole log (aim ≥ 50,000/s)', { 'events/s': await readAll(await fresh(database.url)) });
    note('verification of an export: signature, every entry, every tile (aim ≥ 30,000/s)', {
      'events/s': await rateOf(audited.size, () => verifyLog({ files: audited.files, key })),
    });
    note('verification of the database: every row, commit, tile (aim ≥ 30,000/s)', {
      'events/s': await rateOf(audited.size, () =>
        checkDatabase({ url: database.url, known: [], onPosition: () => undefined }),
      ),
    });
  }
  const head = await log.head();
  for (let run = 0; run < Math.min(RUNS, 3); run += 1) {
    const started = performance.now();
    await audit.projector.rebuild();
    note('rebuild of the views while the old ones are shown (aim ≥ 25,000/s)', {
      'events/s': head / ((performance.now() - started) / 1_000),
      events: head,
    });
  }
  channel.close();
  await audit.close();
  for (const [what, figures] of results) {
    const shown = Object.entries(figures).map(
      ([name, values]) =>
        `${name} ${median(values) >= 100 ? Math.round(median(values)).toLocaleString('en') : median(values).toFixed(2)}`,
    );
    console.log(`${what}: ${shown.join(', ')}`);
  }
} finally {
  rmSync(file, { force: true });
  await client.end();
  await server[Symbol.asyncDispose]();
}

/** A reader that has nothing in memory. */
async function fresh(url) {
  const reading = await PostgresEventLog.open({ url, migrate: false, notices: silent });
  setTimeout(() => void reading.close(), 30_000).unref();
  return reading;
}
