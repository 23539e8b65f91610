// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { seeded } from '../topology/random.js';
import type { NodeServiceProcess } from '../topology/service-process.js';
import { chosen } from './faults.js';
import { Producers } from './producers.js';
import { LEASE_MS, type Stand, startStand } from './stand.js';
import { tortureConfig } from './torture.config.js';
import { judge } from './verdict.js';

const PRODUCERS = 8;
/** A loaded machine may take its time; a broken log never gets there. */
const PATIENCE = { timeout: 60_000, interval: 10 };

async function nothingButProgress(producers: Producers, count: number): Promise<void> {
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
async function everybodyFollowed(stand: Stand): Promise<void> {
  await vi.waitFor(
    async () => {
      const [row] = await stand.ask<{ head: string; relay: string; views: string; parked: string }>(`
      select (select next_pos from ledger.head) as head, (select max(pos) from ledger.cursor where consumer = 'relay') as relay,
        (select max(pos) from ledger.cursor where consumer = 'views') as views, (select count(*) from ledger.dead_letter) as parked`);
      expect(row).toEqual({ head: row?.head, relay: row?.head, views: row?.head, parked: '0' });
    },
    { timeout: 60_000, interval: 200 },
  );
}

it('loses no acknowledged event, doubles none, leaves no hole and lets no stale leader write', async () => {
  const { faults: count, seed } = tortureConfig();
  process.stdout.write(`torture of the log: ${count} faults, PLUMBLINE_TORTURE_SEED=${seed}\n`);
  const random = seeded(seed);
  await using stand = await startStand();
  const channels = Array.from({ length: PRODUCERS }, () => stand.connect());
  const producers = new Producers(channels);
  await nothingButProgress(producers, PRODUCERS);
  const started = performance.now();
  const suffered = new Map<string, number[]>();
  for (const fault of chosen(count, random)) {
    const at = performance.now();
    await fault.inflict(stand, random);
    await nothingButProgress(producers, 1);
    suffered.set(fault.name, [...(suffered.get(fault.name) ?? []), performance.now() - at]);
    expect(producers.surprises).toEqual([]);
    await pause(random.between(0, 30));
  }
  await stand.returning;
  await producers.stop();
  for (const channel of channels) channel.close();
  await everybodyFollowed(stand);
  const verdict = await judge(stand, producers.acknowledged);
  for (const [name, times] of suffered)
    process.stdout.write(
      `${String(times.length).padStart(4)} × ${name}: until the next acknowledgement ${sorted(times)}\n`,
    );
  process.stdout.write(
    `${producers.acknowledged.length} acknowledged, ${verdict.events} events in ${verdict.commits} commits of ${verdict.epochs} epochs, ${((performance.now() - started) / 1_000).toFixed(0)} s\n`,
  );
  expect(verdict).toMatchObject({ lost: [], duplicates: [], holes: [], staleWrites: [], broken: [], forked: [] });
  expect(verdict.checkpoints).toBeGreaterThan(5);
  expect(producers.surprises).toEqual([]);
  expect(verdict.events).toBeGreaterThanOrEqual(producers.acknowledged.length);
  expect(verdict.epochs).toBeGreaterThan(1);
}, 240_000);

it(`leads again soon after the leader was killed, and after the lease (${LEASE_MS} ms here) when it hangs`, async () => {
  await using stand = await startStand();
  const channel = stand.connect();
  const producers = new Producers([channel]);
  const crash: number[] = [];
  const hang: number[] = [];
  const strike = async (
    signal: NodeJS.Signals,
  ): Promise<{ readonly tookMs: number; readonly victim: NodeServiceProcess }> => {
    await nothingButProgress(producers, 5);
    // A leader that followed one that hung has the lock, which tells of its death, a heartbeat after that one woke.
    await vi.waitFor(
      async () => expect(await stand.ask('select locked from ledger.head')).toEqual([{ locked: true }]),
      PATIENCE,
    );
    const leader = await stand.leader();
    if (leader === undefined) throw new Error('nobody leads');
    const others = stand.replicas.filter((replica) => replica !== leader);
    const at = performance.now();
    process.kill(leader.process.pid, signal);
    await vi.waitUntil(async () => others.includes((await stand.leader()) ?? leader), { timeout: 20_000, interval: 2 });
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
