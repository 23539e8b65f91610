// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { digestEntries, GitTree, parseTree } from './git-tree.js';

/** `link -> target` makes a link, anything else a file; parents come by themselves. */
async function treeOf(lines: readonly string[]): Promise<GitTree> {
  const directories = new Set<string>();
  const listing: string[] = [];
  const links = new Map<string, Buffer>();
  for (const [index, line] of lines.entries()) {
    const [path = '', target] = line.split(' -> ');
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) directories.add(parts.slice(0, depth).join('/'));
    if (target !== undefined) links.set(`h${index}`, Buffer.from(target));
    listing.push(`${target === undefined ? '100644 blob' : '120000 blob'} h${index}\t${path}`);
  }
  for (const directory of directories) listing.push(`040000 tree d-${directory}\t${directory}`);
  return GitTree.load('r', parseTree(listing.join('\0'), 'root'), (hashes) =>
    Promise.resolve(new Map(hashes.map((hash) => [hash, links.get(hash) ?? Buffer.from(hash)]))),
  );
}

describe('a tree', () => {
  it('follows links inside the repository, of files and of directories, through other links', async () => {
    const tree = await treeOf([
      'base/a.yaml',
      'apps/web/a.yaml -> ../../base/a.yaml',
      'apps/web/all -> ../../base',
      'apps/current -> web',
      'apps/web/up -> ..',
      'apps/web/self -> ./a.yaml',
    ]);
    for (const path of [
      'apps/web/a.yaml',
      'apps/web/all/a.yaml',
      'apps/current/all/../base/a.yaml',
      './apps//current/a.yaml',
      'apps/web/up/web/self',
      'apps/web/all/../base/../base/a.yaml',
    ]) {
      expect([path, tree.resolve(path)?.path]).toEqual([path, 'base/a.yaml']);
    }
    expect(tree.resolveWithLinks('apps/current/a.yaml').links.map((link) => link.path)).toEqual([
      'apps/current',
      'apps/web/a.yaml',
    ]);
    expect(tree.resolve('')?.type).toBe('directory');
    expect(tree.resolve('apps')?.hash).toBe('d-apps');
  });

  it.each([
    ['up and out', 'a/b -> ../../etc/passwd', 'a/b'],
    ['absolute', 'a/b -> /etc/passwd', 'a/b'],
    ['in a circle', 'a/b -> b', 'a/b'],
    ['empty', 'a/b -> ', 'a/b'],
    ['out through the middle of a path', 'a/b -> ../..', 'a/b/etc/passwd'],
  ])('refuses a link %s, naming it', async (_, line, path) => {
    const tree = await treeOf(['x', line]);
    expect(() => tree.resolve(path)).toThrow(InputError);
    expect(() => tree.resolve(path)).toThrow('a/b');
  });

  it('refuses a path that climbs out after a link took it somewhere else', async () => {
    const tree = await treeOf(['deep/er/x', 'l -> deep/er', 'y']);
    expect(tree.resolve('l/../../y')?.path).toBe('y');
    expect(() => tree.resolve('l/../../../y')).toThrow(InputError);
  });

  it('knows nothing below a file, nor what is not there', async () => {
    const tree = await treeOf(['a/b', 'dangling -> nowhere']);
    for (const path of ['a/b/c', 'c', 'a/c', 'dangling', 'a/b/..']) expect(tree.resolve(path)).toBeUndefined();
  });

  it.each(['../x', 'a/../x', 'a/./x', '.git/config', 'a/.GIT/config', 'a//x'])('refuses the forged name %s', (path) => {
    expect(() => parseTree(`100644 blob h\t${path}`, 'root')).toThrow(InputError);
  });

  it('accepts names that only look dangerous', () => {
    expect(
      parseTree(
        ['100644 blob h\t.github/x', '100644 blob h\ta/..b', '100644 blob h\t.gitignore', '100644 blob h\t...'].join(
          '\0',
        ),
        'root',
      ).size,
    ).toBe(5);
  });

  it('digests entries whatever their order', () => {
    const [a, b] = [
      { path: 'a', hash: '1' },
      { path: 'b', hash: '2' },
    ];
    expect(digestEntries([a, b])).toBe(digestEntries([b, a]));
    expect(digestEntries([a, b])).not.toBe(
      digestEntries([
        { path: 'a', hash: '2' },
        { path: 'b', hash: '1' },
      ]),
    );
  });
});
