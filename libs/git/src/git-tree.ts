// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { InputError } from '@plumbline/core';

/** One entry of a commit's tree. */
export interface TreeEntry {
  /** Without leading or trailing slash; empty for the root. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'submodule';
  /** Git's hash of the content: equal hash, equal content (for a directory: of all below it). */
  readonly hash: string;
  readonly executable: boolean;
}

/** Reads contents by hash; each hash at most once per call. */
export type ReadBlobs = (hashes: readonly string[]) => Promise<ReadonlyMap<string, Buffer>>;

const MAX_LINKS = 40;
const UNSAFE_PATH = /(?:^|\/)(?:\.{0,2}|\.git)(?:\/|$)/i;
const parentOf = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
const join = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`);

function entryType(mode: string): TreeEntry['type'] {
  if (mode === '040000') return 'directory';
  if (mode === '120000') return 'symlink';
  return mode === '160000' ? 'submodule' : 'file';
}

/** Parses `git ls-tree -r -t -z`. */
export function parseTree(output: string, rootHash: string): Map<string, TreeEntry> {
  const entries = new Map<string, TreeEntry>([
    ['', { path: '', type: 'directory', hash: rootHash, executable: false }],
  ]);
  for (const line of output.split('\0')) {
    const tab = line.indexOf('\t');
    if (tab < 0) continue;
    const [mode = '', , hash = ''] = line.slice(0, tab).split(' ');
    const path = line.slice(tab + 1);
    // Git itself never writes such a name, but a forged tree may hold one.
    if (UNSAFE_PATH.test(path))
      throw new InputError(
        'PLB-1312',
        'a path of the repository contains "..", "." or ".git", which no checkout may have; rename the file',
      );
    entries.set(path, { path, type: entryType(mode), hash, executable: mode === '100755' });
  }
  return entries;
}

/**
 * The files of one commit, read-only: names and hashes are in memory, contents are read on demand.
 * Symbolic links are resolved within the tree, so no path leads outside of the repository.
 */
export class GitTree {
  readonly #entries: ReadonlyMap<string, TreeEntry>;
  readonly #readBlobs: ReadBlobs;
  readonly #children = new Map<string, TreeEntry[]>();
  readonly #links = new Map<string, string>();

  private constructor(
    readonly revision: string,
    entries: ReadonlyMap<string, TreeEntry>,
    readBlobs: ReadBlobs,
  ) {
    this.#entries = entries;
    this.#readBlobs = readBlobs;
    for (const entry of entries.values()) {
      if (entry.path === '') continue;
      const parent = parentOf(entry.path);
      const siblings = this.#children.get(parent);
      if (siblings === undefined) this.#children.set(parent, [entry]);
      else siblings.push(entry);
    }
  }

  /** Creates a tree and reads the targets of its symbolic links. */
  static async load(revision: string, entries: ReadonlyMap<string, TreeEntry>, readBlobs: ReadBlobs): Promise<GitTree> {
    const tree = new GitTree(revision, entries, readBlobs);
    const links = [...entries.values()].filter((entry) => entry.type === 'symlink');
    const targets = links.length === 0 ? new Map<string, Buffer>() : await readBlobs(links.map((entry) => entry.hash));
    for (const link of links) tree.#links.set(link.path, targets.get(link.hash)?.toString('utf8') ?? '');
    return tree;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the target of a symbolic link, or undefined for anything else. */
  linkTarget(path: string): string | undefined {
    return this.#links.get(path);
  }

  /** Returns the entry at exactly this path, without following links. */
  entry(path: string): TreeEntry | undefined {
    return this.#entries.get(path);
  }

  /**
   * Returns the entry at a path, following every link on the way, or undefined.
   * @throws InputError PLB-1310 with the name of the link when the path leaves the repository (by `..`, an absolute
   * link or a loop).
   */
  resolve(path: string): TreeEntry | undefined {
    return this.#walk(path).entry;
  }

  /** As {@link resolve}, and returns the followed links too. */
  resolveWithLinks(path: string): { readonly entry: TreeEntry | undefined; readonly links: readonly TreeEntry[] } {
    return this.#walk(path);
  }

  #walk(path: string): { entry: TreeEntry | undefined; links: TreeEntry[] } {
    const links: TreeEntry[] = [];
    const rest = path.split('/').reverse();
    let at = '';
    let inLink = path;
    while (rest.length > 0) {
      const part = rest.pop() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (at === '')
          throw new InputError(
            'PLB-1310',
            `path "${inLink}" is outside of the repository; use a path relative to its root`,
            { details: { file: inLink } },
          );
        at = parentOf(at);
        continue;
      }
      const next = this.#entries.get(join(at, part));
      if (next === undefined) return { entry: undefined, links };
      if (next.type !== 'symlink') {
        if (next.type !== 'directory' && rest.some((name) => name !== '' && name !== '.'))
          return { entry: undefined, links };
        at = next.path;
        continue;
      }
      links.push(next);
      inLink = next.path;
      const target = this.#links.get(next.path) ?? '';
      if (target.startsWith('/') || target === '' || links.length > MAX_LINKS) {
        throw new InputError(
          'PLB-1310',
          `the symbolic link "${next.path}" leads outside of the repository or to itself; use a relative target inside of the repository`,
          {
            details: { file: next.path },
          },
        );
      }
      rest.push(...target.split('/').reverse());
    }
    return { entry: this.#entries.get(at), links };
  }

  /** Returns the entries directly in a directory (by its real path), ordered by name. */
  children(directory: string): readonly TreeEntry[] {
    return this.#children.get(directory) ?? [];
  }

  /** Yields all entries below a directory (by its real path), without the directory itself. */
  *descendants(directory: string): Generator<TreeEntry> {
    for (const entry of this.children(directory)) {
      yield entry;
      if (entry.type === 'directory') yield* this.descendants(entry.path);
    }
  }

  /** Contents by hash. */
  readBlobs(hashes: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    return hashes.length === 0 ? Promise.resolve(new Map()) : this.#readBlobs(hashes);
  }
}

/** Returns one digest of a set of (path, hash) pairs, whatever their order. */
export function digestEntries(entries: Iterable<{ readonly path: string; readonly hash: string }>): string {
  const lines = [...entries].map(({ path, hash }) => `${hash} ${path}\0`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}
