// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { seeded } from '../e2e/fixture/random.js';
import type { NodeServiceProcess } from '../e2e/fixture/service-process.js';
import { faultSequence } from './faults.js';
import { Producers } from './producers.js';
import { LEASE_MS, type LogCluster, startLogCluster } from './log-cluster.js';
import { faultInjectionConfig } from './fault-injection.config.js';
import { checkConsistency } from './log-consistency.js';

const PRODUCERS = 8;
/** Time limit of a condition, in milliseconds. */
const PATIENCE = { timeout: 60_000, interval: 10 };

async function waitForProgress(producers: Producers, count: number): Promise<void> {
  const before = producers.acknowledged.length;
  await vi.waitUntil(() => producers.surprises.length > 0 || producers.acknowledged.length >= before + count, PATIENCE);
}

function sorted(list: readonly number[]): string {
  const order = list.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    `${Math.round(order[Math.min(order.length - 1, Math.floor(order.length * share))] ?? 0)} ms`;
  return order.length === 0 ? 'none' : `median ${at(0.5)}, longest ${at(1)}`;
}

/** The bus has everything and the views are at the head. */
async function waitForConsumers(cluster: LogCluster): Promise<void> {
  await vi.waitFor(
    async () => {
      const [row] = await cluster.ask<{ head: string; relay: string; views: string; parked: string }>(`
      select (select next_pos from ledger.head) as head, (select max(pos) from ledger.cursor where consumer = 'relay') as relay,
        (select max(pos) from ledger.cursor where consumer = 'views') as views, (select count(*) from ledger.dead_letter) as parked`);
      expect(row).toEqual({ head: row?.head, relay: row?.head, views: row?.head, parked: '0' });
    },
    { timeout: 60_000, interval: 200 },
  );
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
}, 240_000);

it(`leads again soon after the leader was killed, and after the lease (${LEASE_MS} ms here) when it hangs`, async () => {
  await using cluster = await startLogCluster();
  const channel = cluster.connect();
  const producers = new Producers([channel]);
  const crash: number[] = [];
  const hang: number[] = [];
  const strike = async (
    signal: NodeJS.Signals,
  ): Promise<{ readonly tookMs: number; readonly victim: NodeServiceProcess }> => {
    await waitForProgress(producers, 5);
    // A leader that followed one that hung has the lock, which tells of its death, a heartbeat after that one woke.
    await vi.waitFor(
      async () => expect(await cluster.ask('select locked from ledger.head')).toEqual([{ locked: true }]),
      PATIENCE,
    );
    const leader = await cluster.leader();
    if (leader === undefined) throw new Error('nobody leads');
    const others = cluster.replicas.filter((replica) => replica !== leader);
    const at = performance.now();
    process.kill(leader.process.pid, signal);
    await vi.waitUntil(async () => others.includes((await cluster.leader()) ?? leader), {
      timeout: 20_000,
      interval: 2,
    });
    return { tookMs: performance.now() - at, victim: leader.process };
  };
  for (let round = 0; round < 3; round += 1) {
    const { tookMs, victim } = await strike('SIGKILL');
    crash.push(tookMs);
    await victim.kill();
    await victim.start();
  }
  for (let round = 0; round < 3; round += 1) {
    const { tookMs, victim } = await strike('SIGSTOP');
    hang.push(tookMs);
    process.kill(victim.pid, 'SIGCONT');
  }
  await producers.stop();
  channel.close();
  process.stdout.write(
    `another one leads after a crash: ${sorted(crash)}; after a hang: ${sorted(hang)} with a lease of ${LEASE_MS} ms\n`,
  );
  expect(producers.surprises).toEqual([]);
  const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[1] ?? 0;
  // Far above what is aimed at (0.2 s, lease + 0.2 s): this machine may be busy with other things.
  expect(median(crash)).toBeLessThan(LEASE_MS);
  expect(median(hang)).toBeLessThan(LEASE_MS * 3);
}, 120_000);
