// SPDX-License-Identifier: Apache-2.0
import { createHmac, randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlumblineClient } from '@plumbline/api-client';
import { generateReleaseKeys, generateSealKey } from '@plumbline/manifest';
import { freePort, isolatedDatabase, type NatsFlavour, startNats, tempDir } from '@plumbline/testkit';
import pg from 'pg';
import { EventBook } from './event-book.js';
import { NodeServiceProcess, type ServiceProcess } from './service-process.js';
import { bareEnvironment, topologyConfig } from './topology.config.js';

/** `standalone`: all services in one process; `distributed`: six processes over NATS and PostgreSQL. */
export const Shape = ['standalone', 'distributed'] as const;
/** One of {@link Shape}. */
export type Shape = (typeof Shape)[number];

/** What to start. */
export interface TopologyOptions {
  readonly shape: Shape;
  /** More settings for every process. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Seals the names of people in the log, so that they can be erased. */
  readonly personalKey?: boolean;
  /** nats-server of the distributed shape. */
  readonly nats?: NatsFlavour;
  /** More arguments for Node, by name of the process. */
  readonly nodeArgs?: (name: string) => readonly string[];
}

/** Plumbline as a user runs it: built processes, real servers, a client. */
export interface Topology extends AsyncDisposable {
  readonly shape: Shape;
  readonly url: string;
  readonly grpcUrl: string;
  readonly dataDir: string;
  /** The first admin token. */
  readonly token: string;
  readonly client: PlumblineClient;
  /** Every event of the log as it comes. */
  readonly book: EventBook;
  /** What can be killed and started: `standalone` and its `postgres`, or the six services, `nats` and `postgres`. */
  readonly processes: ReadonlyMap<string, ServiceProcess>;
  /** The processes that run Plumbline's own code. */
  readonly services: readonly ServiceProcess[];
  /** Rows of a statement in the database of the log, asked as its owner. */
  ask(statement: string): Promise<readonly Record<string, unknown>[]>;
  /** A client with another token. */
  clientWith(token: string): PlumblineClient;
  /** What a Git provider sends after a push; the answer's status. */
  webhook(repositoryUrl: string, ref?: string): Promise<number>;
}

const SERVICES = ['audit', 'gateway', 'watcher', 'renderer', 'policy', 'applier'] as const;

function mainOf(service: string): string {
  return fileURLToPath(new URL(`../../services/${service}/dist/main.js`, import.meta.url));
}

interface Parts {
  readonly processes: ReadonlyMap<string, ServiceProcess>;
  readonly services: readonly NodeServiceProcess[];
  readonly databaseUrl: () => Promise<string>;
}

interface Setup {
  readonly options: TopologyOptions;
  readonly root: string;
  readonly dataDir: string;
  readonly common: Readonly<Record<string, string>>;
}

async function serviceProcess(
  setup: Setup,
  name: string,
  settings: Readonly<Record<string, string>>,
): Promise<NodeServiceProcess> {
  const health = `127.0.0.1:${await freePort()}`;
  return new NodeServiceProcess({
    name,
    main: mainOf(name),
    cwd: setup.root,
    logFile: path.join(setup.root, 'logs', `${name}.log`),
    healthUrl: `http://${health}`,
    nodeArgs: setup.options.nodeArgs?.(name) ?? [],
    env: bareEnvironment(setup.root, {
      ...setup.common,
      PLUMBLINE_HEALTH_LISTEN: health,
      ...settings,
      ...setup.options.settings,
    }),
  });
}

/** Where the embedded database listens since its last start. */
async function embeddedUrl(dataDir: string): Promise<string> {
  const [, , , port = ''] = (await readFile(path.join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  return `postgresql://plumbline:${(await readFile(path.join(dataDir, 'keys', 'postgres.password'), 'utf8')).trim()}@127.0.0.1:${port}/plumbline`;
}

/** The embedded database: a child that its parent starts again when it dies. */
function embeddedDatabase(dataDir: string): ServiceProcess {
  const pid = async (): Promise<number> =>
    Number((await readFile(path.join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0]);
  return {
    name: 'postgres',
    pid: -1,
    isRunning: true,
    output: '',
    kill: async () => {
      const victim = await pid();
      try {
        if (victim > 1) process.kill(victim, 'SIGKILL');
      } catch (error) {
        // Gone already: its parent is about to start it again.
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    },
    stop: async () => Promise.resolve(),
    start: async () => Promise.resolve(),
  };
}

async function standaloneParts(setup: Setup): Promise<Parts> {
  const standalone = await serviceProcess(setup, 'standalone', {});
  return {
    services: [standalone],
    processes: new Map<string, ServiceProcess>([
      ['standalone', standalone],
      ['postgres', embeddedDatabase(setup.dataDir)],
    ]),
    databaseUrl: async () => embeddedUrl(setup.dataDir),
  };
}

async function distributedParts(setup: Setup, stack: AsyncDisposableStack): Promise<Parts> {
  const keys = path.join(setup.root, 'keys');
  await mkdir(keys, { mode: 0o700 });
  const release = generateReleaseKeys();
  const secrets: Readonly<Record<string, string>> = {
    'seal.key': generateSealKey(),
    'release.key': release.privateKeyPem,
    'release.pub': release.publicKeyPem,
    'log.key': generateReleaseKeys().privateKeyPem,
    'log.token': randomBytes(32).toString('hex'),
  };
  for (const [file, content] of Object.entries(secrets))
    await writeFile(path.join(keys, file), content, { mode: 0o600 });
  // A database server of its own: some suites kill it.
  const database = stack.use(await isolatedDatabase());
  const nats = stack.use(await startNats(setup.options.nats === undefined ? {} : { flavour: setup.options.nats }));
  const logListen = `127.0.0.1:${await freePort()}`;
  const shared = {
    PLUMBLINE_BUS_URL: nats.url,
    PLUMBLINE_OBJECT_STORE_URL: database.url,
    PLUMBLINE_LOG_TOKEN_FILE: path.join(keys, 'log.token'),
  };
  const seal = { PLUMBLINE_SECRETS_KEY_FILE: path.join(keys, 'seal.key') };
  const own: Readonly<Record<(typeof SERVICES)[number], Readonly<Record<string, string>>>> = {
    audit: {
      PLUMBLINE_LOG_URL: database.url,
      PLUMBLINE_AUDIT_GRPC_LISTEN: logListen,
      PLUMBLINE_LOG_SIGNING_KEY_FILE: path.join(keys, 'log.key'),
    },
    gateway: { PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: path.join(setup.dataDir, 'admin.token') },
    watcher: {},
    renderer: seal,
    policy: { PLUMBLINE_POLICY_SIGNING_KEY_FILE: path.join(keys, 'release.key') },
    applier: { ...seal, PLUMBLINE_APPLIER_RELEASE_PUBLIC_KEY_FILE: path.join(keys, 'release.pub') },
  };
  const services: NodeServiceProcess[] = [];
  for (const name of SERVICES)
    services.push(
      await serviceProcess(setup, name, { PLUMBLINE_LOG_URL: `grpc://${logListen}`, ...shared, ...own[name] }),
    );
  const server = (
    name: string,
    part: { kill(): Promise<void>; stop(): Promise<void>; start(): Promise<void> },
  ): ServiceProcess => ({
    name,
    pid: -1,
    isRunning: true,
    output: '',
    kill: async () => part.kill(),
    stop: async () => part.stop(),
    start: async () => part.start(),
  });
  const postgres = {
    kill: async () => database.server.kill(),
    stop: async () => database.server.kill(),
    start: async () => database.server.restart(),
  };
  return {
    services,
    databaseUrl: async () => Promise.resolve(database.url),
    processes: new Map<string, ServiceProcess>([
      ...services.map((service) => [service.name, service] as const),
      ['nats', server('nats', nats)],
      ['postgres', server('postgres', postgres)],
    ]),
  };
}

async function keepLogs(root: string, shape: Shape): Promise<void> {
  const { keepLogsIn } = topologyConfig();
  if (keepLogsIn === undefined) return;
  await cp(path.join(root, 'logs'), path.join(keepLogsIn, `${shape}-${path.basename(root)}`), { recursive: true });
}

/** Starts a whole Plumbline from what `npm run build` made; resolves when every process is ready and the API answers. */
export async function startTopology(options: TopologyOptions): Promise<Topology> {
  const stack = new AsyncDisposableStack();
  try {
    const root = stack.use(await tempDir(`topology-${options.shape}`)).path;
    const dataDir = path.join(root, 'data');
    await mkdir(dataDir, { mode: 0o700 });
    await mkdir(path.join(root, 'logs'));
    const webhookSecret = randomBytes(16).toString('hex');
    await writeFile(path.join(root, 'webhook.secret'), webhookSecret, { mode: 0o600 });
    const personalKeyFile = path.join(root, 'personal.key');
    if (options.personalKey === true)
      await writeFile(personalKeyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    const [port, grpcPort] = [await freePort(), await freePort()];
    const common = {
      PLUMBLINE_DATA_DIR: dataDir,
      PLUMBLINE_GATEWAY_LISTEN: `127.0.0.1:${port}`,
      PLUMBLINE_GATEWAY_GRPC_LISTEN: `127.0.0.1:${grpcPort}`,
      PLUMBLINE_GATEWAY_WEBHOOK_SECRET_FILE: path.join(root, 'webhook.secret'),
      PLUMBLINE_APPLIER_SIMULATED_DOORS: 'true',
      ...(options.personalKey === true ? { PLUMBLINE_LOG_PERSONAL_KEY_FILE: personalKeyFile } : {}),
    };
    const setup: Setup = { options, root, dataDir, common };
    const parts = options.shape === 'standalone' ? await standaloneParts(setup) : await distributedParts(setup, stack);
    stack.defer(async () => keepLogs(root, options.shape));
    stack.defer(async () => void (await Promise.all(parts.services.map(async (service) => service.stop()))));
    await Promise.all(parts.services.map(async (service) => service.start()));
    const url = `http://127.0.0.1:${port}`;
    const token = (await readFile(path.join(dataDir, 'admin.token'), 'utf8')).trim();
    const clientWith = (other: string): PlumblineClient =>
      new PlumblineClient({ server: url, token: other, userAgent: 'plumbline-e2e' });
    const client = clientWith(token);
    const book = stack.use(new EventBook(client));
    return {
      shape: options.shape,
      url,
      grpcUrl: `127.0.0.1:${grpcPort}`,
      dataDir,
      token,
      client,
      book,
      clientWith,
      processes: parts.processes,
      services: parts.services,
      ask: async (statement) => askDatabase(await parts.databaseUrl(), statement),
      webhook: async (repositoryUrl, ref = 'refs/heads/main') =>
        sendWebhook(url, webhookSecret, { repository: repositoryUrl, ref }),
      [Symbol.asyncDispose]: async () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function askDatabase(connectionString: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function sendWebhook(url: string, secret: string, content: object): Promise<number> {
  const body = JSON.stringify(content);
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const response = await fetch(`${url}/webhooks/generic`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
  });
  return response.status;
}
