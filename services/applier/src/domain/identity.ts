// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import type { ObjectChange } from '@plumbline/events';
import { groupOf, type ObjectRef, refKey, versionOf } from '@plumbline/kube';

/** One line of a rendered object set. */
export interface RenderedEntry {
  readonly key: string;
  readonly apiVersion: string;
  readonly digest: Digest;
}

/**
 * The scope of a kind, that it does not exist, or that discovery failed. A CustomResourceDefinition of the same set
 * defines `pending` kinds.
 */
export type KindAnswer =
  | { readonly type: 'known'; readonly namespaced: boolean; readonly pending: boolean }
  | { readonly type: 'missing'; readonly what: 'group' | 'version' | 'kind'; readonly hint: string }
  | { readonly type: 'undetermined'; readonly reason: string };

/** A rendered object with its identity on the cluster. */
export interface WantedObject {
  readonly key: string;
  readonly ref: ObjectRef;
  readonly apiVersion: string;
  readonly digest: Digest;
  readonly renderedKey: string;
}

/** The identities of a set. */
export interface ResolvedSet {
  readonly wanted: readonly WantedObject[];
  /** Outcomes of objects that cannot be applied now, by rendered key; all other objects can be applied. */
  readonly unresolved: readonly ObjectChange[];
  /** Errors of the set: none of its objects may be written. */
  readonly refused: readonly ObjectChange[];
  /** True if discovery failed for a kind: nothing may be deleted, and a retry may help. */
  readonly undetermined: boolean;
}

/** Input of {@link resolveSet}. */
export interface ResolveInput {
  readonly entries: readonly RenderedEntry[];
  /** Namespace for namespaced objects that name none. */
  readonly namespace: string | undefined;
  readonly kindOf: (apiVersion: string, kind: string) => KindAnswer;
  /** Rendered key to file and document. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Returns the parts of `group/Kind/namespace/name`. */
export function partsOf(key: string): {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
} {
  const [group = '', kind = '', namespace = '', ...name] = key.split('/');
  return { group, kind, namespace, name: name.join('/') };
}

/** Returns the reference that a key names. */
export function refOfKey(key: string): ObjectRef {
  const { group, kind, namespace, name } = partsOf(key);
  return namespace === '' ? { group, kind, name } : { group, kind, namespace, name };
}

const UNKNOWN_REASONS = { group: 'UnknownGroup', version: 'UnknownVersion', kind: 'UnknownKind' } as const;
/** Reasons of failures that end when the cluster serves the kind. */
export const UNKNOWN_KIND_REASONS: ReadonlySet<string> = new Set(Object.values(UNKNOWN_REASONS));

/**
 * Resolves the identities of objects on a cluster: default namespace, scope, duplicates, and kinds that the cluster
 * does not serve.
 */
export function resolveSet(input: ResolveInput): ResolvedSet {
  const wanted: WantedObject[] = [];
  const unresolved: ObjectChange[] = [];
  const refused: ObjectChange[] = [];
  let undetermined = false;
  for (const entry of input.entries) {
    const { kind, namespace, name } = partsOf(entry.key);
    const source = input.sources.get(entry.key);
    const base = { key: entry.key, apiVersion: entry.apiVersion, ...(source === undefined ? {} : { source }) };
    const answer = input.kindOf(entry.apiVersion, kind);
    if (answer.type === 'missing') {
      unresolved.push({
        ...base,
        action: 'Failed',
        reason: UNKNOWN_REASONS[answer.what],
        message: unknownMessage(entry.apiVersion, kind, answer),
      });
      continue;
    }
    if (answer.type === 'undetermined') {
      undetermined = true;
      unresolved.push({
        ...base,
        action: 'Failed',
        reason: 'DiscoveryFailed',
        message: `discovery of ${entry.apiVersion} ${kind} failed: ${answer.reason}`,
      });
      continue;
    }
    const effective = answer.namespaced ? (namespace === '' ? input.namespace : namespace) : undefined;
    if (answer.namespaced && effective === undefined) {
      refused.push({
        ...base,
        action: 'Refused',
        reason: 'NamespaceRequired',
        message: `${kind} ${name} has no namespace and the application has no default namespace; set metadata.namespace, or namespace in the application`,
      });
      continue;
    }
    const ref: ObjectRef =
      effective === undefined
        ? { group: groupOf(entry.apiVersion), kind, name }
        : { group: groupOf(entry.apiVersion), kind, namespace: effective, name };
    wanted.push({ key: refKey(ref), ref, apiVersion: entry.apiVersion, digest: entry.digest, renderedKey: entry.key });
  }
  return { wanted, unresolved, refused: [...refused, ...duplicates(wanted, input.sources)], undetermined };
}

function unknownMessage(
  apiVersion: string,
  kind: string,
  answer: { readonly what: 'group' | 'version' | 'kind'; readonly hint: string },
): string {
  const subject = `${apiVersion} ${kind}`;
  switch (answer.what) {
    case 'group':
      return `${subject}: unknown API group "${groupOf(apiVersion)}": ${answer.hint}. Install its CustomResourceDefinition or correct apiVersion`;
    case 'version':
      return `${subject}: unknown version "${versionOf(apiVersion)}" of a known group: ${answer.hint}. Correct apiVersion`;
    case 'kind':
      return `${subject}: unknown kind in a known group and version: ${answer.hint}. Correct kind or install its CustomResourceDefinition`;
  }
}

function duplicates(wanted: readonly WantedObject[], sources: ReadonlyMap<string, string>): ObjectChange[] {
  const byKey = new Map<string, WantedObject[]>();
  for (const object of wanted) byKey.set(object.key, [...(byKey.get(object.key) ?? []), object]);
  const found: ObjectChange[] = [];
  for (const [key, same] of byKey) {
    const [first] = same;
    if (first === undefined || same.length < 2) continue;
    const places = same.map(({ renderedKey }) => sources.get(renderedKey) ?? renderedKey);
    found.push({
      key,
      apiVersion: first.apiVersion,
      action: 'Refused',
      reason: 'DuplicateObject',
      message: `${first.ref.kind} ${first.ref.name} is declared ${same.length} times: ${places.join(' and ')}; keep one`,
      source: places[0] ?? key,
    });
  }
  return found;
}
