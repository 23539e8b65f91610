// SPDX-License-Identifier: Apache-2.0
import { type ApiResource, type KubeObject, refKey, refOf } from '@plumbline/kube';
import { partsOf, refOfKey } from '../domain/identity.js';
import { forEachOf } from '../domain/limits.js';
import { definedKind, type SetObject } from '../domain/references.js';
import { asKubeObject, readObjects } from '../targets/object-reader.js';
import { patiently } from './failure.js';
import type { InventoryEntry } from '../domain/inventory.js';
import type { SyncTools } from './tools.js';

const SAMPLE = 20;
/** Kinds that clusters fill by themselves. */
const SELF_MADE = new Set([
  '/Event',
  'events.k8s.io/Event',
  '/Endpoints',
  'discovery.k8s.io/EndpointSlice',
  'coordination.k8s.io/Lease',
  'metrics.k8s.io/PodMetrics',
]);
/** Objects that every namespace gets. */
const BUILT_IN =
  /^\/(ServiceAccount\/[^/]*\/default|ConfigMap\/[^/]*\/kube-root-ca\.crt|Secret\/[^/]*\/default-token-.*)$/;

/** What deleting a namespace or a definition would delete with it that is not part of the same deletion: a few names; empty when there is nothing. */
export async function foreignContents(
  tools: SyncTools,
  node: SetObject,
  doomed: ReadonlySet<string>,
): Promise<readonly string[]> {
  const { ref, object } = node;
  if (ref.group === '' && ref.kind === 'Namespace')
    return foreignIn(tools, await namespacedResources(tools), doomed, ref.name);
  const defined = definedKind(object);
  if (defined === undefined) return [];
  const resources = (await tools.session.client.discovery.all()).filter(
    (resource) => resource.preferred && `${resource.group}/${resource.kind}` === defined,
  );
  return foreignIn(tools, resources, doomed, undefined);
}

/** A sentence on what goes with the deletion of these entries; empty when nothing of others does. */
export async function contentsNote(tools: SyncTools, entries: readonly InventoryEntry[]): Promise<string> {
  const doomed = new Set(entries.map(({ key }) => key));
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
    const foreign = await foreignContents(tools, { key: entry.key, ref: refOfKey(entry.key), object }, doomed);
    if (foreign.length > 0)
      notes.push(`${kind} ${name} holds ${foreign.join(', ')}, which this application does not have`);
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
      SELF_MADE.has(groupKind) ||
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
  doomed: ReadonlySet<string>,
  namespace: string | undefined,
): Promise<readonly string[]> {
  const found: string[] = [];
  await forEachOf(resources, tools.limits.perTarget, async (resource) => {
    if (found.length >= SAMPLE) return;
    const page = await patiently(() => tools.session.client.listPage(resource, { namespace, limit: 200 }));
    for (const item of page.items) {
      const key = refKey(refOf(item));
      // Children go with their owners, which are looked at themselves.
      if (doomed.has(key) || BUILT_IN.test(key) || (item.metadata.ownerReferences ?? []).length > 0) continue;
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
