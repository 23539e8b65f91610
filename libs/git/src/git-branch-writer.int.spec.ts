// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { processConfigSource } from '@plumbline/platform';
import { startGit, tempDir, type TempDir } from '@plumbline/testkit';
import { describe, expect, it } from 'vitest';
import { GitBranchWriter } from './git-branch-writer.js';

const gitProcess = { variables: { PATH: processConfigSource()['PATH'] ?? '' }, timeoutMs: 60_000 };
const author = { name: 'a writer', email: 'writer@example.com' };

function writerOf(
  dir: TempDir,
  url: string,
  name: string,
  credentials?: { readonly username: string; readonly password: string },
): GitBranchWriter {
  return new GitBranchWriter({
    root: path.join(dir.path, name),
    url,
    branch: 'notes',
    gitProcess,
    ...(credentials === undefined ? {} : { credentials: async () => credentials }),
  });
}

describe('a writer of a branch', () => {
  it('adds commits to a branch, from nothing on, and keeps the files of others', async () => {
    await using git = await startGit();
    await using dir = await tempDir('writer');
    const repository = await git.createRepository('notes');
    const writer = writerOf(dir, repository.url, 'one');
    expect(await writer.read('a/one')).toBeUndefined();
    const first = await writer.write({ files: { 'a/one': '1\n' }, message: 'first', author });
    await writer.read('a/one');
    const second = await writer.write({ files: { 'a/one': '2\n', 'b/two': 'x' }, message: 'second', author });
    expect(await repository.git(['rev-list', 'notes'])).toMatch(new RegExp(`^${second}\\n${first}\\n?$`));
    expect(await repository.git(['show', 'notes:a/one'])).toContain('2');
    const other = writerOf(dir, repository.url, 'two');
    expect(await other.read('b/two')).toBe('x');
    await other.write({ files: { 'c/three': 'y' }, message: 'third', author });
    expect((await repository.git(['ls-tree', '-r', '--name-only', 'notes'])).trim().split('\n')).toEqual([
      'a/one',
      'b/two',
      'c/three',
    ]);
  });

  it('does not overwrite commits that were pushed since the last read, and continues after another read', async () => {
    await using git = await startGit();
    await using dir = await tempDir('writer');
    const repository = await git.createRepository('notes');
    const [one, two] = [writerOf(dir, repository.url, 'one'), writerOf(dir, repository.url, 'two')];
    await Promise.all([one.read('x'), two.read('x')]);
    await one.write({ files: { x: '1' }, message: 'one', author });
    await expect(two.write({ files: { x: '2' }, message: 'two', author })).rejects.toMatchObject({
      name: 'UpstreamError',
    });
    expect(await two.read('x')).toBe('1');
    await two.write({ files: { x: '2' }, message: 'two', author });
    expect(await one.read('x')).toBe('2');
  });

  it('signs in, and never shows the password', async () => {
    await using git = await startGit({ auth: { username: 'writer', password: 's3cret-word' } });
    await using dir = await tempDir('writer');
    const repository = await git.createRepository('notes');
    const good = writerOf(dir, repository.url, 'good', { username: 'writer', password: 's3cret-word' });
    await good.read('x');
    await good.write({ files: { x: '1' }, message: 'one', author });
    const error: unknown = await writerOf(dir, repository.url, 'bad', { username: 'writer', password: 'wr0ng-word' })
      .read('x')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'PLB-6302' });
    expect(String(error)).not.toContain('wr0ng-word');
  });

  it.each(['', '../x', 'a..b', '-x', 'a b', 'x.lock'])('refuses the branch %j', (branch) => {
    expect(
      () => new GitBranchWriter({ root: '/nowhere', url: 'https://git.example.com/a.git', branch, gitProcess }),
    ).toThrow(expect.objectContaining({ code: 'PLB-1304' }));
  });
});
