// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { GitTree, type TreeEntry } from '@plumbline/git';

const hashOf = (content: string | Buffer): string => createHash('sha1').update(content).digest('hex');

/** A directory on disk as if it were the tree of a commit. `change` may replace or (undefined) drop contents. */
export async function treeOf(
  root: string,
  change: (file: string, content: Buffer) => Buffer | undefined = (_, content) => content,
): Promise<GitTree> {
  const entries = new Map<string, TreeEntry>();
  const blobs = new Map<string, Buffer>();
  const add = (file: string, type: 'file' | 'symlink', content: Buffer): void => {
    blobs.set(hashOf(content), content);
    entries.set(file, { path: file, type, hash: hashOf(content), executable: false });
  };
  const visit = (directory: string): string => {
    const names = readdirSync(path.join(root, directory)).sort();
    const hashes: string[] = [];
    for (const name of names) {
      const file = directory === '' ? name : `${directory}/${name}`;
      const stats = lstatSync(path.join(root, file));
      if (stats.isDirectory()) hashes.push(visit(file));
      else if (stats.isSymbolicLink()) add(file, 'symlink', Buffer.from(readlinkSync(path.join(root, file))));
      else {
        const content = change(file, readFileSync(path.join(root, file)));
        if (content !== undefined) add(file, 'file', content);
      }
    }
    entries.set(directory, {
      path: directory,
      type: 'directory',
      hash: hashOf(`${directory}${hashes.join('')}${names.join('/')}`),
      executable: false,
    });
    return directory;
  };
  visit('');
  return GitTree.load('0'.repeat(40), entries, (hashes) =>
    Promise.resolve(new Map(hashes.map((hash) => [hash, blobs.get(hash) ?? Buffer.alloc(0)]))),
  );
}

/** The same tree with nothing but the given entries (and their directories). */
export async function onlyOf(tree: GitTree, wanted: readonly TreeEntry[]): Promise<GitTree> {
  const entries = new Map<string, TreeEntry>([['', { path: '', type: 'directory', hash: 'root', executable: false }]]);
  for (const entry of wanted) {
    const parts = entry.path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const directory = parts.slice(0, depth).join('/');
      entries.set(directory, { path: directory, type: 'directory', hash: directory, executable: false });
    }
    if (entry.path !== '') entries.set(entry.path, entry);
  }
  return GitTree.load(tree.revision, entries, (hashes) => tree.readBlobs(hashes));
}
