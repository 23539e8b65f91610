// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createLogger } from '@plumbline/platform';
import { freePort, tempDir } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import pg from 'pg';
import { expect, it, vi } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { postgresBinaries } from './binaries.js';
import { PostgresProcess } from './postgres-process.js';
import { serverAccount } from './server-account.js';

const PATIENCE = { timeout: 60_000, interval: 50 } as const;
const logger = createLogger({ service: 'standalone', level: 'silent' });

async function start(dir: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: path.join(dir, 'postgres'),
    passwordFile: path.join(dir, 'password'),
    logger,
  });
}

/** As a SIGKILL of the parent leaves it: a server that nobody looks after. */
async function startUnsupervised(dataDir: string): Promise<PostgresProcess> {
  const account = serverAccount();
  const { postgres } = await postgresBinaries(account);
  const directory = account === undefined ? dataDir : '/proc/self/cwd';
  const args = [
    '-D',
    directory,
    '-p',
    String(await freePort()),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'unix_socket_directories=',
  ];
  const server = new PostgresProcess({ program: postgres, args, cwd: dataDir, account });
  await vi.waitFor(() => expect(server.output).toContain('ready to accept connections'), PATIENCE);
  return server;
}

async function ask(url: string, text: string): Promise<Record<string, unknown> | undefined> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows[0];
  } finally {
    await client.end();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describeWith('postgres:embedded18', 'the embedded PostgreSQL', () => {
  it('is version 18, durable, closed to strangers, and keeps its data over a restart', async () => {
    await using dir = await tempDir('embedded');
    const first = await start(dir.path);
    expect(await ask(first.url, 'show server_version')).toMatchObject({
      server_version: expect.stringMatching(/^18\./) as unknown,
    });
    expect(
      await ask(
        first.url,
        "select string_agg(setting, ' ' order by name) as s from pg_settings where name in ('fsync', 'synchronous_commit', 'data_checksums', 'listen_addresses')",
      ),
    ).toEqual({ s: 'on on 127.0.0.1 on' });
    await ask(first.url, 'create table kept as select 42 as answer');
    const stranger = first.url.replace(/:[0-9a-f]{48}@/, ':guess@');
    await expect(ask(stranger, 'select 1')).rejects.toThrow(/password authentication failed/);
    await first.stop();
    expect(statSync(path.join(dir.path, 'password')).mode & 0o777).toBe(0o600);
    const second = await start(dir.path);
    expect(await ask(second.url, 'select answer from kept')).toEqual({ answer: 42 });
    await second.stop();
  });

  it('works below a directory that is closed to everybody else', async () => {
    await using dir = await tempDir('embedded');
    const closed = path.join(dir.path, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const postgres = await start(closed);
    expect(await ask(postgres.url, 'select 1 as one')).toEqual({ one: 1 });
    await postgres.stop();
  });

  it('takes the place of one that outlived its killed parent', async () => {
    await using dir = await tempDir('embedded');
    const first = await start(dir.path);
    await ask(first.url, 'create table kept as select 42 as answer');
    await first.stop();
    const orphan = await startUnsupervised(path.join(dir.path, 'postgres'));
    const next = await start(dir.path);
    expect(await orphan.exited()).toBe('exit code 0');
    expect(await ask(next.url, 'select answer from kept')).toEqual({ answer: 42 });
    await next.stop();
  });

  it('starts over the pid file of a server that was killed, even when its number belongs to somebody else now', async () => {
    await using dir = await tempDir('embedded');
    const first = await start(dir.path);
    await first.stop();
    const stranger = new PostgresProcess({ program: '/bin/sleep', args: ['600'], cwd: '/', account: undefined });
    writeFileSync(
      path.join(dir.path, 'postgres', 'postmaster.pid'),
      `${stranger.pid ?? 0}\n/somewhere\n0\n5432\n\n127.0.0.1\n`,
    );
    const second = await start(dir.path);
    expect(await ask(second.url, 'select 1 as one')).toEqual({ one: 1 });
    expect(stranger.exit).toBeUndefined();
    await Promise.all([second.stop(), stranger.stop(0)]);
  });

  it('is started again on the same address when it dies, with everything that was committed', async () => {
    await using dir = await tempDir('embedded');
    const postgres = await start(dir.path);
    await ask(postgres.url, 'create table kept as select 42 as answer');
    const killed = postgres.pid ?? -1;
    process.kill(killed, 'SIGKILL');
    await vi.waitFor(() => expect(postgres.pid).not.toBe(killed), PATIENCE);
    expect(await ask(postgres.url, 'select answer from kept')).toEqual({ answer: 42 });
    await postgres.stop();
    expect(isAlive(postgres.pid ?? -1)).toBe(false);
  });
});
