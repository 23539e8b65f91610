// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import { type ApiResource, groupOf, versionOf } from '@plumbline/kube';
import { type ObjectSetEntry, parseObjectSet, parseSources } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import type { ClusterSession } from '../clusters/cluster-session.js';
import { type KindAnswer, partsOf, type ResolvedSet, resolveSet } from '../domain/identity.js';
import { definedKind, valueAt } from '../domain/references.js';
import { asKubeObject, readObjects } from './rendered-objects.js';

/** A rendered set with the identities that its objects have on one cluster. */
export interface PreparedSet extends ResolvedSet {
  /**
   * The resource of each kind by `apiVersion kind`; kinds that a CustomResourceDefinition of the set defines are
   * absent until it is established.
   */
  readonly resources: Map<string, ApiResource>;
  readonly sources: ReadonlyMap<string, string>;
}

/** Digests of a set in the object store, and the namespace of its objects. */
export interface SetSource {
  readonly renderDigest: Digest;
  readonly sourcesDigest: Digest;
  readonly namespace?: string;
}

/** Returns `apiVersion kind`. */
export function kindId(apiVersion: string, kind: string): string {
  return `${apiVersion} ${kind}`;
}

/** What {@link prepareSet} reads from. */
export interface SetTools {
  readonly session: ClusterSession;
  readonly store: ObjectStore;
}

/**
 * Reads a set and resolves the identities of its objects on the cluster. Objects with errors carry the file that
 * declares them.
 * @throws NotFoundError if the set is not stored, InvariantError if its content does not match its digest
 */
export async function prepareSet(tools: SetTools, source: SetSource): Promise<PreparedSet> {
  const entries = parseObjectSet(await tools.store.get(source.renderDigest));
  const { answers, resources } = await answerKinds(tools, entries);
  const kindOf = (apiVersion: string, kind: string): KindAnswer =>
    answers.get(kindId(apiVersion, kind)) ?? { type: 'undetermined', reason: 'its kind was not looked up' };
  const input = { entries, namespace: source.namespace, kindOf };
  const first = resolveSet({ ...input, sources: new Map() });
  if (first.unresolved.length === 0 && first.refused.length === 0) return { ...first, resources, sources: new Map() };
  const sources = await sourcesOf(tools, source.sourcesDigest);
  return { ...resolveSet({ ...input, sources }), resources, sources };
}

/** Returns the file and document of each rendered key; empty if the list of the renderer is not stored. */
export async function sourcesOf(tools: SetTools, digest: Digest): Promise<ReadonlyMap<string, string>> {
  const text = (await tools.store.getMany([digest])).get(digest);
  return text === undefined ? new Map() : parseSources(text);
}

interface Kinds {
  readonly answers: ReadonlyMap<string, KindAnswer>;
  readonly resources: Map<string, ApiResource>;
}

async function answerKinds(tools: SetTools, entries: readonly ObjectSetEntry[]): Promise<Kinds> {
  const answers = new Map<string, KindAnswer>();
  const resources = new Map<string, ApiResource>();
  const { discovery } = tools.session.client;
  for (const { key, apiVersion } of entries) {
    const { kind } = partsOf(key);
    const id = kindId(apiVersion, kind);
    if (answers.has(id)) continue;
    const lookup = await discovery.resourceFor(apiVersion, kind);
    if ('found' in lookup) {
      answers.set(id, { type: 'known', namespaced: lookup.found.namespaced, pending: false });
      resources.set(id, lookup.found);
    } else if ('unknown' in lookup) answers.set(id, { type: 'undetermined', reason: lookup.unknown });
    else answers.set(id, { type: 'missing', what: lookup.missing, hint: lookup.hint });
  }
  if ([...answers.values()].some(({ type }) => type !== 'known')) await answerFromDefinitions(tools, entries, answers);
  return { answers, resources };
}

/** Resolves kinds that the cluster does not serve yet and that a CustomResourceDefinition of the same set defines. */
async function answerFromDefinitions(
  tools: SetTools,
  entries: readonly ObjectSetEntry[],
  answers: Map<string, KindAnswer>,
): Promise<void> {
  const definitions = entries.filter(({ key }) => key.startsWith('apiextensions.k8s.io/CustomResourceDefinition/'));
  const objects = await readObjects(
    tools.store,
    definitions.map(({ digest }) => digest),
  );
  for (const manifest of objects.values()) {
    const definition = asKubeObject(manifest);
    const defined = definedKind(definition);
    const namespaced = valueAt(definition, 'spec', 'scope') === 'Namespaced';
    const versions = valueAt(definition, 'spec', 'versions');
    for (const [id, answer] of answers) {
      const [apiVersion = '', kind = ''] = id.split(' ');
      if (answer.type === 'known' || `${groupOf(apiVersion)}/${kind}` !== defined) continue;
      const served =
        Array.isArray(versions) &&
        versions.some(
          (version) => valueAt(version, 'name') === versionOf(apiVersion) && valueAt(version, 'served') !== false,
        );
      if (served) answers.set(id, { type: 'known', namespaced, pending: true });
    }
  }
}
