// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectToNats } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import type { Random } from '../topology/random.js';
import type { NodeServiceProcess } from '../topology/service-process.js';
import { LEASE_MS, type Replica, type Stand } from './stand.js';

/** One way to hurt the log; resolves when it is over, whether or not the log has recovered. */
export interface Fault {
  readonly name: string;
  /** How often it is chosen, against the others. */
  readonly weight: number;
  inflict(stand: Stand, random: Random): Promise<void>;
}

async function victim(stand: Stand, random: Random): Promise<Replica> {
  const leader = await stand.leader();
  // Mostly the one that leads: the others have little to lose.
  return leader !== undefined && random.next() < 0.7
    ? leader
    : random.pick(stand.replicas.filter(({ process: { isRunning } }) => isRunning));
}

async function hang(stand: Stand, random: Random, ms: number): Promise<void> {
  const { process: hanging } = await victim(stand, random);
  if (!hanging.isRunning) return;
  process.kill(hanging.pid, 'SIGSTOP');
  await pause(ms);
  process.kill(hanging.pid, 'SIGCONT');
}

/** Starts a replica again; while its database is away it ends at once, as any process that somebody else starts again. */
async function comeBack(replica: NodeServiceProcess, afterMs: number): Promise<void> {
  await pause(afterMs);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await replica.start();
      return;
    } catch (error) {
      if (attempt === 20) throw error;
      await pause(200);
    }
  }
}

async function deleteStream(stand: Stand): Promise<void> {
  const connection = await connectToNats({ servers: stand.nats.url, maxReconnectAttempts: 3 });
  try {
    await (await jetstreamManager(connection)).streams.delete('PL_EV').catch(() => undefined);
  } finally {
    await connection.close();
  }
}

/** All of them. */
export const faults: readonly Fault[] = [
  {
    name: 'backends terminated',
    weight: 60,
    inflict: async (stand) =>
      void (await stand.ask(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'plumbline-%' and datname = current_database() and pid <> pg_backend_pid()",
      )),
  },
  {
    name: 'connections to the database cut',
    weight: 45,
    inflict: async (stand, random) => (await victim(stand, random)).toDatabase.cut(),
  },
  {
    name: 'connections of the clients cut',
    weight: 40,
    inflict: async (stand, random) => (await victim(stand, random)).toDoor.cut(),
  },
  {
    name: 'short hang',
    weight: 15,
    inflict: async (stand, random) => hang(stand, random, random.between(50, LEASE_MS / 2)),
  },
  { name: 'hang beyond the lease', weight: 10, inflict: async (stand, random) => hang(stand, random, LEASE_MS + 300) },
  {
    name: 'replica killed',
    weight: 12,
    inflict: async (stand, random) => {
      await stand.returning;
      const { process: killed } = await victim(stand, random);
      await killed.kill();
      // The next faults do not wait for it: two others are there.
      stand.returning = comeBack(killed, random.between(0, 300));
    },
  },
  {
    name: 'PostgreSQL killed',
    weight: 6,
    inflict: async (stand, random) => {
      await stand.database.server.kill();
      await pause(random.between(0, 300));
      // Its last children may hold the shared memory for a moment.
      for (let attempt = 1; ; attempt += 1) {
        try {
          await stand.database.server.restart();
          return;
        } catch (error) {
          if (attempt === 5) throw error;
          await pause(200);
        }
      }
    },
  },
  {
    name: 'disk full',
    weight: 4,
    inflict: async ({ disk }) => {
      if (disk === undefined) return;
      disk.fill();
      await pause(300);
      await disk.free();
    },
  },
  {
    name: 'NATS killed',
    weight: 5,
    inflict: async ({ nats }, random) => {
      await nats.kill();
      await pause(random.between(0, 300));
      await nats.start();
    },
  },
  { name: 'stream deleted', weight: 5, inflict: deleteStream },
];

/** A fault of each kind first, then by weight, all by the seed. */
export function* chosen(count: number, random: Random): Iterable<Fault> {
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
