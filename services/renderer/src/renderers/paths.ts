// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type { GitTree, TreeEntry } from '@plumbline/git';

/** A declared path as the tree knows paths: `.`, `./a/` and `a` become ``, `a` and `a`. */
export function treePath(declared: string): string {
  return declared
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** A path for people. */
export function shownPath(path: string): string {
  return path === '' ? '.' : path;
}

/**
 * The entry that a declared path leads to. @throws InputError PLB-1420 when there is none, PLB-1310 when it leaves
 * the repository.
 */
export function requirePath(
  tree: GitTree,
  path: string,
): { readonly entry: TreeEntry; readonly links: readonly TreeEntry[] } {
  const { entry, links } = tree.resolveWithLinks(path);
  if (entry === undefined) {
    throw new InputError(
      'PLB-1420',
      `the path "${shownPath(path)}" does not exist at revision ${tree.revision.slice(0, 12)}`,
      { details: { reason: 'PathNotFound', file: path } },
    );
  }
  if (entry.type === 'submodule') {
    throw new InputError('PLB-1420', `the path "${shownPath(path)}" is a submodule: submodules are not followed`, {
      details: { reason: 'PathNotFound', file: path },
    });
  }
  return { entry, links };
}
