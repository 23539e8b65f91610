// SPDX-License-Identifier: Apache-2.0
import { builtinSchemas, type ResourceRow } from '../schema/builtin-schema.js';
import { mapSchema, type Schema } from '../schema/schema.js';
import { strategyOf } from '../strategies/index.js';
import { apiVersionOf, type Resource, type Subresource } from '../resource.js';

/** One API group as discovery lists it: versions by preference. */
export interface Group {
  readonly name: string;
  readonly versions: readonly string[];
  /** Whether custom resources may come and go in it. */
  readonly builtin: boolean;
}

const STORAGE_VERSIONS: Readonly<Record<string, string>> = { 'autoscaling/horizontalpodautoscalers': 'v2' };
const OTHER_COLLECTIONS: Readonly<Record<string, string>> = { 'events.k8s.io/events': '/events' };

function splitVerbs(verbs: string): readonly string[] {
  return verbs === '' ? [] : verbs.split(',');
}

function builtinResource(group: string, version: string, row: ResourceRow): Resource {
  const subresources = new Map<string, Subresource>();
  for (const [name, subGroup, subVersion, kind, verbs] of row.u ?? []) {
    subresources.set(name, {
      name,
      kind: kind === '' ? row.k : kind,
      group: subVersion === '' ? group : subGroup,
      version: subVersion === '' ? version : subVersion,
      verbs: splitVerbs(verbs),
    });
  }
  const id = `${group}/${row.p}`;
  return {
    group,
    version,
    apiVersion: apiVersionOf(group, version),
    kind: row.k,
    plural: row.p,
    singular: row.s,
    namespaced: row.n === 1,
    verbs: splitVerbs(row.v),
    shortNames: row.h ?? [],
    categories: row.c ?? [],
    storageVersionHash: row.x,
    subresources,
    schema: row.t === -1 ? mapSchema(row.k, new Map()) : builtinSchemas().struct(row.t),
    strategy: strategyOf(group, row.k),
    collection: OTHER_COLLECTIONS[id] ?? id,
    storageVersion: apiVersionOf(group, STORAGE_VERSIONS[id] ?? version),
  };
}

let builtin: ReadonlyMap<string, Resource> | undefined;

/** The built-in resources by `group/version/plural`; made once, as nothing in them changes. */
function builtinResources(): ReadonlyMap<string, Resource> {
  if (builtin !== undefined) return builtin;
  const out = new Map<string, Resource>();
  for (const [groupVersion, rows] of Object.entries(builtinSchemas().table.resources)) {
    const cut = groupVersion.indexOf('/');
    const [group, version] = [groupVersion.slice(0, cut), groupVersion.slice(cut + 1)];
    for (const row of rows) out.set(`${group}/${version}/${row.p}`, builtinResource(group, version, row));
  }
  return (builtin = out);
}

/** Which resources the server has at the moment: the built-in ones and those of established CRDs. */
export class ResourceRegistry {
  readonly #custom = new Map<string, Resource>();
  readonly #byKind = new Map<string, Resource>();
  #cachedGroups: readonly Group[] | undefined;

  find(group: string, version: string, plural: string): Resource | undefined {
    const key = `${group}/${version}/${plural}`;
    return builtinResources().get(key) ?? this.#custom.get(key);
  }

  /** The resource of a kind; used for owners and admission, which name kinds. */
  findKind(apiVersion: string, kind: string): Resource | undefined {
    const id = `${apiVersion}/${kind}`;
    const known = this.#byKind.get(id);
    if (known !== undefined) return known;
    const matches = (resource: Resource): boolean => resource.kind === kind && resource.apiVersion === apiVersion;
    const found = [...builtinResources().values()].find(matches) ?? [...this.#custom.values()].find(matches);
    if (found !== undefined) this.#byKind.set(id, found);
    return found;
  }

  /** The schema of a collection's objects in an API version. */
  schemaIn(resource: Resource, apiVersion: string): Schema | undefined {
    if (apiVersion === resource.apiVersion) return resource.schema;
    const cut = apiVersion.indexOf('/');
    const [group, version] = cut === -1 ? ['', apiVersion] : [apiVersion.slice(0, cut), apiVersion.slice(cut + 1)];
    return this.find(group, version, resource.plural)?.schema;
  }

  resources(group: string, version: string): readonly Resource[] {
    const prefix = `${group}/${version}/`;
    const own = [...builtinResources().entries(), ...this.#custom.entries()];
    return own.filter(([key]) => key.startsWith(prefix)).map(([, resource]) => resource);
  }

  /** One resource per collection, in its storage version: what controllers walk through. */
  stored(): readonly Resource[] {
    return [...builtinResources().values(), ...this.#custom.values()].filter(
      (resource) =>
        resource.apiVersion === resource.storageVersion &&
        resource.verbs.includes('list') &&
        resource.collection === `${resource.group}/${resource.plural}`,
    );
  }

  groups(): readonly Group[] {
    if (this.#cachedGroups !== undefined) return this.#cachedGroups;
    const fixed = builtinSchemas().table.groups.map(([name, versions]): Group => ({ name, versions, builtin: true }));
    const added = new Map<string, Set<string>>();
    for (const resource of this.#custom.values()) {
      const versions = added.get(resource.group) ?? new Set();
      versions.add(resource.version);
      added.set(resource.group, versions);
    }
    const custom = [...added].map(([name, versions]): Group => ({
      name,
      versions: [...versions].sort(compareVersions),
      builtin: false,
    }));
    custom.sort((a, b) => (a.name < b.name ? -1 : 1));
    return (this.#cachedGroups = [...fixed, ...custom]);
  }

  group(name: string): Group | undefined {
    return this.groups().find((group) => group.name === name);
  }

  /** Replaces the resources of one CRD; none removes them. */
  setCustom(group: string, plural: string, resources: readonly Resource[]): void {
    for (const [key, resource] of this.#custom)
      if (resource.group === group && resource.plural === plural) this.#custom.delete(key);
    for (const resource of resources) this.#custom.set(`${group}/${resource.version}/${plural}`, resource);
    this.#cachedGroups = undefined;
    this.#byKind.clear();
  }
}

/** Kubernetes' order of versions: v2 before v1 before v1beta1 before v1alpha1 before anything else. */
export function compareVersions(left: string, right: string): number {
  const rank = (version: string): readonly number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (match === null) return [0, 0, 0];
    const stage = match[2] === undefined ? 3 : match[2] === 'beta' ? 2 : 1;
    return [stage, Number(match[1]), Number(match[3] ?? 0)];
  };
  const [a, b] = [rank(left), rank(right)];
  for (let index = 0; index < 3; index++) {
    const difference = (b[index] ?? 0) - (a[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left < right ? -1 : left > right ? 1 : 0;
}
