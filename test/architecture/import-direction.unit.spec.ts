// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, projects, sourceFiles, textOf } from './workspace.js';

/**
 * Loops that exist today. The list only shrinks: a new loop fails the first test, an entry that no longer applies
 * fails the second.
 */
const KNOWN_LOOPS: readonly string[] = [];

/** Folders of which each imports only those to its left. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'services/applier/src': ['domain', 'clusters', 'ownership', 'sync', 'targets'],
};

const files = sourceFiles().filter((file) => !/\.(?:spec|fixture)\.ts$/.test(file));
const known = new Set(files);

/** The source file that a relative import names; undefined for packages and generated files. */
function resolved(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = path.posix.join(path.posix.dirname(from), specifier);
  return [target, target.replace(/\.js$/, '.ts'), target.replace(/\.mjs$/, '.mts'), `${target}/index.ts`].find((file) =>
    known.has(file),
  );
}

const imports = files.flatMap((from) =>
  importsOf(textOf(from)).flatMap((specifier) => {
    const to = resolved(from, specifier);
    return to === undefined ? [] : [{ from, to }];
  }),
);

/**
 * Names of the folders and files directly in `dir`, and which of them import which: an import counts for the two
 * entries of `dir` that it connects.
 */
function graphOf(dir: string): ReadonlyMap<string, ReadonlySet<string>> {
  const prefix = `${dir}/`;
  const entryOf = (file: string): string => file.slice(prefix.length).split('/')[0] ?? '';
  const graph = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    if (!from.startsWith(prefix) || !to.startsWith(prefix)) continue;
    const [source, target] = [entryOf(from), entryOf(to)];
    if (source !== target) graph.set(source, (graph.get(source) ?? new Set()).add(target));
  }
  return graph;
}

function reachable(graph: ReadonlyMap<string, ReadonlySet<string>>, start: string): ReadonlySet<string> {
  const found = new Set<string>();
  const queue = [...(graph.get(start) ?? [])];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    queue.push(...(graph.get(next) ?? []));
  }
  return found;
}

/**
 * Groups of entries of a folder that import each other, directly or in a circle, and of which one at least is a
 * folder.
 */
function loopsIn(dir: string): readonly string[] {
  const graph = graphOf(dir);
  const reach = new Map([...graph.keys()].map((entry) => [entry, reachable(graph, entry)]));
  const loops = new Set<string>();
  for (const [entry, targets] of reach) {
    const loop = [...targets].filter((other) => reach.get(other)?.has(entry) === true);
    if (loop.some((other) => !other.includes('.'))) loops.add(`${dir}: ${loop.toSorted().join(' <-> ')}`);
  }
  return [...loops];
}

/** Every folder of a package, the root of the package included. */
function foldersOf(project: string): readonly string[] {
  const folders = new Set([project]);
  for (const file of files) {
    if (!file.startsWith(`${project}/`)) continue;
    for (let dir = path.posix.dirname(file); dir.startsWith(project); dir = path.posix.dirname(dir)) folders.add(dir);
  }
  return [...folders].toSorted();
}

const loops = projects()
  .flatMap(({ dir }) => foldersOf(dir))
  .flatMap(loopsIn);

describe('the folders of a package', () => {
  it('do not import each other', () => {
    expect(loops.filter((loop) => !KNOWN_LOOPS.includes(loop))).toEqual([]);
  });

  it('are removed from the list of known loops once they no longer import each other', () => {
    expect(KNOWN_LOOPS.filter((loop) => !loops.includes(loop))).toEqual([]);
  });

  it.each(Object.entries(LAYERS))('of %s import in one direction', (dir, layers) => {
    const graph = graphOf(dir);
    const offenders = layers.flatMap((layer, index) =>
      layers
        .slice(index + 1)
        .filter((above) => graph.get(layer)?.has(above) === true)
        .map((above) => `${layer} imports ${above}`),
    );
    expect(offenders).toEqual([]);
  });
});
