// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type { GitTree, TreeEntry } from '@plumbline/git';
import { type ParsedManifest, parseManifests } from '@plumbline/manifest';
import { requirePath } from '../paths.js';
import type { Renderer, RenderInputs, RenderJob } from '../renderer.port.js';

const MANIFEST = /\.(?:ya?ml|json)$/i;
/** Not an object of a cluster. */
const KUSTOMIZATION = /(?:^|\/)kustomization\.ya?ml$/;
const MAX_FILES = 5_000;
const MAX_FILE_BYTES = 8 * 1024 * 1024;

interface NamedFile {
  /** As it is named in the directory: a link keeps its own name. */
  readonly path: string;
  readonly entry: TreeEntry;
}

function filesAt(
  tree: GitTree,
  path: string,
): { readonly files: readonly NamedFile[]; readonly links: readonly TreeEntry[] } {
  const { entry, links } = requirePath(tree, path);
  if (entry.type === 'file') return { files: [{ path: entry.path, entry }], links };
  const files: NamedFile[] = [];
  const followed = [...links];
  for (const child of tree.children(entry.path)) {
    if (
      !MANIFEST.test(child.path) ||
      KUSTOMIZATION.test(child.path) ||
      (child.type !== 'file' && child.type !== 'symlink')
    )
      continue;
    const resolved = tree.resolveWithLinks(child.path);
    followed.push(...resolved.links);
    if (resolved.entry === undefined)
      throw new InputError('PLB-1421', `the symbolic link ${child.path} leads to nothing`, {
        details: { file: child.path },
      });
    if (resolved.entry.type === 'file') files.push({ path: child.path, entry: resolved.entry });
  }
  return { files, links: followed };
}

/**
 * Manifests that lie directly in a directory, or one file of them, read from Git's objects: no file is written, no
 * process started.
 */
export class PlainRenderer implements Renderer {
  readonly name = 'plain';

  detects(): boolean {
    return true;
  }

  version(): Promise<string> {
    return Promise.resolve('1');
  }

  async inputs(tree: GitTree, path: string): Promise<RenderInputs> {
    const { files, links } = filesAt(tree, path);
    if (files.length > MAX_FILES)
      throw new InputError('PLB-1422', `more than ${MAX_FILES} manifest files in one directory`);
    return { entries: [...new Set([...files.map(({ entry }) => entry), ...links])] };
  }

  async render({ tree, path }: RenderJob): Promise<readonly ParsedManifest[]> {
    return (await readManifestFiles(tree, path)).flatMap(({ path: file, content }) => parseManifests(content, file));
  }
}

/** The YAML and JSON files that lie directly in a directory, with their content. @throws as {@link Renderer.inputs} */
export async function readManifestFiles(
  tree: GitTree,
  path: string,
): Promise<readonly { readonly path: string; readonly content: Buffer }[]> {
  const { files } = filesAt(tree, path);
  const contents = await tree.readBlobs(files.map(({ entry }) => entry.hash));
  return files.map(({ path: file, entry }) => {
    const content = contents.get(entry.hash) ?? Buffer.alloc(0);
    if (content.length > MAX_FILE_BYTES)
      throw new InputError('PLB-1422', `${file} is larger than ${MAX_FILE_BYTES} bytes`, { details: { file } });
    return { path: file, content };
  });
}
