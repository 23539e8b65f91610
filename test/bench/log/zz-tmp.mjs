import { EventEmitter } from 'node:events';
import { uuidv7 } from '@plumbline/core';
import { projectSpec } from '@plumbline/events';
import { GrpcEventLog, LogChannel } from '@plumbline/event-log/client';
import { startPostgres } from '@plumbline/testkit';
import { InProcessBus } from '@plumbline/bus/in-process';
import { AuditParts } from '/work/main/services/audit/dist/audit-parts.js';
EventEmitter.defaultMaxListeners = 1_000;
const silent = { error: console.error, warn: console.error, info: () => undefined, debug: () => undefined, child: () => silent };
const spec = projectSpec.parse({});
const padding = 'x'.repeat(300);
const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;
const ms = (value) => `${value.toFixed(2)} ms`;
function request(stream, events) {
  return { requestId: uuidv7(Date.now()), actor: { kind: 'system', id: 'bench', name: 'bench' }, service: 'gateway',
    items: [{ stream, expected: { type: 'any' }, events: Array.from({ length: events }, () => ({ type: 'ProjectDeclared', data: { name: 'bench', labels: { padding }, spec } })) }] };
}
async function closedLoop(log, { clients, events, seconds }) {
  const latencies = []; const until = performance.now() + seconds * 1_000; const cpu = process.cpuUsage(); const started = performance.now();
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    while (performance.now() < until) { const at = performance.now(); await log.append(request(`project-bench-${client}`, events)); latencies.push(performance.now() - at); }
  }));
  const took = (performance.now() - started) / 1_000; const used = process.cpuUsage(cpu); latencies.sort((a, b) => a - b);
  const rate = (latencies.length * events) / took;
  return { clients, events, 'events/s': Math.round(rate), p50: ms(percentile(latencies, 0.5)), p99: ms(percentile(latencies, 0.99)), 'CPU µs/event': Math.round((used.user + used.system) / (rate * took)) };
}
const server = await startPostgres({ settings: { fsync: 'on', full_page_writes: 'on', shared_buffers: '128MB', max_wal_size: '2GB' } });
const database = await server.createDatabase();
const bus = new InProcessBus({ queueCapacity: 100_000 });
const parts = await AuditParts.open({ logUrl: database.url, bus, logger: silent });
await parts.log.whenLeading();
parts.startRelay();
const door = await parts.openDoor({ listen: '127.0.0.1:0', token: 'a token of the bench' });
const channel = new LogChannel({ url: door, token: 'a token of the bench' });
const g = new GrpcEventLog(channel);
const which = process.env.WHICH ?? 'both';
for (const [where, log] of [['in process', parts.log], ['gRPC', g]]) {
  if (which !== 'both' && which !== where) continue;
  for (const shape of [{ clients: 1, events: 1 }, { clients: 64, events: 1 }, { clients: 8, events: 50 }]) console.log(where, JSON.stringify(await closedLoop(log, { ...shape, seconds: 3 })), 'views lag', (await parts.log.head()) - parts.projector.position);
}
channel.close(); await parts.close(); await server[Symbol.asyncDispose]();
