// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ManagedProcess, type ManagedProcessOptions } from './managed-process.js';

const node = (script: string, options: Partial<ManagedProcessOptions> = {}): ManagedProcessOptions => ({
  name: 'example',
  command: process.execPath,
  args: ['-e', script],
  ready: (output) => output.includes('ready'),
  ...options,
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** An orphan may stay a zombie for as long as the init process of a container likes. */
async function processState(pid: number): Promise<string> {
  return promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).then(
    ({ stdout }) => stdout.trim(),
    () => 'gone',
  );
}

describe('a managed process', () => {
  it('is handed over when it is ready and gone after its scope', async () => {
    let pid = 0;
    {
      await using server = await ManagedProcess.start(node("console.log('ready'); setInterval(() => {}, 1e6)"));
      pid = server.pid;
      expect(isAlive(pid)).toBe(true);
    }
    expect(isAlive(pid)).toBe(false);
  });

  it('rejects with the last output when it exits before it is ready', async () => {
    const started = ManagedProcess.start(node("console.error('port is taken'); process.exit(3)"));
    await expect(started).rejects.toThrow(/example exited before it was ready \(exit code 3\)[^]*port is taken/);
  });

  it('rejects when the program does not exist', async () => {
    await expect(ManagedProcess.start(node('', { command: '/does/not/exist' }))).rejects.toThrow(/ENOENT/);
  });

  it('kills a process that is not ready in time', async () => {
    const script = "console.log('pid=' + process.pid + ' starting'); setInterval(() => {}, 1e6)";
    // time is what this tests
    const error = await ManagedProcess.start(node(script, { startTimeoutMs: 700 })).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).toMatch(/was not ready after 700 ms/);
    const pid = Number(/pid=(\d+)/.exec(error?.message ?? '')?.[1]);
    expect(isAlive(pid)).toBe(false);
  });

  it('is killed when it does not heed the stop signal', async () => {
    const script = "process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 1e6)";
    // time is what this tests
    const server = await ManagedProcess.start(node(script, { stopTimeoutMs: 200 }));
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
  });

  it('leaves neither process nor directory behind when the test process is terminated', async () => {
    const here = import.meta.dirname;
    const script = `
      import { ManagedProcess } from '${here}/managed-process.ts';
      import { tempDir } from '${here}/temp-dir.ts';
      const dir = await tempDir('guard');
      const child = await ManagedProcess.start({ name: 'c', command: process.execPath,
        args: ['-e', "console.log('ready'); setInterval(() => {}, 1e6)"], ready: (o) => o.includes('ready') });
      console.log(JSON.stringify({ pid: child.pid, dir: dir.path }));
      process.kill(process.pid, 'SIGTERM');`;
    const result = await promisify(execFile)(process.execPath, [
      '--import',
      loader(),
      '--input-type=module',
      '-e',
      script,
    ]).catch((error: { stdout: string; signal: string }) => error);
    expect(result).toMatchObject({ signal: 'SIGTERM' });
    const { pid, dir }: { pid: number; dir: string } = JSON.parse(result.stdout);
    await expect.poll(async () => processState(pid)).toMatch(/^(gone|Z)/);
    expect(existsSync(dir)).toBe(false);
  });
});

/** Lets plain Node follow the `.js` suffixes of the sources; it strips their types itself. */
function loader(): string {
  const hook = `export async function resolve(specifier, context, next) {
    try { return await next(specifier, context); } catch (error) {
      if (specifier.endsWith('.js')) return next(specifier.slice(0, -3) + '.ts', context);
      throw error;
    }
  }`;
  const registration = `import { register } from 'node:module'; register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hook))});`;
  return `data:text/javascript,${encodeURIComponent(registration)}`;
}
