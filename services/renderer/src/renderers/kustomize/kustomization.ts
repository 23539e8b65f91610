// SPDX-License-Identifier: Apache-2.0
import { type ErrorCodeOf, InputError, type Json } from '@plumbline/core';
import type { GitTree, TreeEntry } from '@plumbline/git';
import { decodeText, isJsonMap, parseYaml } from '@plumbline/manifest';
import { requirePath, shownPath } from '../paths.js';

/** Names under which kustomize looks for its file. */
export const KUSTOMIZATION_FILES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

const MAX_DIRECTORIES = 500;
const MAX_ENTRIES = 10_000;

type JsonMap = { readonly [field: string]: Json | undefined };

const join = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`);

function refuse(code: ErrorCodeOf<'input'>, file: string, what: string): never {
  throw new InputError(code, `${file}: ${what}`, { details: { file }, issues: [{ path: file, message: what }] });
}

// As kustomize decides it: what is not a path in the tree and looks like one of these would be fetched.
const REMOTE =
  /:\/\/|^git@|^git::|^gh:|[?&](?:ref|version|timeout|submodules)=|^(?:[\w-]+\.)+[a-z]{2,}[/:].+|\.git(?:\/|$|\?)/i;

/** True for text that kustomize would take as an address of another repository or a URL. */
export function looksRemote(text: string): boolean {
  return REMOTE.test(text);
}

const texts = (value: Json | undefined): string[] =>
  Array.isArray(value)
    ? (value as readonly Json[]).filter((item): item is string => typeof item === 'string')
    : typeof value === 'string'
      ? [value]
      : [];
const maps = (value: Json | undefined): JsonMap[] =>
  Array.isArray(value) ? (value as readonly Json[]).filter(isJsonMap) : [];

/** Text that is YAML itself instead of the name of a file. */
const isInline = (text: string): boolean => text.includes('\n') || text.trimStart().startsWith('{');

/** What one kustomization file names. */
export interface References {
  /** Files or directories with a kustomization. */
  readonly resources: readonly string[];
  readonly files: readonly string[];
  /** Plug-in configurations may name files of their own, so everything below the directory counts. */
  readonly readsWholeDirectory: boolean;
}

const FORBIDDEN: Readonly<Record<string, string>> = {
  helmCharts: 'Helm charts are not rendered by the kustomize renderer: they would be downloaded',
  helmChartInflationGenerator: 'Helm charts are not rendered by the kustomize renderer: they would be downloaded',
  helmGlobals: 'Helm charts are not rendered by the kustomize renderer: they would be downloaded',
};

function generatorFiles(generator: JsonMap): string[] {
  const files = texts(generator['files']).map((text) => text.slice(text.indexOf('=') + 1));
  return [...files, ...texts(generator['envs']), ...texts(generator['env'])];
}

/**
 * Reads what a kustomization names. @throws InputError PLB-1424 for what is not allowed, PLB-1425 when it is no
 * kustomization.
 */
export function referencesOf(content: Json, file: string): References {
  if (!isJsonMap(content)) return refuse('PLB-1425', file, 'a kustomization must be a mapping');
  for (const [field, why] of Object.entries(FORBIDDEN))
    if (content[field] !== undefined && content[field] !== null) refuse('PLB-1424', file, `${field}: ${why}`);
  const plugins = ['generators', 'transformers', 'validators'].flatMap((field) => texts(content[field]));
  const openapi = content['openapi'];
  const files = [
    ...['crds', 'configurations', 'patchesStrategicMerge'].flatMap((field) => texts(content[field])),
    ...['patches', 'patchesJson6902', 'replacements'].flatMap((field) =>
      maps(content[field]).flatMap((item) => texts(item['path'])),
    ),
    ...['configMapGenerator', 'secretGenerator'].flatMap((field) => maps(content[field]).flatMap(generatorFiles)),
    ...(isJsonMap(openapi) ? texts(openapi['path']) : []),
  ].filter((text) => !isInline(text));
  return {
    resources: [
      ...['resources', 'bases', 'components'].flatMap((field) => texts(content[field])),
      ...plugins.filter((text) => !isInline(text)),
    ],
    files,
    readsWholeDirectory: plugins.length > 0,
  };
}

/**
 * The kustomization file of a directory; undefined when there is none. @throws InputError PLB-1425 when there are
 * two.
 */
export function kustomizationFileIn(tree: GitTree, directory: string): string | undefined {
  const found = KUSTOMIZATION_FILES.map((name) => join(directory, name)).filter(
    (path) => tree.resolve(path)?.type === 'file',
  );
  if (found.length > 1)
    return refuse(
      'PLB-1425',
      found[0] ?? directory,
      `there is also ${found.slice(1).join(', ')}: keep one kustomization file`,
    );
  return found[0];
}

/**
 * Walks a kustomization and everything it names inside the repository, so that exactly those files are copied, and
 * nothing is left for
 * kustomize to fetch. @throws InputError PLB-1310 out of the repository, 1420 no such path, 1421 a file that is
 * missing, 1423 a remote base, 1424, 1425.
 */
export class KustomizationWalk {
  readonly #tree: GitTree;

  readonly #entries = new Map<string, TreeEntry>();
  readonly #visited = new Set<string>();

  constructor(tree: GitTree) {
    this.#tree = tree;
  }

  async walk(path: string): Promise<readonly TreeEntry[]> {
    const { entry, links } = requirePath(this.#tree, path);
    if (entry.type !== 'directory') refuse('PLB-1425', path, 'kustomize needs a directory');
    this.#add(links);
    let level = [entry.path];
    // Level by level, so that all kustomization files of a level are read together.
    while (level.length > 0) {
      const next = await Promise.all(level.map((directory) => this.#directory(directory)));
      level = next.flat();
    }
    return [...this.#entries.values()];
  }

  #add(entries: readonly TreeEntry[]): void {
    for (const entry of entries) this.#entries.set(entry.path, entry);
    if (this.#entries.size > MAX_ENTRIES)
      throw new InputError('PLB-1422', `a kustomization reaches more than ${MAX_ENTRIES} files`);
  }

  async #directory(directory: string): Promise<string[]> {
    if (this.#visited.has(directory)) return [];
    this.#visited.add(directory);
    if (this.#visited.size > MAX_DIRECTORIES)
      throw new InputError('PLB-1422', `a kustomization reaches more than ${MAX_DIRECTORIES} directories`);
    const file = kustomizationFileIn(this.#tree, directory);
    if (file === undefined)
      return refuse('PLB-1425', shownPath(directory), `the directory has no ${KUSTOMIZATION_FILES[0]}`);
    const { entry, links } = requirePath(this.#tree, file);
    this.#add([entry, ...links]);
    const content = (await this.#tree.readBlobs([entry.hash])).get(entry.hash) ?? Buffer.alloc(0);
    const documents = parseYaml(decodeText(content, file), file);
    if (documents.length > 1) return refuse('PLB-1425', file, 'a kustomization file must hold one document');
    const references = referencesOf(documents[0]?.value ?? {}, file);
    if (references.readsWholeDirectory) this.#addBelow(directory);
    for (const name of references.files) this.#file(directory, file, name);
    return references.resources.flatMap((name) => this.#resource(directory, file, name));
  }

  #addBelow(directory: string): void {
    for (const entry of this.#tree.descendants(directory)) {
      if (entry.type === 'file') this.#add([entry]);
      else if (entry.type === 'symlink') this.#addLinked(entry.path);
    }
  }

  #addLinked(path: string): TreeEntry | undefined {
    const { entry, links } = this.#tree.resolveWithLinks(path);
    this.#add(links);
    if (entry?.type === 'file') this.#add([entry]);
    return entry;
  }

  #lookUp(directory: string, file: string, name: string): TreeEntry {
    if (name.startsWith('/'))
      return refuse('PLB-1310', file, `"${name}" is an absolute path: only files of the repository can be used`);
    const entry = looksRemote(name) && name.includes('://') ? undefined : this.#addLinked(join(directory, name));
    if (entry !== undefined) return entry;
    if (looksRemote(name)) {
      return refuse(
        'PLB-1423',
        file,
        `"${maskedRemote(name)}" is remote: a version must depend on its commit only; copy it into the repository (kustomize localize does it)`,
      );
    }
    return refuse('PLB-1421', file, `"${name}" is not in the repository`);
  }

  #file(directory: string, file: string, name: string): void {
    if (this.#lookUp(directory, file, name).type !== 'file') refuse('PLB-1421', file, `"${name}" is not a file`);
  }

  #resource(directory: string, file: string, name: string): string[] {
    const entry = this.#lookUp(directory, file, name);
    if (entry.type === 'file') return [];
    return entry.type === 'directory'
      ? [entry.path]
      : refuse('PLB-1421', file, `"${name}" is a submodule: submodules are not followed`);
  }
}

function maskedRemote(text: string): string {
  return text
    .replace(/\/\/[^/@]*@/, '//')
    .replace(/\?.*$/, '')
    .slice(0, 300);
}
