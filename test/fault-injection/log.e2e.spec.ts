// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises'; // time is what this tests: faults at random times
import { waitUntil } from '@plumbline/testkit';
import { expect, it } from 'vitest';
import { seeded } from '../e2e/fixture/random.js';
import type { NodeServiceProcess } from '../e2e/fixture/service-process.js';
import { faultSequence } from './faults.js';
import { Producers } from './producers.js';
import { LEASE_MS, type LogCluster, startLogCluster } from './log-cluster.js';
import { faultInjectionConfig } from './fault-injection.config.js';
import { checkConsistency } from './log-consistency.js';

const PRODUCERS = 8;
/** Longer than an election takes, so that a new leader before its end did not wait for it. */
const LONG_LEASE_MS = 60_000;

async function waitForProgress(producers: Producers, count: number): Promise<void> {
  const before = producers.acknowledged.length;
  await waitUntil(
    `${count} more acknowledgements`,
    () => producers.surprises.length > 0 || producers.acknowledged.length >= before + count,
    { intervalMs: 5 },
  );
}

function sorted(list: readonly number[]): string {
  const order = list.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    `${Math.round(order[Math.min(order.length - 1, Math.floor(order.length * share))] ?? 0)} ms`;
  return order.length === 0 ? 'none' : `median ${at(0.5)}, longest ${at(1)}`;
}

/** Waits until NATS has every event and the read models are at the head. */
async function waitForConsumers(cluster: LogCluster): Promise<void> {
  await waitUntil('the publisher and the read models at the head', async () => {
    const [row] = await cluster.ask<{ done: boolean }>(`
      select head.next_pos = (select max(pos) from ledger.cursor where consumer = 'relay')
        and head.next_pos = (select max(pos) from ledger.cursor where consumer = 'views')
        and not exists (select from ledger.dead_letter) as done from ledger.head`);
    return row?.done === true;
  });
}

it('loses no acknowledged event, doubles none, leaves no hole and lets no stale leader write', async () => {
  const { faults: count, seed } = faultInjectionConfig();
  process.stdout.write(`fault injection: ${count} faults, PLUMBLINE_TEST_FAULT_SEED=${seed}\n`);
  const random = seeded(seed);
  await using cluster = await startLogCluster();
  const channels = Array.from({ length: PRODUCERS }, () => cluster.connect());
  const producers = new Producers(channels);
  await waitForProgress(producers, PRODUCERS);
  const started = performance.now();
  const recoveryTimes = new Map<string, number[]>();
  for (const fault of faultSequence(count, random)) {
    const at = performance.now();
    await fault.inject(cluster, random);
    await waitForProgress(producers, 1);
    recoveryTimes.set(fault.name, [...(recoveryTimes.get(fault.name) ?? []), performance.now() - at]);
    expect(producers.surprises).toEqual([]);
    await pause(random.between(0, 30));
  }
  await cluster.returning;
  await producers.stop();
  for (const channel of channels) channel.close();
  await waitForConsumers(cluster);
  const report = await checkConsistency(cluster, producers.acknowledged);
  for (const [name, times] of recoveryTimes)
    process.stdout.write(
      `${String(times.length).padStart(4)} × ${name}: until the next acknowledgement ${sorted(times)}\n`,
    );
  process.stdout.write(
    `${producers.acknowledged.length} acknowledged, ${report.events} events in ${report.commits} commits of ${report.epochs} epochs, ${((performance.now() - started) / 1_000).toFixed(0)} s\n`,
  );
  expect(report).toMatchObject({ lost: [], duplicates: [], holes: [], staleWrites: [], broken: [], forked: [] });
  expect(report.checkpoints).toBeGreaterThan(5);
  expect(producers.surprises).toEqual([]);
  expect(report.events).toBeGreaterThanOrEqual(producers.acknowledged.length);
  expect(report.epochs).toBeGreaterThan(1);
});

/** Signals the leader and returns it, with the time until another replica leads. */
async function strikeLeader(
  cluster: LogCluster,
  producers: Producers,
  signal: NodeJS.Signals,
): Promise<{ readonly tookMs: number; readonly process: NodeServiceProcess }> {
  await waitForProgress(producers, 5);
  // After a hang, the leader gets the session lock, which shows its death, one heartbeat after the last holder woke.
  await waitUntil('a leader with the session lock', async () => {
    const [head] = await cluster.ask<{ locked: boolean }>('select locked from ledger.head');
    return head?.locked === true;
  });
  const leader = await waitUntil('a leader', async () => cluster.leader());
  const others = cluster.replicas.filter((replica) => replica !== leader);
  const at = performance.now();
  process.kill(leader.process.pid, signal);
  await waitUntil('another leader', async () => others.includes((await cluster.leader()) ?? leader), { intervalMs: 2 });
  return { tookMs: performance.now() - at, process: leader.process };
}

it('elects another leader before the lease ends when the leader is killed', async () => {
  await using cluster = await startLogCluster({ leaseMs: LONG_LEASE_MS });
  const channel = cluster.connect();
  const producers = new Producers([channel]);
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const killed = await strikeLeader(cluster, producers, 'SIGKILL');
    times.push(killed.tookMs);
    await killed.process.kill();
    await killed.process.start();
  }
  await producers.stop();
  channel.close();
  process.stdout.write(`another leader after a crash: ${sorted(times)} with a lease of ${LONG_LEASE_MS} ms\n`);
  expect(producers.surprises).toEqual([]);
  for (const tookMs of times) expect(tookMs).toBeLessThan(LONG_LEASE_MS);
});

it('elects another leader after the lease when the leader hangs', async () => {
  await using cluster = await startLogCluster();
  const channel = cluster.connect();
  const producers = new Producers([channel]);
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const hanging = await strikeLeader(cluster, producers, 'SIGSTOP');
    times.push(hanging.tookMs);
    process.kill(hanging.process.pid, 'SIGCONT');
  }
  await producers.stop();
  channel.close();
  process.stdout.write(`another leader after a hang: ${sorted(times)} with a lease of ${LEASE_MS} ms\n`);
  expect(producers.surprises).toEqual([]);
});
