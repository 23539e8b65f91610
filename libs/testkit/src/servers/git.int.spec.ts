// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { childEnvironment } from '../testkit.config.js';
import { describeWith } from '../vitest/index.js';
import { gitEnvironment } from './git-repository.js';
import { startGit } from './git.js';
import { tempDir } from './temp-dir.js';

const run = promisify(execFile);

async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', [...args], { env: childEnvironment(gitEnvironment) });
  return stdout.trim();
}

describeWith('git', 'the Git server', () => {
  it('serves commits, branches and tags over smart HTTP', async () => {
    await using server = await startGit();
    await using dir = await tempDir('clone');
    const repository = await server.createRepository('shop');
    const first = await repository.commit({
      files: { 'a.yaml': 'a: 1\n', 'dir/b "q".yaml': 'b: 1\n' },
      author: { name: 'Grace', email: 'grace@example.com' },
    });
    const second = await repository.commit({
      files: { 'a.yaml': undefined, 'run.sh': { content: 'true\n', mode: '100755' } },
    });
    await repository.setBranch('side', first);
    await repository.tag('v1', first, 'first release');
    await git('clone', '--quiet', repository.url, dir.path);
    expect(await git('-C', dir.path, 'rev-parse', 'HEAD', 'origin/side', 'v1^{commit}')).toBe(
      [second, first, first].join('\n'),
    );
    expect(await git('-C', dir.path, 'ls-tree', '-r', '--format=%(objectmode) %(path)', 'HEAD')).toBe(
      '100644 dir/b "q".yaml\n100755 run.sh'.replace('dir/b "q".yaml', '"dir/b \\"q\\".yaml"'),
    );
    expect(await git('-C', dir.path, 'log', '--format=%an', 'v1')).toBe('Grace');
    expect(await readFile(path.join(dir.path, 'run.sh'), 'utf8')).toBe('true\n');
    expect(server.requests.some((request) => request.path.includes('git-upload-pack'))).toBe(true);
  });

  it('rewrites history as a force push does, and forgets deleted branches', async () => {
    await using server = await startGit();
    const repository = await server.createRepository('shop');
    const first = await repository.commit({ files: { a: '1' } });
    await repository.commit({ files: { a: '2' } });
    const forced = await repository.commit({ files: { a: '3' }, parent: first });
    expect(await git('ls-remote', repository.url, 'main')).toContain(forced);
    expect(await repository.git(['rev-list', '--count', 'main'])).toBe('2\n');
    const root = await repository.commit({ files: { b: '1' }, parent: 'none' });
    expect(await repository.git(['ls-tree', '--name-only', root])).toBe('b\n');
    await repository.deleteBranch('main');
    expect(await git('ls-remote', repository.url)).toBe('');
  });

  it('accepts a push', async () => {
    await using server = await startGit();
    await using dir = await tempDir('push');
    const repository = await server.createRepository('shop');
    const commit = await repository.commit({ files: { a: '1' } });
    await git('clone', '--quiet', repository.url, dir.path);
    await git('-C', dir.path, 'push', '--quiet', 'origin', 'HEAD:refs/heads/copy');
    expect(await repository.head('copy')).toBe(commit);
  });

  it('refuses requests without the credentials it asks for', async () => {
    await using server = await startGit({ auth: { username: 'bot', password: 's3cret' } });
    const repository = await server.createRepository('shop');
    const commit = await repository.commit({ files: { a: '1' } });
    await expect(git('ls-remote', repository.url)).rejects.toThrow(/could not read Username|Authentication failed/);
    expect(await git('ls-remote', repository.urlWith('bot', 's3cret'), 'main')).toContain(commit);
  });

  it('plays a broken server when told to', async () => {
    await using server = await startGit();
    const repository = await server.createRepository('shop');
    server.setFault(() => ({ status: 503 }));
    await expect(git('ls-remote', repository.url)).rejects.toThrow(/503/);
    server.setFault(undefined);
    expect(await git('ls-remote', repository.url)).toBe('');
  });
});
