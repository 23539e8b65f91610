// SPDX-License-Identifier: Apache-2.0
import type { SchemaIssue } from '@plumbline/kube/schema';

/** What the schemas of one cluster (or of several that serve the same) say about a version. */
export interface SchemaFindings {
  readonly clusters: readonly string[];
  /** By object key; only objects with mistakes. */
  readonly issues: ReadonlyMap<string, readonly SchemaIssue[]>;
  /** Kinds that are served but whose schema nobody knows, as `apiVersion/Kind`. */
  readonly unknown: readonly string[];
  /** False when the clusters publish no schema at all. */
  readonly published: boolean;
}

/** The findings in words, for the verdict. */
export interface SchemaProblems {
  readonly denied: readonly string[];
  readonly warned: readonly string[];
  /** Keys of the objects with mistakes. */
  readonly objects: readonly string[];
}

/** One line for each mistake, with the clusters that call it one. */
export function schemaProblems(findings: readonly SchemaFindings[]): SchemaProblems {
  const mistakes = new Map<string, string[]>();
  const gaps = new Map<string, string[]>();
  const objects = new Set<string>();
  for (const { clusters, issues, unknown, published } of findings) {
    for (const [key, list] of issues) {
      objects.add(key);
      for (const { path, message } of list) add(mistakes, `${key}: ${shortened(path)} ${message}`, clusters);
    }
    if (!published) add(gaps, 'no schemas are known: objects are checked at the sync only', clusters);
    else for (const id of unknown) add(gaps, `the schema of ${id} is not known`, clusters);
  }
  return { denied: lines(mistakes), warned: lines(gaps), objects: [...objects].sort() };
}

function add(map: Map<string, string[]>, text: string, clusters: readonly string[]): void {
  map.set(text, [...(map.get(text) ?? []), ...clusters]);
}

function lines(map: ReadonlyMap<string, readonly string[]>): string[] {
  return [...map].map(([text, clusters]) => {
    const [first = '', ...others] = [...clusters].sort();
    return `${text} (cluster "${first}"${others.length === 0 ? '' : ` and ${others.length} more`})`;
  });
}

function shortened(path: string): string {
  return path.length > 300 ? `…${path.slice(-300).toWellFormed()}` : path;
}
