// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, tempDir } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it, vi } from 'vitest';

const MAIN = fileURLToPath(new URL('../../services/standalone/dist/main.js', import.meta.url));
const PLUMB = fileURLToPath(new URL('../../cli/bin/plumb.js', import.meta.url));
const PATIENCE = { timeout: 60_000, interval: 50 } as const;

interface Process extends AsyncDisposable {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves with the exit code or the signal. */
  readonly ended: Promise<number | string>;
}

function cwdOf(pid: string): string {
  return readlinkSync(`/proc/${pid}/cwd`);
}

function start(
  dataDir: string,
  settings: Readonly<Record<string, string>> = {},
  args: readonly string[] = [MAIN],
): Process {
  const env = {
    PATH: process.execPath.replace(/\/[^/]+$/, ':/usr/local/bin:/usr/bin:/bin'),
    HOME: dataDir,
    PLUMBLINE_DATA_DIR: dataDir,
    PLUMBLINE_GATEWAY_LISTEN: '127.0.0.1:0',
    PLUMBLINE_GATEWAY_GRPC_LISTEN: '127.0.0.1:0',
    ...settings,
  };
  const child = spawn(process.execPath, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const ended = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? code ?? -1)),
  );
  return {
    child,
    ended,
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function urlOf(running: Process): Promise<string> {
  return vi.waitFor(() => {
    const url = /REST +(\S+)/.exec(running.output())?.[1];
    if (url === undefined) throw new Error(`not up: ${running.output().slice(-2_000)}`);
    return url;
  }, PATIENCE);
}

function mode(file: string): string {
  return (statSync(file).mode & 0o777).toString(8);
}

async function projects(url: string, token: string): Promise<number> {
  return (await fetch(`${url}/api/v1/projects`, { headers: { authorization: `Bearer ${token}` } })).status;
}

async function declareProject(url: string, token: string, name: string): Promise<number> {
  const resources = [{ apiVersion: 'plumbline.dev/v1alpha1', kind: 'Project', metadata: { name }, spec: {} }];
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return (
    await fetch(`${url}/api/v1/resources:apply`, { method: 'POST', headers, body: JSON.stringify({ resources }) })
  ).status;
}

describeWith('postgres:embedded18', 'the standalone process', () => {
  it('starts on an empty directory, keeps its secrets to itself, and ends with 0 when it is asked to', async () => {
    await using dir = await tempDir('standalone');
    const dataDir = path.join(dir.path, 'data');
    await using running = start(dataDir);
    const url = await urlOf(running);
    const token = readFileSync(path.join(dataDir, 'admin.token'), 'utf8').trim();
    expect(await projects(url, token)).toBe(200);
    expect(await projects(url, 'plumb_wrong')).toBe(401);
    expect(
      ['admin.token', 'keys/seal.key', 'keys/release.key', 'keys/log.key', 'keys/postgres.password'].map((file) =>
        mode(path.join(dataDir, file)),
      ),
    ).toEqual(['600', '600', '600', '600', '600']);
    const password = readFileSync(path.join(dataDir, 'keys/postgres.password'), 'utf8').trim();
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
    expect(running.output()).not.toContain(password);
    expect(running.output()).not.toMatch(/"level":"(error|warn)"/);
    expect(existsSync(path.join(dataDir, 'postgres/postmaster.pid'))).toBe(false);
  });

  it('comes back after SIGKILL with its database, its token and its keys', async () => {
    await using dir = await tempDir('standalone');
    const first = start(dir.path);
    await urlOf(first);
    const token = readFileSync(path.join(dir.path, 'admin.token'), 'utf8').trim();
    const key = readFileSync(path.join(dir.path, 'keys/release.key'), 'utf8');
    first.child.kill('SIGKILL');
    await first.ended;
    await using second = start(dir.path);
    expect(await projects(await urlOf(second), token)).toBe(200);
    expect(readFileSync(path.join(dir.path, 'keys/release.key'), 'utf8')).toBe(key);
    expect(second.output()).not.toContain(token);
  });

  it('goes on when its database is killed, and loses nothing that was acknowledged', async () => {
    await using dir = await tempDir('standalone');
    await using running = start(dir.path);
    const url = await urlOf(running);
    const token = readFileSync(path.join(dir.path, 'admin.token'), 'utf8').trim();
    expect(await declareProject(url, token, 'before')).toBe(200);
    process.kill(
      Number(readFileSync(path.join(dir.path, 'postgres/postmaster.pid'), 'utf8').split('\n', 1)[0]),
      'SIGKILL',
    );
    await vi.waitFor(async () => expect(await declareProject(url, token, 'after')).toBe(200), PATIENCE);
    // The views may need a moment longer than the log: until then a read is told to come again, never a stale answer.
    await vi.waitFor(async () => {
      const answer = await fetch(`${url}/api/v1/projects`, { headers: { authorization: `Bearer ${token}` } });
      expect([200, 503]).toContain(answer.status);
      expect(answer.status).toBe(200);
      const { items } = (await answer.json()) as { readonly items: readonly { readonly name: string }[] };
      expect(items.map(({ name }) => name).toSorted()).toEqual(['after', 'before', 'default']);
    }, PATIENCE);
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
  });

  it('refuses a data directory that another one uses, and leaves that one alone', async () => {
    await using dir = await tempDir('standalone');
    await using first = start(dir.path);
    const url = await urlOf(first);
    const second = start(dir.path);
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain('PLB-4901');
    expect((await fetch(`${url}/api/v1/version`)).status).toBe(200);
  });

  it('prints on standard error which setting is wrong, and exits with 1', async () => {
    await using dir = await tempDir('standalone');
    const running = start(dir.path, { PLUMBLINE_HEALTH_LISTEN: 'nowhere' });
    expect(await running.ended).toBe(1);
    expect(running.output()).toContain('PLB-1901');
    expect(running.output()).toContain('PLUMBLINE_HEALTH_LISTEN');
    await using again = start(dir.path);
    await urlOf(again);
  });

  it('starts again after SIGKILL at any moment of its start, initdb included, and leaves no second database', async () => {
    await using dir = await tempDir('standalone');
    const has = (prefix: string): boolean => readdirSync(dir.path).some((name) => name.startsWith(prefix));
    const moments: readonly ((run: Process) => boolean)[] = [
      () =>
        has('postgres.new-') &&
        readdirSync(dir.path, { recursive: true }).some((name) => String(name).endsWith('PG_VERSION')),
      () => existsSync(path.join(dir.path, 'postgres', 'postmaster.pid')),
      (run) => run.output().includes('starting the services'),
      (run) => run.output().includes('Plumbline is up'),
    ];
    for (const isMoment of moments) {
      const run = start(dir.path);
      await vi.waitFor(() => expect(isMoment(run)).toBe(true), { ...PATIENCE, interval: 2 });
      run.child.kill('SIGKILL');
      expect(await run.ended).toBe('SIGKILL');
    }
    await using running = start(dir.path);
    const url = await urlOf(running);
    const token = readFileSync(path.join(dir.path, 'admin.token'), 'utf8').trim();
    expect(await projects(url, token)).toBe(200);
    expect(has('postgres.new')).toBe(false);
    const databases = readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => {
        try {
          // The postmaster and nothing else is a child that we started: its own children have it as parent.
          const isPostgres = readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres';
          return (
            isPostgres &&
            readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('-D') &&
            cwdOf(pid) === path.join(dir.path, 'postgres')
          );
        } catch {
          return false;
        }
      });
    expect(databases).toHaveLength(1);
  });

  it('prints a line before the services are loaded, and names port and option when a port is in use', async () => {
    await using dir = await tempDir('standalone');
    const port = await freePort();
    const blocker = createServer().listen(port, '127.0.0.1');
    await using running = start(dir.path, { PLUMBLINE_GATEWAY_GRPC_LISTEN: `127.0.0.1:${port}` });
    expect(await running.ended).toBe(1);
    blocker.close();
    expect(running.output()).toMatch(/^Plumbline starts/);
    expect(running.output()).toContain(`port ${port} of 127.0.0.1 (gRPC API) is in use`);
    expect(running.output()).toContain('--grpc or PLUMBLINE_GATEWAY_GRPC_LISTEN');
    expect(existsSync(path.join(dir.path, 'postgres'))).toBe(false);
  });

  it('is the process that `plumb up` was, with no launcher in between', async () => {
    await using dir = await tempDir('standalone');
    const health = `127.0.0.1:${await freePort()}`;
    const args = [
      'up',
      '--data-dir',
      dir.path,
      '--listen',
      '127.0.0.1:0',
      '--grpc',
      '127.0.0.1:0',
      '--health-listen',
      health,
    ];
    await using running = start(dir.path, {}, [PLUMB, ...args]);
    await urlOf(running);
    expect((await fetch(`http://${health}/readyz`)).status).toBe(200);
    const lock = JSON.parse(readFileSync(path.join(dir.path, 'plumbline.lock'), 'utf8')) as { readonly pid: number };
    expect(lock.pid).toBe(running.child.pid);
    running.child.kill('SIGINT');
    expect(await running.ended).toBe(0);
    expect(existsSync(path.join(dir.path, 'plumbline.lock'))).toBe(false);
  });
});
