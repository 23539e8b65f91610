// SPDX-License-Identifier: Apache-2.0
import { type ApiResource, type KubeObject, refKey, refOf } from '@plumbline/kube';
import { partsOf, refOfKey } from '../domain/identity.js';
import { forEachOf } from '../domain/concurrency.js';
import { definedKind, type SetObject } from '../domain/references.js';
import { asKubeObject, readObjects } from '../ownership/rendered-objects.js';
import { withRetries } from './failure.js';
import type { InventoryEntry } from '../domain/inventory.js';
import type { SyncTools } from './tools.js';

const SAMPLE = 20;
/** Kinds whose objects clusters create by themselves. */
const CLUSTER_MADE = new Set([
  '/Event',
  'events.k8s.io/Event',
  '/Endpoints',
  'discovery.k8s.io/EndpointSlice',
  'coordination.k8s.io/Lease',
  'metrics.k8s.io/PodMetrics',
]);
/** Objects that clusters create in every namespace. */
const BUILT_IN =
  /^\/(ServiceAccount\/[^/]*\/default|ConfigMap\/[^/]*\/kube-root-ca\.crt|Secret\/[^/]*\/default-token-.*)$/;

/**
 * Returns names of objects that the deletion of a namespace or a CustomResourceDefinition would delete with it and
 * that are not part of
 * the same run: at most five, and a count of the others. Empty if there are none.
 */
export async function foreignContents(
  tools: SyncTools,
  node: SetObject,
  deleted: ReadonlySet<string>,
): Promise<readonly string[]> {
  const { ref, object } = node;
  if (ref.group === '' && ref.kind === 'Namespace')
    return foreignIn(tools, await namespacedResources(tools), deleted, ref.name);
  const defined = definedKind(object);
  if (defined === undefined) return [];
  const resources = (await tools.session.client.discovery.all()).filter(
    (resource) => resource.preferred && `${resource.group}/${resource.kind}` === defined,
  );
  return foreignIn(tools, resources, deleted, undefined);
}

/**
 * Returns a text about objects of others that the deletion of these entries would delete with them; empty if there
 * are none.
 */
export async function contentsNote(tools: SyncTools, entries: readonly InventoryEntry[]): Promise<string> {
  const deleted = new Set(entries.map(({ key }) => key));
  const notes: string[] = [];
  for (const entry of entries) {
    const { kind, name } = partsOf(entry.key);
    if (kind !== 'Namespace' && kind !== 'CustomResourceDefinition') continue;
    const manifest =
      entry.desiredDigest === undefined
        ? undefined
        : (await readObjects(tools.store, [entry.desiredDigest])).get(entry.desiredDigest);
    const object: KubeObject =
      manifest === undefined ? { apiVersion: entry.apiVersion, kind, metadata: { name } } : asKubeObject(manifest);
    const foreign = await foreignContents(tools, { key: entry.key, ref: refOfKey(entry.key), object }, deleted);
    if (foreign.length > 0)
      notes.push(`${kind} ${name} contains ${foreign.join(', ')}, which this application does not declare`);
  }
  return notes.length === 0 ? '' : `; ${notes.join('; ')}`;
}

async function namespacedResources(tools: SyncTools): Promise<readonly ApiResource[]> {
  const all = await tools.session.client.discovery.all();
  const seen = new Set<string>();
  return all.filter((resource) => {
    const groupKind = `${resource.group}/${resource.kind}`;
    if (
      !resource.namespaced ||
      !resource.preferred ||
      !resource.verbs.includes('list') ||
      CLUSTER_MADE.has(groupKind) ||
      seen.has(groupKind)
    )
      return false;
    seen.add(groupKind);
    return true;
  });
}

async function foreignIn(
  tools: SyncTools,
  resources: readonly ApiResource[],
  deleted: ReadonlySet<string>,
  namespace: string | undefined,
): Promise<readonly string[]> {
  const found: string[] = [];
  await forEachOf(resources, tools.limits.perTarget, async (resource) => {
    if (found.length >= SAMPLE) return;
    const page = await withRetries(() => tools.session.client.listPage(resource, { namespace, limit: 200 }));
    for (const item of page.items) {
      const key = refKey(refOf(item));
      // Objects with an owner are deleted with it, and the owner is listed itself.
      if (deleted.has(key) || BUILT_IN.test(key) || (item.metadata.ownerReferences ?? []).length > 0) continue;
      found.push(
        `${item.kind} ${namespace === undefined && item.metadata.namespace !== undefined ? `${item.metadata.namespace}/` : ''}${item.metadata.name}`,
      );
    }
  });
  const sorted = found.sort();
  return sorted.length <= 5
    ? sorted
    : [...sorted.slice(0, 5), `and ${sorted.length - 5}${sorted.length >= SAMPLE ? ' or' : ''} more`];
}
