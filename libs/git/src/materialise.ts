// SPDX-License-Identifier: Apache-2.0
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '@plumbline/core';
import type { GitTree, TreeEntry } from './git-tree.js';

/** Limits of {@link materialise}. */
export interface MaterialiseLimits {
  readonly maxFiles?: number;
  readonly maxBytes?: number;
}

/**
 * Writes entries of a tree (files, links; directories as needed) into an empty private directory.
 * Links are written as links, only when they stay inside the repository; submodules become empty directories.
 * @throws InputError PLB-1310 for a link that leaves the repository, PLB-1311 over a limit.
 */
export async function materialise(
  tree: GitTree,
  entries: Iterable<TreeEntry>,
  directory: string,
  limits: MaterialiseLimits = {},
): Promise<void> {
  const { maxFiles = 20_000, maxBytes = 256 * 1024 * 1024 } = limits;
  const wanted = [...entries].filter((entry) => entry.path !== '');
  if (wanted.length > maxFiles)
    throw new InputError('PLB-1311', `commit ${tree.revision} needs more than ${maxFiles} files; use a narrower path`);
  // Checked before anything is written, so that no file is written through a link.
  for (const link of wanted) if (link.type === 'symlink') tree.resolve(link.path);
  const blobs = await tree.readBlobs([
    ...new Set(wanted.filter((entry) => entry.type === 'file').map((entry) => entry.hash)),
  ]);
  const folders = new Set(
    wanted.map((entry) =>
      entry.type === 'directory' || entry.type === 'submodule' ? entry.path : path.posix.dirname(entry.path),
    ),
  );
  for (const folder of folders) await mkdir(path.join(directory, folder), { recursive: true, mode: 0o700 });
  let bytes = 0;
  for (const entry of wanted) {
    if (entry.type !== 'file') continue;
    const content = blobs.get(entry.hash) ?? Buffer.alloc(0);
    bytes += content.length;
    if (bytes > maxBytes)
      throw new InputError(
        'PLB-1311',
        `commit ${tree.revision} needs files of more than ${maxBytes} bytes; use a narrower path`,
      );
    await writeFile(path.join(directory, entry.path), content, { flag: 'wx', mode: entry.executable ? 0o700 : 0o600 });
  }
  for (const entry of wanted) {
    if (entry.type === 'symlink') await symlink(tree.linkTarget(entry.path) ?? '', path.join(directory, entry.path));
  }
}
