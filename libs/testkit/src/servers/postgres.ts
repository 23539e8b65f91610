// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { childEnvironment, testkitConfig } from '../testkit.config.js';
import { withFreePort } from './free-port.js';
import { ManagedProcess } from './managed-process.js';
import { availability, DEBIAN_POSTGRES_15, embeddedPostgresBinDir } from './requirements.js';
import { tempDir, type TempDir } from './temp-dir.js';

/** `embedded18` is what the standalone shape ships, `debian15` the oldest supported. */
export type PostgresFlavour = 'embedded18' | 'debian15';

/** A PostgreSQL server process with a data directory of its own. */
export interface PostgresServer extends AsyncDisposable {
  readonly flavour: PostgresFlavour;
  /** Superuser URL of database `postgres`. */
  readonly url: string;
  /** A new database on it, by default a copy of template1. */
  createDatabase(template?: DatabaseTemplate): Promise<TestDatabase>;
  /** Stops the server (fast shutdown) and starts it again on the same data and port. */
  restart(): Promise<void>;
  /** SIGKILL of the postmaster, as a crash; follow with {@link restart}. */
  kill(): Promise<void>;
}

/** A database that is prepared once per server and then copied, which takes milliseconds. */
export interface DatabaseTemplate {
  /** Names what `prepare` does; two templates with the same key are taken for the same. */
  readonly key: string;
  /** Runs migrations or loads data; it MUST close its connections. */
  readonly prepare: (url: string) => Promise<void>;
}

/** A database of one test file. Disposal drops it, whoever is still connected. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly flavour: PostgresFlavour;
}

/** A database on a server of its own, for tests that restart, kill or reconfigure PostgreSQL. */
export interface IsolatedDatabase extends TestDatabase {
  readonly server: PostgresServer;
}

export interface PostgresOptions {
  /** Default `embedded18`. */
  readonly flavour?: PostgresFlavour;
  /** Extra server settings, for example `{ wal_level: 'logical' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const run = promisify(execFile);

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root, so root lends it another account of the system. */
function serverAccount(): Account | undefined {
  if (userInfo().uid !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const fields = accounts.find(([user]) => user === name);
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('PostgreSQL cannot run as root, and this system has neither a user postgres nor nobody to run it as');
}

function readableByOthers(dir: string): boolean {
  for (let at = dir; ; at = path.dirname(at)) {
    if ((statSync(at).mode & 0o005) !== 0o005) return false;
    if (path.dirname(at) === at) return true;
  }
}

/** A checkout below /root is closed to every other account: give it a copy of the binaries. */
async function reachableBinDir(binDir: string, account: Account | undefined): Promise<string> {
  if (account === undefined || readableByOthers(binDir)) return binDir;
  const native = path.dirname(binDir);
  const { mtimeMs, size } = statSync(path.join(binDir, 'postgres'));
  const key = createHash('sha256').update(`${native} ${mtimeMs} ${size}`).digest('hex').slice(0, 12);
  const copy = path.join(tmpdir(), `plumbline-postgres-binaries-${key}`);
  if (!existsSync(copy)) {
    const staging = await mkdtemp(`${copy}.`);
    await cp(native, staging, { recursive: true, verbatimSymlinks: true });
    await chmod(staging, 0o755);
    // Another test process may have been faster with the same copy.
    await rename(staging, copy).catch(async () => rm(staging, { recursive: true, force: true }));
  }
  if (statSync(copy).uid !== userInfo().uid)
    throw new Error(`${copy} belongs to somebody else; remove it and run the tests again`);
  return path.join(copy, 'bin');
}

function binDirOf(flavour: PostgresFlavour): string {
  const found = availability(`postgres:${flavour}`);
  if (!found.available) throw new Error(`cannot start PostgreSQL (${flavour}): ${found.reason}`);
  return flavour === 'debian15' ? DEBIAN_POSTGRES_15 : (embeddedPostgresBinDir() ?? '');
}

async function initialise(binDir: string, dataDir: string, account: Account | undefined): Promise<string> {
  const password = randomBytes(12).toString('hex');
  const passwordFile = `${dataDir}.password`;
  await mkdir(dataDir, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account) {
    await chown(path.dirname(dataDir), account.uid, account.gid);
    await chown(dataDir, account.uid, account.gid);
    await chown(passwordFile, account.uid, account.gid);
  }
  await run(
    path.join(binDir, 'initdb'),
    [
      '-D',
      dataDir,
      '-U',
      'postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C',
    ],
    { cwd: dataDir, env: childEnvironment({ LC_ALL: 'C' }), ...account },
  );
  await rm(passwordFile);
  return password;
}

/** Nothing here survives the test, so nothing is worth an fsync; a killed server still recovers from its WAL. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '32MB',
  fsync: 'off',
  full_page_writes: 'off',
};

class OwnServer implements PostgresServer {
  readonly flavour: PostgresFlavour;
  readonly url: string;
  readonly #start: () => Promise<ManagedProcess>;
  readonly #workDir: TempDir;
  #process: ManagedProcess;

  constructor(parts: {
    flavour: PostgresFlavour;
    url: string;
    workDir: TempDir;
    process: ManagedProcess;
    start: () => Promise<ManagedProcess>;
  }) {
    this.flavour = parts.flavour;
    this.url = parts.url;
    this.#workDir = parts.workDir;
    this.#process = parts.process;
    this.#start = parts.start;
  }

  async createDatabase(template?: DatabaseTemplate): Promise<TestDatabase> {
    return createDatabase(this, template);
  }

  async restart(): Promise<void> {
    await this.#process.stop();
    this.#process = await this.#start();
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    await this.#workDir[Symbol.asyncDispose]();
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 60_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end();
  }
}

/** Starts a PostgreSQL server on a fresh data directory (about a second). */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const flavour = options.flavour ?? 'embedded18';
  const account = serverAccount();
  const binDir = await reachableBinDir(binDirOf(flavour), account);
  const workDir = await tempDir('postgres');
  const dataDir = path.join(workDir.path, 'data');
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([key, value]) => [
    '-c',
    `${key}=${value}`,
  ]);
  try {
    const password = await initialise(binDir, dataDir, account);
    return await withFreePort(async (port) => {
      const url = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
      const start = async (): Promise<ManagedProcess> =>
        ManagedProcess.start({
          name: `postgres (${flavour})`,
          command: path.join(binDir, 'postgres'),
          args: ['-D', dataDir, '-p', String(port), ...settings],
          cwd: dataDir,
          env: childEnvironment({ LC_ALL: 'C' }),
          ...(account ? { runAs: account } : {}),
          // SIGTERM would wait for every client to leave; SIGINT disconnects them.
          stopSignal: 'SIGINT',
          ready: async () => answers(url),
        });
      return new OwnServer({ flavour, url, workDir, start, process: await start() });
    });
  } catch (error) {
    await workDir[Symbol.asyncDispose]();
    throw error;
  }
}

type Reachable = Pick<PostgresServer, 'url' | 'flavour'>;

async function onServer<T>(server: Reachable, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, name: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${name}`;
  return parsed.href;
}

/** Prepares the template once per server, also when several test processes ask at once. */
async function ensureTemplate(server: Reachable, template: DatabaseTemplate): Promise<string> {
  const name = `template_${createHash('sha256').update(template.key).digest('hex').slice(0, 16)}`;
  await onServer(server, async (client) => {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate', [name]);
    if (rowCount === 1) return;
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name}`);
    await template.prepare(withDatabase(server.url, name));
    await client.query(`ALTER DATABASE ${name} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  });
  return name;
}

async function createDatabase(server: Reachable, template?: DatabaseTemplate): Promise<TestDatabase> {
  const source = template === undefined ? 'template0' : await ensureTemplate(server, template);
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(server, async (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${source}`));
  return {
    name,
    url: withDatabase(server.url, name),
    flavour: server.flavour,
    [Symbol.asyncDispose]: async () => {
      await onServer(server, async (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

const shared = new Map<PostgresFlavour, Promise<Reachable>>();

/** One server per test run where the global set-up has started one, else one per process, stopped with it. */
async function sharedServer(flavour: PostgresFlavour): Promise<Reachable> {
  const { sharedPostgresUrl } = testkitConfig();
  if (flavour === 'embedded18' && sharedPostgresUrl !== undefined) return { flavour, url: sharedPostgresUrl };
  const known = shared.get(flavour) ?? startPostgres({ flavour });
  shared.set(flavour, known);
  return known;
}

/**
 * A fresh database on the server that the whole run shares. It MUST NOT be used to restart the
 * server or to change roles and settings of the whole server: that is {@link isolatedDatabase}.
 */
export async function sharedDatabase(
  options: { readonly flavour?: PostgresFlavour; readonly template?: DatabaseTemplate } = {},
): Promise<TestDatabase> {
  return createDatabase(await sharedServer(options.flavour ?? 'embedded18'), options.template);
}

/**
 * A database on a server of its own. Costs a second; say in the spec why the shared one will not do
 * (it kills or restarts the server, creates roles, counts connections…).
 */
export async function isolatedDatabase(
  options: PostgresOptions & { readonly template?: DatabaseTemplate } = {},
): Promise<IsolatedDatabase> {
  const server = await startPostgres(options);
  try {
    const database = await server.createDatabase(options.template);
    // The server goes as a whole; dropping the database first would only fail when a test has killed it.
    return {
      name: database.name,
      url: database.url,
      flavour: database.flavour,
      server,
      [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
