// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, UpstreamError } from '@plumbline/core';
import type { Logger } from '@plumbline/platform';
import pg from 'pg';
import { postgresBinaries, type PostgresBinaries } from './binaries.js';
import { freePort } from './free-port.js';
import { removeUnfinished, stopOrphan } from './orphan.js';
import { PostgresProcess, runToEnd } from './postgres-process.js';
import { serverAccount, type ServerAccount } from './server-account.js';

const USER = 'plumbline';
const DATABASE = 'plumbline';
const START_TIMEOUT_MS = 60_000;
const STOP_PATIENCE_MS = 10_000;
const START_ATTEMPTS = 5;

/** One node, one user, a few dozen connections; everything that durability rests on keeps its default. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '64MB',
  log_min_messages: 'warning',
  // Written by us into the parent's log; PostgreSQL needs no file of its own.
  logging_collector: 'off',
};

/** A database that lives and ends with this process. */
export interface EmbeddedPostgres {
  /** Holds the password: never to be logged. */
  readonly url: string;
  /** Process id of the server that runs now. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Where and how. */
export interface EmbeddedPostgresOptions {
  /** Directory of the cluster; made when it is not there. */
  readonly dataDir: string;
  /** File with the password, mode 0600; made when it is not there. */
  readonly passwordFile: string;
  readonly logger: Logger;
  /** Receives each step that takes a while. */
  readonly onProgress?: (step: string) => void;
}

interface Setup extends EmbeddedPostgresOptions {
  readonly account: ServerAccount | undefined;
  readonly binaries: PostgresBinaries;
  readonly password: string;
}

/**
 * How PostgreSQL is told its directory. As root it runs under another account, for which the directory may lie below
 * a closed one:
 * the working directory is entered before the account changes, and on Linux it can be named without a path through
 * the closed one.
 */
function dirArgument(dir: string, account: ServerAccount | undefined): string {
  return account !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : dir;
}

/**
 * Creates the database cluster in a directory of its own name next to `dataDir` and renames it when it is complete,
 * so that `dataDir` holds a whole
 * cluster or none. An initdb of an earlier run that was killed is ended first.
 */
async function ensureCluster(setup: Setup): Promise<void> {
  const { dataDir, account, password } = setup;
  await removeUnfinished(dataDir, setup.logger);
  if (existsSync(path.join(dataDir, 'PG_VERSION'))) return;
  setup.onProgress?.('creating the database (only at the first start)');
  const staging = await mkdtemp(`${dataDir}.new-`);
  const passwordFile = path.join(staging, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) for (const file of [staging, passwordFile]) chownSync(file, account.uid, account.gid);
  // initdb wants an empty directory, so the cluster is one level below the file with the password.
  const cluster = path.join(staging, 'cluster');
  await mkdir(cluster, { mode: 0o700 });
  if (account !== undefined) chownSync(cluster, account.uid, account.gid);
  const relativePassword = account === undefined || process.platform !== 'linux' ? passwordFile : '../password';
  await runToEnd({
    program: setup.binaries.initdb,
    args: [
      '-D',
      dirArgument(cluster, account),
      '-U',
      USER,
      '--auth=scram-sha-256',
      `--pwfile=${relativePassword}`,
      '--encoding=UTF8',
      '--locale=C',
      '--data-checksums',
    ],
    cwd: cluster,
    account,
  });
  await rename(cluster, dataDir);
  await rm(staging, { recursive: true, force: true });
}

async function ensurePassword(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const password = randomBytes(24).toString('hex');
  await writeFile(file, password, { mode: 0o600, flag: 'wx' });
  return password;
}

function urlOf(password: string, port: number, database: string): string {
  return `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

async function query(url: string, text: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function launch(setup: Setup, port: number): Promise<PostgresProcess> {
  const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const server = new PostgresProcess({
    program: setup.binaries.postgres,
    args: ['-D', dirArgument(setup.dataDir, setup.account), '-p', String(port), ...settings],
    cwd: setup.dataDir,
    account: setup.account,
  });
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (let waitMs = 10; ; waitMs = Math.min(waitMs * 1.5, 200)) {
    if (server.exit !== undefined)
      throw new UpstreamError(
        'PLB-6912',
        `the embedded PostgreSQL ended while it started (${server.exit}): ${server.output.trim()}`,
      );
    try {
      await query(urlOf(setup.password, port, 'postgres'), 'select 1');
      return server;
    } catch (error) {
      if (performance.now() > deadline) {
        await server.stop(0);
        throw new UpstreamError(
          'PLB-6912',
          `the embedded PostgreSQL did not answer within ${START_TIMEOUT_MS} ms (${messageOf(error)}): ${server.output.trim()}`,
          { cause: error },
        );
      }
    }
    await delay(waitMs);
  }
}

/** On a port that is free, or another one when somebody was faster; leftovers of a killed server get time to go. */
async function launchSomewhere(setup: Setup): Promise<{ readonly server: PostgresProcess; readonly port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { server: await launch(setup, port), port };
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      // A server of a killed run that had not written its pid file yet may have appeared meanwhile.
      await stopOrphan(setup.dataDir, setup.logger);
      await delay(200 * attempt);
    }
  }
}

class SupervisedPostgres implements EmbeddedPostgres {
  readonly #setup: Setup;
  readonly #port: number;

  readonly url: string;
  readonly #stopping = new AbortController();
  readonly #supervision: Promise<void>;
  #server: PostgresProcess;

  constructor(setup: Setup, server: PostgresProcess, port: number) {
    this.#setup = setup;
    this.#port = port;

    this.url = urlOf(setup.password, port, DATABASE);
    this.#server = server;
    this.#supervision = this.#supervise();
  }

  get pid(): number | undefined {
    return this.#server.pid;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#server.stop(STOP_PATIENCE_MS);
    await this.#supervision;
  }

  /** A database that dies is started again on the same port: to the services it was a short interruption. */
  async #supervise(): Promise<void> {
    const { signal } = this.#stopping;
    for (let delayMs = 100; !signal.aborted; delayMs = Math.min(delayMs * 2, 10_000)) {
      const exit = await this.#server.exited();
      if (signal.aborted) return;
      this.#setup.logger.warn('the embedded database ended; starting it again', {
        exit,
        output: this.#server.output.slice(-1_000),
      });
      await delay(delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        this.#server = await launch(this.#setup, this.#port);
        delayMs = 50;
        this.#setup.logger.info('the embedded database runs again');
      } catch (error) {
        this.#setup.logger.error('the embedded database does not start again', { message: messageOf(error) });
      }
      // Stopped meanwhile: nobody else would stop what was just started.
      if (signal.aborted) await this.#server.stop(STOP_PATIENCE_MS);
    }
  }
}

/**
 * Starts PostgreSQL 18 on a directory of its own, on a free port of 127.0.0.1, with a random password. A server that
 * outlived a
 * killed parent is stopped first; one that dies is started again. MUST be called by the holder of the data
 * directory's lock.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const account = serverAccount();
  const setup: Setup = {
    ...options,
    account,
    binaries: await postgresBinaries(account),
    password: await ensurePassword(options.passwordFile),
  };
  await mkdir(path.dirname(options.dataDir), { recursive: true });
  await stopOrphan(options.dataDir, options.logger);
  await ensureCluster(setup);
  await chmod(options.dataDir, 0o700);
  const { server, port } = await launchSomewhere(setup);
  const admin = urlOf(setup.password, port, 'postgres');
  const found = await query(admin, `select 1 from pg_database where datname = '${DATABASE}'`);
  if (found.length === 0) await query(admin, `create database ${DATABASE}`);
  return new SupervisedPostgres(setup, server, port);
}
