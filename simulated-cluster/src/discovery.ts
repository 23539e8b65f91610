// SPDX-License-Identifier: Apache-2.0
import type { Group, ResourceRegistry } from './rest/registry.js';
import { apiVersionOf, type Resource } from './resource.js';
import type { Obj, Value } from './value.js';

/** Media type of aggregated discovery. */
export const AGGREGATED_V2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Whether a client asks for aggregated discovery. */
export function wantsAggregated(accept: string): boolean {
  return accept
    .split(',')
    .some(
      (entry) =>
        /g=apidiscovery\.k8s\.io/.test(entry) && /v=v2(?!\w)/.test(entry) && /as=APIGroupDiscoveryList/.test(entry),
    );
}

/** `GET /api` in the aggregated form or the old one. */
export function coreRoot(registry: ResourceRegistry, aggregated: boolean): Obj {
  if (aggregated)
    return aggregatedList(
      registry,
      registry.groups().filter((group) => group.name === ''),
    );
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '127.0.0.1:6443' }],
  };
}

/** `GET /apis`. */
export function groupsRoot(registry: ResourceRegistry, aggregated: boolean): Obj {
  const groups = registry.groups().filter((group) => group.name !== '');
  if (aggregated) return aggregatedList(registry, groups);
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupOf) };
}

/** `GET /apis/GROUP`. */
export function groupDocument(group: Group): Obj {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) };
}

function groupOf(group: Group): Obj {
  const versions = group.versions.map((version): Obj => ({ groupVersion: apiVersionOf(group.name, version), version }));
  return { name: group.name, versions, preferredVersion: versions[0] ?? {} };
}

/** `GET /apis/GROUP/VERSION`. */
export function resourceList(registry: ResourceRegistry, group: string, version: string): Obj {
  const resources: Obj[] = [];
  for (const resource of registry.resources(group, version)) {
    resources.push({
      name: resource.plural,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: [...resource.verbs],
      ...listed('shortNames', resource.shortNames),
      ...listed('categories', resource.categories),
      ...(resource.storageVersionHash === undefined ? {} : { storageVersionHash: resource.storageVersionHash }),
    });
    for (const sub of resource.subresources.values()) {
      const own = sub.group === resource.group && sub.version === resource.version;
      resources.push({
        name: `${resource.plural}/${sub.name}`,
        singularName: '',
        namespaced: resource.namespaced,
        ...(own ? {} : { group: sub.group, version: sub.version }),
        kind: sub.kind,
        verbs: [...sub.verbs],
      });
    }
  }
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(group, version), resources };
}

function listed(key: string, values: readonly string[]): Obj {
  return values.length === 0 ? {} : { [key]: [...values] };
}

function aggregatedList(registry: ResourceRegistry, groups: readonly Group[]): Obj {
  const items = groups.map((group): Value => ({
    metadata: { ...(group.name === '' ? {} : { name: group.name }), creationTimestamp: null },
    versions: group.versions.map((version): Value => ({
      version,
      resources: registry.resources(group.name, version).map(aggregatedResource),
      freshness: 'Current',
    })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function aggregatedResource(resource: Resource): Value {
  const subresources = [...resource.subresources.values()].map((sub): Value => {
    const own = sub.group === resource.group && sub.version === resource.version;
    return {
      subresource: sub.name,
      responseKind: own
        ? { group: '', version: '', kind: sub.kind }
        : { group: sub.group, version: sub.version, kind: sub.kind },
      verbs: [...sub.verbs],
    };
  });
  return {
    resource: resource.plural,
    responseKind: { group: resource.group, version: resource.version, kind: resource.kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: [...resource.verbs],
    ...listed('shortNames', resource.shortNames),
    ...listed('categories', resource.categories),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}
