// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempDir } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it, vi } from 'vitest';

const MAIN = fileURLToPath(new URL('../../services/standalone/dist/main.js', import.meta.url));
const PATIENCE = { timeout: 60_000, interval: 50 } as const;

interface Process extends AsyncDisposable {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves with the exit code or the signal. */
  readonly ended: Promise<number | string>;
}

function start(dataDir: string, settings: Readonly<Record<string, string>> = {}): Process {
  const env = {
    PATH: process.execPath.replace(/\/[^/]+$/, ':/usr/local/bin:/usr/bin:/bin'),
    HOME: dataDir,
    PLUMBLINE_DATA_DIR: dataDir,
    PLUMBLINE_GATEWAY_LISTEN: '127.0.0.1:0',
    PLUMBLINE_GATEWAY_GRPC_LISTEN: '127.0.0.1:0',
    ...settings,
  };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
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
      ['admin.token', 'keys/seal.key', 'keys/release.key', 'keys/log.token', 'keys/postgres.password'].map((file) =>
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

  it('tells on standard error what is wrong with its settings, and exits with 1', async () => {
    await using dir = await tempDir('standalone');
    const running = start(dir.path, { PLUMBLINE_HEALTH_LISTEN: 'nowhere' });
    expect(await running.ended).toBe(1);
    expect(running.output()).toContain('PLB-1901');
    expect(running.output()).toContain('PLUMBLINE_HEALTH_LISTEN');
    await using again = start(dir.path);
    await urlOf(again);
  });
});
