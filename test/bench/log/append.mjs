// SPDX-License-Identifier: Apache-2.0
// Prints figures, judges nothing: how fast the log takes events, and how soon they are read, published and shown.
// Needs a build (`npm run build`). PostgreSQL 18 with fsync on, on this machine, in the same minute: compare only
// runs of one machine.
import { cpus } from 'node:os';
import { EventEmitter } from 'node:events';
import { uuidv7 } from '@plumbline/core';
import { projectSpec } from '@plumbline/events';
import { Follower } from '@plumbline/event-log';
import { GrpcEventLog, LogChannel } from '@plumbline/event-log/client';
import { PostgresEventLog } from '@plumbline/audit/ledger';
import { startPostgres } from '@plumbline/testkit';
import { InProcessPublisher } from '@plumbline/messaging/in-process';
import { composeAudit, TOKEN } from '@plumbline/audit/testing';

EventEmitter.defaultMaxListeners = 1_000;
const silent = {
  error: console.error,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
};
const spec = projectSpec.parse({});
const padding = 'x'.repeat(300);
const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;
const ms = (value) => `${value.toFixed(2)} ms`;

function request(stream, events) {
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
          data: { name: stream.slice('project-'.length), labels: { padding }, spec },
        })),
      },
    ],
  };
}

async function closedLoop(log, { clients, events, seconds }) {
  const latencies = [];
  const until = performance.now() + seconds * 1_000;
  const cpu = process.cpuUsage();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (performance.now() < until) {
        const at = performance.now();
        await log.append(request(`project-bench-${client}`, events));
        latencies.push(performance.now() - at);
      }
    }),
  );
  const took = (performance.now() - started) / 1_000;
  const used = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const rate = (latencies.length * events) / took;
  return {
    clients,
    'events per append': events,
    'events/s': Math.round(rate),
    p50: ms(percentile(latencies, 0.5)),
    p95: ms(percentile(latencies, 0.95)),
    p99: ms(percentile(latencies, 0.99)),
    'CPU µs/event': Math.round((used.user + used.system) / (rate * took)),
  };
}

async function timed(what, count, work) {
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1_000;
  return { what, events: count, seconds: seconds.toFixed(2), 'events/s': Math.round(count / seconds) };
}

async function readAll(log) {
  let from = 0;
  for (const head = await log.head(); from < head;) from = (await log.read({ from, limit: 2_000 })).nextPosition;
}

const server = await startPostgres({
  settings: { fsync: 'on', full_page_writes: 'on', shared_buffers: '128MB', max_wal_size: '2GB' },
});
try {
  console.log(`node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'cpu'}, PostgreSQL 18, fsync on`);
  const database = await server.createDatabase();
  {
    const log = await PostgresEventLog.open({ url: database.url, notices: silent });
    await log.whenLeading();
    await closedLoop(log, { clients: 4, events: 1, seconds: 1 });
    console.log('\nappend in the process, nothing else running');
    const rows = [];
    for (const shape of [
      { clients: 1, events: 1 },
      { clients: 16, events: 1 },
      { clients: 64, events: 1 },
      { clients: 256, events: 1 },
      { clients: 8, events: 50 },
    ]) {
      rows.push(await closedLoop(log, { ...shape, seconds: 3 }));
    }
    console.table(rows);
    await log.close();
  }
  const publisher = new InProcessPublisher();
  const audit = await composeAudit(database.url, { publisher, logger: silent });
  audit.projector.start();
  await audit.log.whenLeading();
  const head = await audit.log.head();
  console.log('\nwhat follows');
  const rows = [];
  rows.push(await timed('views: catch up into the tables', head, async () => audit.projector.waitFor(head, 600_000)));
  rows.push(await timed('views: rebuild', head, async () => audit.projector.rebuild()));
  rows.push(await timed('read and decode the whole log', head, async () => readAll(audit.log)));
  const follower = new Follower({ log: audit.log, from: 0, onEvents: () => undefined, onError: console.error });
  rows.push(await timed('follower: catch up', head, async () => follower.start()));
  await follower.stop();
  rows.push(
    await timed('relay: publish from position 0', head, async () => {
      audit.relay.start();
      while ((audit.relay.position ?? 0) < head) await new Promise((resolve) => setTimeout(resolve, 5));
    }),
  );
  console.table(rows);
  console.log('\nappend with views, search index and relay running, in the process and over gRPC');
  const channel = new LogChannel({ url: await audit.server.listen('127.0.0.1:0'), token: TOKEN });
  const whole = [];
  for (const [where, log] of [
    ['in process', audit.log],
    ['gRPC', new GrpcEventLog(channel)],
  ]) {
    for (const shape of [
      { clients: 1, events: 1 },
      { clients: 64, events: 1 },
      { clients: 8, events: 50 },
    ])
      whole.push({ where, ...(await closedLoop(log, { ...shape, seconds: 3 })) });
  }
  console.table(whole);
  const seen = [];
  for (let index = 0; index < 200; index += 1) {
    const at = performance.now();
    const { lastPosition } = await audit.log.append(request('project-latency', 1));
    await audit.queries.getView('project', 'bench', lastPosition + 1);
    seen.push(performance.now() - at);
  }
  seen.sort((a, b) => a - b);
  console.log(
    `append and read back through the views: p50 ${ms(percentile(seen, 0.5))}, p99 ${ms(percentile(seen, 0.99))}`,
  );
  channel.close();
  await audit.close();
} finally {
  await server[Symbol.asyncDispose]();
}
