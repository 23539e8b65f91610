// SPDX-License-Identifier: Apache-2.0
// Prints how long each service of the distributed shape takes to be ready on a large log, and how many events it
// reads: from position 0
// and from its snapshot. Needs a build (`npm run build`). Compare only runs of one machine.
//
//   node test/bench/log/start.mjs [--events 2000000] [--applications 10000] [--services watcher,renderer] [--runs 1]
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { PostgresEventLog } from '@plumbline/audit/ledger';
import { waitUntil } from '@plumbline/testkit';
import pg from 'pg';
import './typescript.mjs';
import { writeHistory } from './sample-history.mjs';

const { prepareTopology } = await import('../../e2e/fixture/topology.ts');

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    applications: { type: 'string', default: '10000' },
    services: { type: 'string', default: 'audit,watcher,renderer,policy,applier,gateway' },
    runs: { type: 'string', default: '1' },
  },
});
const GOAL_SECONDS = 5;
const GOAL_EVENTS = 20_000;
/** A service that folds the whole log takes minutes. */
const LIMIT_MS = 3_600_000;
const TICKS_PER_SECOND = 100;

const silent = { error: console.error, warn: console.error, info: () => undefined, debug: () => undefined };
const median = (list) => list.toSorted((left, right) => left - right)[Math.floor(list.length / 2)];

/** Values of a metric by its `consumer`, summed over all other labels. */
function valuesOf(metrics, name) {
  const found = new Map();
  for (const line of metrics.split('\n')) {
    const [, metric, labels, value] = /^(\w+)\{(.*)\} (\S+)/.exec(line) ?? [];
    const consumer = /\bconsumer="([^"]*)"/.exec(labels ?? '')?.[1];
    if (metric === name && consumer !== undefined) found.set(consumer, (found.get(consumer) ?? 0) + Number(value));
  }
  return found;
}

const metricsOf = async ({ healthUrl }) => (await fetch(`${healthUrl}/metrics`)).text();

/** Seconds of CPU that a process has used. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/**
 * Starts a service; how long until it is ready and has processed all that was in the log, and what it read for that.
 */
async function measure(service, head) {
  const startedMs = performance.now();
  await service.start();
  await waitUntil(
    `${service.name} at the head`,
    async () =>
      [...valuesOf(await metricsOf(service), 'plumbline_reactor_position').values()].every((at) => at >= head - 1),
    { limitMs: LIMIT_MS },
  );
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpu = cpuSeconds(service.pid);
  const events = [...valuesOf(await metricsOf(service), 'plumbline_reactor_events_total').values()];
  return { seconds, cpu, events: events.length === 0 ? undefined : events.reduce((sum, count) => sum + count, 0) };
}

await using topology = await prepareTopology({
  shape: 'distributed',
  database: { shared_buffers: '256MB', max_wal_size: '4GB' },
  startLimitMs: LIMIT_MS,
});
const { services, dataDir, keysDir, databaseUrl } = topology;
const url = await databaseUrl();
const log = await PostgresEventLog.open({ url, notices: silent });
await log.whenLeading();
const writtenFromMs = performance.now();
const written = await writeHistory(log, {
  events: Number(values.events),
  applications: Number(values.applications),
  releaseKey: createPrivateKey(await readFile(path.join(keysDir, 'release.key'))),
  onProgress: (head) => process.stderr.write(`\r${head} events `),
});
await log.close();
const client = new pg.Client({ connectionString: url });
await client.connect();
await client.query('vacuum analyze');
process.stderr.write('\n');
console.log(
  `${written} events of ${values.applications} applications, written in ${((performance.now() - writtenFromMs) / 1_000).toFixed(0)} s; node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'cpu'}, load ${loadavg()[0]?.toFixed(1)}`,
);

const headOf = async () => Number((await client.query('select next_pos from ledger.head')).rows[0].next_pos);
const snapshotBytes = async (consumer) =>
  (await stat(path.join(dataDir, 'snapshots', `${consumer}.snapshot`)).catch(() => undefined))?.size;

const audit = services.find(({ name }) => name === 'audit');
const rows = [];
const wanted = values.services.split(',');
for (const service of [audit, ...services.filter(({ name }) => name !== 'audit')]) {
  const isMeasured = wanted.includes(service.name);
  if (!isMeasured && service !== audit) continue;
  const runs = { fold: [], snapshot: [] };
  for (let run = 0; run < Number(values.runs); run += 1) {
    await service.stop();
    await rm(path.join(dataDir, 'snapshots'), { recursive: true, force: true });
    runs.fold.push(await measure(service, await headOf()));
    await service.stop();
    runs.snapshot.push(await measure(service, await headOf()));
  }
  for (const [how, list] of Object.entries(runs)) {
    const [seconds, cpu] = [median(list.map((one) => one.seconds)), median(list.map((one) => one.cpu))];
    const events = list[0].events === undefined ? undefined : median(list.map((one) => one.events));
    const goal = events === undefined ? 'unknown' : seconds <= GOAL_SECONDS && events < GOAL_EVENTS ? 'met' : 'missed';
    rows.push({
      service: service.name,
      from: how === 'fold' ? 'position 0' : 'the snapshot',
      'seconds to ready': seconds.toFixed(2),
      'CPU seconds': cpu.toFixed(2),
      'events read': events ?? 'not reported',
      [`goal: ${GOAL_SECONDS} s, ${GOAL_EVENTS} events`]: how === 'fold' ? '' : goal,
      'snapshot MB': how === 'fold' ? '' : (((await snapshotBytes(service.name)) ?? 0) / 1e6).toFixed(1),
    });
  }
  if (service !== audit) await service.stop();
}
console.table(rows);
const appended = (await headOf()) - written;
console.log(
  `${appended} events were appended by the services meanwhile; the history leaves no work but unreachable repositories and clusters`,
);
await client.end();
