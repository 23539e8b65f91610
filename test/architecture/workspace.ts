// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** One project of the workspace. */
export interface Project {
  readonly name: string;
  /** Relative to the root, for example `libs/core`. */
  readonly dir: string;
  readonly tags: readonly string[];
  readonly exports: readonly string[];
}

interface PackageJson {
  readonly name: string;
  readonly nx?: { readonly tags?: readonly string[] };
  readonly exports?: Readonly<Record<string, unknown>>;
}

function subdirectories(dir: string): readonly string[] {
  const full = path.join(root, dir);
  if (!existsSync(full)) return [];
  return readdirSync(full, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${dir}/${entry.name}`);
}

/** The folders that npm takes for workspaces. */
function workspaceDirs(): readonly string[] {
  const { workspaces = [] } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly workspaces?: readonly string[];
  };
  return workspaces.flatMap((pattern) => (pattern.endsWith('/*') ? subdirectories(pattern.slice(0, -2)) : [pattern]));
}

/** All projects, found by their package.json as npm finds its workspaces. */
export function projects(): readonly Project[] {
  return workspaceDirs()
    .filter((dir) => existsSync(path.join(root, dir, 'package.json')))
    .map((dir) => {
      const json = JSON.parse(readFileSync(path.join(root, dir, 'package.json'), 'utf8')) as PackageJson;
      return { name: json.name, dir, tags: json.nx?.tags ?? [], exports: Object.keys(json.exports ?? {}) };
    });
}

const SKIPPED = new Set(['node_modules', 'dist', 'generated', 'testdata', '.git', '.nx', 'coverage']);

function walk(dir: string, found: string[]): void {
  for (const entry of readdirSync(path.join(root, dir), { withFileTypes: true })) {
    const relative = dir === '' ? entry.name : `${dir}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) walk(relative, found);
    } else if (/\.(ts|mts|mjs|js|tsx)$/.test(entry.name) && !entry.name.endsWith('.generated.ts')) found.push(relative);
  }
}

/** Every hand-written source file of the repository, relative to the root. */
export function sourceFiles(): readonly string[] {
  const found: string[] = [];
  for (const dir of [
    'libs',
    'services',
    'cli',
    'witness',
    'simulated-cluster',
    'console',
    'demo',
    'test',
    'tools',
    'deploy',
    'docs',
  ])
    if (existsSync(path.join(root, dir))) walk(dir, found);
  return found.toSorted();
}

/** Text of a file of the repository. */
export function textOf(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** Module names that a file imports, exports from or loads. */
export function importsOf(text: string): readonly string[] {
  const matches = text.matchAll(
    /(?:^|[\s;}])(?:import|export)\s*(?:type\s*)?(?:[\w*{},\s$]+\s*from\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm,
  );
  return [...matches].map((match) => match[1] ?? match[2] ?? '');
}
