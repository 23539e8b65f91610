// SPDX-License-Identifier: Apache-2.0
import type { ClusterSelector, ProjectSpec } from './resources.js';

/** What a cluster is selected by. */
export interface SelectableCluster {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Lists of a project that name what its applications may use. */
export type ProjectLimit = 'repositories' | 'clusters' | 'namespaces';

/**
 * Returns true if the labels contain every label of the selector with the same value. An empty selector matches
 * everything.
 */
export function matchesLabels(
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value);
}

/**
 * Returns true if the selector selects the cluster: `names` must list it, if given, and it must have every label of
 * `matchLabels`.
 * A selector with neither names nor labels selects nothing.
 */
export function selectsCluster({ names, matchLabels = {} }: ClusterSelector, cluster: SelectableCluster): boolean {
  if (names === undefined && Object.keys(matchLabels).length === 0) return false;
  return (names === undefined || names.includes(cluster.name)) && matchesLabels(cluster.labels, matchLabels);
}

/** Returns the clusters that a selector selects, in the given order. */
export function selectedClusters<Cluster extends SelectableCluster>(
  selector: ClusterSelector,
  clusters: Iterable<Cluster>,
): readonly Cluster[] {
  return [...clusters].filter((cluster) => selectsCluster(selector, cluster));
}

/**
 * Returns true if a pattern of the list matches the name: `*` matches everything, a trailing `*` matches a prefix,
 * anything else the same
 * name only.
 */
export function matchesPattern(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name));
}

/**
 * Returns true if the applications of the project may use the repository, cluster or namespace. Without a project
 * everything is allowed.
 */
export function projectAllows(project: ProjectSpec | undefined, limit: ProjectLimit, name: string): boolean {
  return project === undefined || matchesPattern(project[limit], name);
}

/**
 * Returns true if the project forbids objects of the kind. `forbiddenKinds` lists `Kind` (in any group) or
 * `Kind.group`.
 */
export function projectForbidsKind(
  project: ProjectSpec | undefined,
  { group, kind }: { readonly group: string; readonly kind: string },
): boolean {
  const forbidden = project?.forbiddenKinds ?? [];
  return forbidden.includes(kind) || (group !== '' && forbidden.includes(`${kind}.${group}`));
}
