// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises'; // time is what this tests: faults of random length
import { connect as connectToNats } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { waitUntil } from '@plumbline/testkit';
import type { Random } from '../e2e/fixture/random.js';
import type { NodeServiceProcess } from '../e2e/fixture/service-process.js';
import { LEASE_MS, type Replica, type LogCluster } from './log-cluster.js';

/** A fault; `inject` resolves when it is over, whether or not the log has recovered. */
export interface Fault {
  readonly name: string;
  /** Relative frequency. */
  readonly weight: number;
  inject(cluster: LogCluster, random: Random): Promise<void>;
}

async function victim(cluster: LogCluster, random: Random): Promise<Replica> {
  const leader = await cluster.leader();
  // Mostly the leader: a fault of a follower has little effect.
  return leader !== undefined && random.next() < 0.7
    ? leader
    : random.pick(cluster.replicas.filter(({ process: { isRunning } }) => isRunning));
}

async function hang(cluster: LogCluster, random: Random, ms: number): Promise<void> {
  const { process: hanging } = await victim(cluster, random);
  if (!hanging.isRunning) return;
  process.kill(hanging.pid, 'SIGSTOP');
  await pause(ms);
  process.kill(hanging.pid, 'SIGCONT');
}

/** Starts a replica. It exits while its database is away, so it is started until it stays, as a supervisor does. */
async function restart(replica: NodeServiceProcess, afterMs: number): Promise<void> {
  await pause(afterMs);
  await waitUntil(`${replica.name} runs`, async () => replica.start().then(() => true), { intervalMs: 200 });
}

async function deleteStream(cluster: LogCluster): Promise<void> {
  const connection = await connectToNats({ servers: cluster.nats.url, maxReconnectAttempts: 3 });
  try {
    await (await jetstreamManager(connection)).streams.delete('PLUMBLINE_EVENTS').catch(() => undefined);
  } finally {
    await connection.close();
  }
}

/** All faults. */
export const faults: readonly Fault[] = [
  {
    name: 'backends terminated',
    weight: 60,
    inject: async (cluster) =>
      void (await cluster.ask(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'plumbline-%' and datname = current_database() and pid <> pg_backend_pid()",
      )),
  },
  {
    name: 'connections to the database cut',
    weight: 45,
    inject: async (cluster, random) => (await victim(cluster, random)).toDatabase.cut(),
  },
  {
    name: 'connections of the clients cut',
    weight: 40,
    inject: async (cluster, random) => (await victim(cluster, random)).toClients.cut(),
  },
  {
    name: 'short hang',
    weight: 15,
    inject: async (cluster, random) => hang(cluster, random, random.between(50, LEASE_MS / 2)),
  },
  {
    name: 'hang beyond the lease',
    weight: 10,
    inject: async (cluster, random) => hang(cluster, random, LEASE_MS + 300),
  },
  {
    name: 'replica killed',
    weight: 12,
    inject: async (cluster, random) => {
      await cluster.returning;
      const { process: killed } = await victim(cluster, random);
      await killed.kill();
      // The next faults do not wait for the restart: two other replicas run.
      cluster.returning = restart(killed, random.between(0, 300));
    },
  },
  {
    name: 'PostgreSQL killed',
    weight: 6,
    inject: async (cluster, random) => {
      await cluster.database.server.kill();
      await pause(random.between(0, 300));
      // For a short time its last children may still hold the shared memory.
      await waitUntil('PostgreSQL runs', async () => cluster.database.server.restart().then(() => true), {
        intervalMs: 200,
      });
    },
  },
  {
    name: 'disk full',
    weight: 4,
    inject: async ({ disk }) => {
      if (disk === undefined) return;
      disk.fill();
      await pause(300);
      await disk.free();
    },
  },
  {
    name: 'NATS killed',
    weight: 5,
    inject: async ({ nats }, random) => {
      await nats.kill();
      await pause(random.between(0, 300));
      await nats.start();
    },
  },
  { name: 'stream deleted', weight: 5, inject: deleteStream },
];

/** Yields a fault of each kind, then faults by weight. */
export function* faultSequence(count: number, random: Random): Iterable<Fault> {
  const sum = faults.reduce((total, fault) => total + fault.weight, 0);
  for (let index = 0; index < count; index += 1) {
    const first = faults[index];
    if (first !== undefined) {
      yield first;
      continue;
    }
    let left = random.next() * sum;
    yield faults.find((fault) => (left -= fault.weight) <= 0) ?? random.pick(faults);
  }
}
