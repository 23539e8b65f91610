// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogChannel } from '@plumbline/event-log/client';
import { generateServicesKeys, issueServiceCredential } from '@plumbline/events';
import { generateSigningKeyPem, pemSigner, type VerifierKey } from '@plumbline/merkle';
import {
  freePort,
  isolatedDatabase,
  type IsolatedDatabase,
  type NatsServer,
  startNats,
  tempDir,
} from '@plumbline/testkit';
import pg from 'pg';
import { NodeServiceProcess } from '../e2e/fixture/service-process.js';
import { bareEnvironment } from '../e2e/fixture/topology.config.js';
import { type TcpProxy, startTcpProxy } from './tcp-proxy.js';
import { mountSmallDisk, type SmallDisk } from './small-disk.js';

/** A replica of the log, and the TCP proxies to its database and to its clients. */
export interface Replica {
  readonly process: NodeServiceProcess;
  readonly toDatabase: TcpProxy;
  readonly toClients: TcpProxy;
}

/** Three replicas of the log behind TCP proxies, their database and their NATS server. */
export interface LogCluster extends AsyncDisposable {
  readonly replicas: readonly Replica[];
  readonly database: IsolatedDatabase;
  readonly nats: NatsServer;
  readonly disk: SmallDisk | undefined;
  /** Verifies what the replicas sign. */
  readonly key: VerifierKey;
  /** The replica that is being started again, if there is one. */
  returning: Promise<void>;
  /** Returns a client of all replicas that reaches each through its TCP proxy. */
  connect(): LogChannel;
  /** Runs a statement as the owner of the database, without a proxy, and returns the rows. */
  ask<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>;
  /** Returns the leader, or the last one. */
  leader(): Promise<Replica | undefined>;
}

const REPLICAS = 3;
const ORIGIN = 'plumbline.test/fault-injection';
/** Shorter than in production, so that the hangs of a run fit into its time. */
export const LEASE_MS = 1_000;

async function startReplica(
  stack: AsyncDisposableStack,
  parts: {
    readonly name: string;
    readonly root: string;
    readonly databaseUrl: string;
    readonly settings: Readonly<Record<string, string>>;
  },
): Promise<Replica> {
  const { name, root, databaseUrl, settings } = parts;
  const own = new URL(databaseUrl);
  const toDatabase = stack.use(await startTcpProxy(Number(own.port)));
  own.port = String(toDatabase.port);
  const grpcPort = await freePort();
  const toClients = stack.use(await startTcpProxy(grpcPort));
  const health = `127.0.0.1:${await freePort()}`;
  const process = new NodeServiceProcess({
    name,
    main: fileURLToPath(new URL('../../services/audit/dist/main.js', import.meta.url)),
    cwd: root,
    logFile: path.join(root, `${name}.log`),
    healthUrl: `http://${health}`,
    env: bareEnvironment(root, {
      ...settings,
      PLUMBLINE_LOG_URL: own.href,
      PLUMBLINE_LOG_MIGRATE_URL: databaseUrl,
      PLUMBLINE_AUDIT_GRPC_LISTEN: `127.0.0.1:${grpcPort}`,
      PLUMBLINE_HEALTH_LISTEN: health,
    }),
  });
  stack.defer(async () => process.stop());
  return { process, toDatabase, toClients };
}

/** Starts a cluster from the output of `npm run build`. The lease of the leader is {@link LEASE_MS} by default. */
export async function startLogCluster({ leaseMs = LEASE_MS }: { readonly leaseMs?: number } = {}): Promise<LogCluster> {
  const stack = new AsyncDisposableStack();
  try {
    const root = stack.use(await tempDir('fault-injection')).path;
    await mkdir(path.join(root, 'data'));
    const services = generateServicesKeys();
    const token = issueServiceCredential(services.privateKeyPem, { service: 'gateway', nowMs: Date.now() });
    await writeFile(path.join(root, 'services.pub'), services.publicKeyPem, { mode: 0o600 });
    const pem = generateSigningKeyPem();
    await writeFile(path.join(root, 'log.key'), pem, { mode: 0o600 });
    await writeFile(path.join(root, 'log.pub'), pemSigner(pem, ORIGIN).key.text);
    // Servers of their own: they are killed.
    const mounted: SmallDisk[] = [];
    stack.defer(async () => void (await Promise.all(mounted.map(async (disk) => disk[Symbol.asyncDispose]()))));
    const database = stack.use(await isolatedDatabase());
    const nats = stack.use(await startNats());
    const settings = {
      PLUMBLINE_DATA_DIR: path.join(root, 'data'),
      PLUMBLINE_LOG_SERVICES_KEY_FILE: path.join(root, 'services.pub'),
      PLUMBLINE_LOG_SIGNING_KEY_FILE: path.join(root, 'log.key'),
      PLUMBLINE_LOG_ORIGIN: ORIGIN,
      PLUMBLINE_LOG_LEASE_MS: String(leaseMs),
      PLUMBLINE_NATS_URL: nats.url,
      PLUMBLINE_LOG_PUBLIC_KEY_FILE: path.join(root, 'log.pub'),
      PLUMBLINE_OBJECT_STORE_URL: database.url,
    };
    const replicas: Replica[] = [];
    for (let index = 0; index < REPLICAS; index += 1)
      replicas.push(await startReplica(stack, { name: `audit-${index}`, root, databaseUrl: database.url, settings }));
    // The first one alone: it makes the tables, so that the others find them.
    await replicas[0]?.process.start();
    await Promise.all(replicas.map(async ({ process }) => process.start()));
    const ask = async <Row extends pg.QueryResultRow>(text: string): Promise<Row[]> => {
      const client = new pg.Client({ connectionString: database.url, connectionTimeoutMillis: 60_000 });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.query<Row>(text)).rows;
      } finally {
        await client.end();
      }
    };
    const [dataDir] = await ask<{ dir: string }>("select current_setting('data_directory') as dir");
    const disk = await mountSmallDisk(database.url, dataDir?.dir ?? '/');
    if (disk !== undefined) mounted.push(disk);
    return {
      replicas,
      database,
      nats,
      disk,
      ask,
      key: pemSigner(pem, ORIGIN).key,
      returning: Promise.resolve(),
      connect: () =>
        new LogChannel({
          url: `grpc://${replicas.map(({ toClients }) => `127.0.0.1:${toClients.port}`).join(',')}`,
          token,
          timeoutMs: 60_000,
        }),
      leader: async () => {
        const [head] = await ask<{ holder: string }>('select holder from ledger.head');
        return replicas.find(({ process }) => process.isRunning && head?.holder.startsWith(`${process.pid}-`) === true);
      },
      [Symbol.asyncDispose]: async () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
