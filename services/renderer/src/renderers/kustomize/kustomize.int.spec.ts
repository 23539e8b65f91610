// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { tempDir } from '@plumbline/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { toolCache } from '../../renderer.fixture.js';
import { rendererContract } from '../renderer.contract.js';
import { treeOf } from '../tree.fixture.js';
import { findKustomize } from './binary.js';
import { KustomizeRenderer } from './kustomize.renderer.js';
import { Sandbox, type SandboxLimits } from './sandbox.js';

const searchPath = '/usr/local/bin:/usr/bin:/bin';
const limits: SandboxLimits = {
  timeoutMs: 60_000,
  memoryBytes: 1024 ** 3,
  outputBytes: 64 * 1024 ** 2,
  concurrency: 2,
};
const find = (): ReturnType<typeof findKustomize> =>
  findKustomize({ configured: undefined, cacheDir: path.join(toolCache(), 'cache', 'tools'), searchPath });
const dir = await tempDir('kustomize');
afterAll(() => dir[Symbol.asyncDispose]());

rendererContract(
  new KustomizeRenderer({
    binary: find,
    sandbox: new Sandbox(limits, searchPath),
    workRoot: path.join(dir.path, 'work'),
  }),
);

async function tool(name: string, script: string): Promise<string> {
  const file = path.join(dir.path, name);
  await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  return file;
}

describe('kustomize on this machine', () => {
  it('is found in the order that is documented', async () => {
    const configured = await tool('kustomize', 'echo v9.9.9');
    expect(await findKustomize({ configured, cacheDir: '/nonexistent', searchPath: '' })).toEqual({
      command: configured,
      args: ['build'],
      version: 'v9.9.9',
    });
    await expect(
      findKustomize({ configured: path.join(dir.path, 'absent'), cacheDir: '/nonexistent', searchPath: '' }),
    ).rejects.toMatchObject({ code: 'PLB-6403' });
  });

  it('leaves no private copy behind, whatever happens', async () => {
    const workRoot = path.join(dir.path, 'left');
    const renderer = new KustomizeRenderer({ binary: find, sandbox: new Sandbox(limits, searchPath), workRoot });
    const input = path.join(dir.path, 'input');
    await mkdir(input, { recursive: true });
    await writeFile(path.join(input, 'kustomization.yaml'), 'resources: [a.yaml]\n');
    for (const content of ['apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n', 'broken: [']) {
      await writeFile(path.join(input, 'a.yaml'), content);
      const tree = await treeOf(input);
      await renderer.render({ tree, path: '', inputs: await renderer.inputs(tree, '') }).catch(() => undefined);
      expect(await readdir(workRoot)).toEqual([]);
    }
  });
});

describe('private copies', () => {
  it('that a killed process left are removed, those of another one are not', async () => {
    const workRoot = path.join(dir.path, 'swept');
    for (const [name, ageMs] of [
      ['kustomize-old', 7_200_000],
      ['kustomize-new', 0],
      ['somebody-elses', 7_200_000],
    ] as const) {
      await mkdir(path.join(workRoot, name, 'tree'), { recursive: true });
      await utimes(path.join(workRoot, name), new Date(Date.now() - ageMs), new Date(Date.now() - ageMs));
    }
    const input = path.join(dir.path, 'swept-input');
    await mkdir(input);
    await writeFile(
      path.join(input, 'kustomization.yaml'),
      'namePrefix: x-\nconfigMapGenerator: [{name: a, literals: [b=c]}]\n',
    );
    const tree = await treeOf(input);
    const renderer = new KustomizeRenderer({ binary: find, sandbox: new Sandbox(limits, searchPath), workRoot });
    await renderer.render({ tree, path: '', inputs: await renderer.inputs(tree, '') });
    expect((await readdir(workRoot)).sort()).toEqual(['kustomize-new', 'somebody-elses']);
  });
});

describe('the sandbox', () => {
  const run = (script: string, changed: Partial<SandboxLimits> = {}): ReturnType<Sandbox['run']> => {
    return tool('program', script).then((command) =>
      new Sandbox({ ...limits, ...changed }, searchPath).run({ command, args: [], directory: dir.path }),
    );
  };

  it('gives no environment of ours', async () => {
    const { stdout } = await run('/usr/bin/env');
    expect(
      stdout
        .split('\n')
        .map((line) => line.split('=')[0])
        .filter((name) => !['', '_', 'PWD', 'SHLVL', 'OLDPWD'].includes(name ?? ''))
        .sort(),
    ).toEqual(['GOMAXPROCS', 'GOMEMLIMIT', 'HOME', 'KUBECONFIG', 'LC_ALL', 'PATH', 'TMPDIR']);
  });

  it('ends a program that takes too long, with all that it started', async () => {
    // time is what this tests
    await expect(run('/bin/sleep 60 & wait', { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'PLB-6404',
      details: { reason: 'Timeout' },
    });
  });

  it('ends with its caller', async () => {
    const command = await tool('waits', '/bin/sleep 60');
    const stop = new AbortController();
    const running = new Sandbox(limits, searchPath).run({
      command,
      args: [],
      directory: dir.path,
      signal: stop.signal,
    });
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: 'PLB-6402' });
  });

  it('ends a program that says too much', async () => {
    await expect(
      run('while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done', { outputBytes: 100_000 }),
    ).rejects.toMatchObject({ code: 'PLB-1427', details: { reason: 'LimitExceeded' } });
  });

  it('says when the memory was not enough', async () => {
    const { command, args } = await find();
    const input = path.join(dir.path, 'large');
    await mkdir(input, { recursive: true });
    await writeFile(path.join(input, 'kustomization.yaml'), 'configMapGenerator: [{name: a, files: [a]}]\n');
    await writeFile(path.join(input, 'a'), Buffer.alloc(300 * 1024 ** 2, 'x'));
    await expect(
      new Sandbox({ ...limits, memoryBytes: 64 * 1024 ** 2 }, searchPath).run({
        command,
        args: [...args, input],
        directory: dir.path,
      }),
    ).rejects.toMatchObject({ code: 'PLB-1427' });
  });

  it('runs so many at once and no more', async () => {
    const command = await tool(
      'count',
      `echo x >> "$HOME/running"; /bin/sleep 0.2; /usr/bin/wc -l < "$HOME/running"; /bin/sed -i 1d "$HOME/running"`,
    );
    const sandbox = new Sandbox({ ...limits, concurrency: 2 }, searchPath);
    const results = await Promise.all(
      Array.from({ length: 6 }, () => sandbox.run({ command, args: [], directory: dir.path })),
    );
    expect(Math.max(...results.map(({ stdout }) => Number(stdout)))).toBeLessThanOrEqual(2);
  });

  it('cuts the network off where the machine can', async () => {
    const sandbox = new Sandbox(limits, searchPath);
    const { hasNetworkCut } = await sandbox.confinement();
    const server = createServer((_, response) => response.end('reached')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const script = `fetch('http://127.0.0.1:${port}').then((answer) => answer.text(), () => 'cut off').then((text) => console.log(text))`;
    const { stdout } = await new Sandbox({ ...limits, memoryBytes: 64 * 1024 ** 3 }, searchPath).run({
      command: process.execPath,
      args: ['-e', script],
      directory: dir.path,
    });
    server.close();
    expect(stdout.trim()).toBe(hasNetworkCut ? 'cut off' : 'reached');
  });
});
