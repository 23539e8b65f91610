// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startGit, tempDir } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it, vi } from 'vitest';
import { GitWorker } from './git-worker.js';
import { GitCommand, GitExit, gitVariables } from './git-command.js';

// The built process: Node does not run sources as they are.
const MAIN = fileURLToPath(new URL('../dist/git-worker-process.js', import.meta.url));
const gitProcess = {
  variables: gitVariables({ PATH: process.execPath.replace(/\/[^/]+$/, ':/usr/local/bin:/usr/bin:/bin') }),
  timeoutMs: 60_000,
};

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Takes connections and never answers. */
async function silentServer(): Promise<AsyncDisposable & { readonly url: string; readonly asked: Promise<unknown> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  const asked = once(server, 'connection');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/shop.git`,
    asked,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describeWith('git', 'Git in a worker process', () => {
  it('returns the same texts, bytes and errors as Git in this process', async () => {
    await using git = await startGit();
    const repository = await git.createRepository('shop');
    const commit = await repository.commit({
      files: { 'a.txt': 'höllo', 'b.bin': { content: Buffer.from([0, 255, 128, 10]) } },
    });
    const worker = new GitWorker(MAIN);
    const run = async (kind: 'text' | 'catFile', args: readonly string[], options = {}): Promise<string | Uint8Array> =>
      worker.run({ kind, directory: repository.path, gitProcess, args, options }, undefined);
    const here = new GitCommand(repository.path, gitProcess);
    const listing = ['ls-tree', '-r', commit];
    expect(await run('text', listing)).toBe(await here.text(listing));
    const input = `${commit}:a.txt\n${commit}:b.bin\n`;
    expect(Buffer.from(await run('catFile', ['--batch'], { input }))).toEqual(
      await here.catFile(['--batch'], { input }),
    );
    const refused = ['rev-parse', '--verify', 'refs/heads/nowhere'];
    const expected: unknown = await here.text(refused).catch((error: unknown) => error);
    await expect(run('text', refused)).rejects.toMatchObject({
      exitCode: (expected as GitExit).exitCode,
      message: (expected as GitExit).message,
    });
    await expect(run('text', refused)).rejects.toBeInstanceOf(GitExit);
  });

  it('applies limits, and stops Git when the caller cancels', async () => {
    await using git = await startGit();
    const repository = await git.createRepository('slow');
    await repository.commit({ files: { 'a.txt': 'a'.repeat(100_000) } });
    const worker = new GitWorker(MAIN);
    const job = {
      kind: 'text',
      directory: repository.path,
      args: ['cat-file', '-p', 'HEAD:a.txt'],
      options: {},
    } as const;
    await expect(
      worker.run({ ...job, gitProcess: { ...gitProcess, maxOutputBytes: 1_000 } }, undefined),
    ).rejects.toMatchObject({ reason: 'TooLarge' });
    await using silent = await silentServer();
    const waiting = {
      kind: 'text',
      directory: repository.path,
      args: ['ls-remote', '--', silent.url],
      options: {},
    } as const;
    await expect(
      // time is what this tests
      worker.run({ ...waiting, gitProcess: { ...gitProcess, timeoutMs: 200 } }, undefined),
    ).rejects.toMatchObject({ reason: 'Timeout' });
    const stop = new AbortController();
    const cancelled = worker.run({ ...waiting, gitProcess }, stop.signal);
    stop.abort();
    await expect(cancelled).rejects.toMatchObject({ reason: 'Cancelled' });
    await expect(worker.run({ ...waiting, gitProcess }, stop.signal)).rejects.toMatchObject({ reason: 'Cancelled' });
  });

  it('rejects running commands when the worker is killed, and starts another one', async () => {
    await using dir = await tempDir('worker');
    const worker = new GitWorker(MAIN);
    const version = { kind: 'text', directory: dir.path, gitProcess, args: ['version'], options: {} } as const;
    expect(await worker.run(version, undefined)).toContain('git version');
    const first = worker.pid;
    await using silent = await silentServer();
    const running = worker.run({ ...version, args: ['ls-remote', '--', silent.url] }, undefined);
    await silent.asked;
    process.kill(first ?? 0, 'SIGKILL');
    await expect(running).rejects.toThrow('exited');
    expect(await worker.run(version, undefined)).toContain('git version');
    await vi.waitFor(() => expect(isAlive(first)).toBe(false));
    expect(worker.pid).not.toBe(first);
  });
});
