// SPDX-License-Identifier: Apache-2.0
import { type Clock, messageOf, systemClock } from '@plumbline/core';
import { apiErrorFrom } from './errors.js';
import { parseJson } from './json.js';
import type { KubeResponse, KubeTransport } from './kube-transport.port.js';
import { type ApiResource, groupOf, versionOf } from './types.js';

/**
 * Why a kind is not there: no such group, no such version of the group, or no such kind in that version; `hint` names
 * what is.
 */
export interface MissingResource {
  readonly missing: 'group' | 'version' | 'kind';
  readonly hint: string;
}

/**
 * The answer of discovery about one kind. `unknown` means that discovery of its group failed: neither there nor
 * absent.
 */
export type ResourceLookup = { readonly found: ApiResource } | MissingResource | { readonly unknown: string };

/** How old an answer may be. */
export interface DiscoveryOptions {
  readonly clock?: Clock;
  /** Everything is read again after this time; default 10 minutes. */
  readonly maxAgeMs?: number;
  /** A miss is only believed from data younger than this; default 1 second. */
  readonly missMaxAgeMs?: number;
  /** Limit for one request; default 30 seconds. */
  readonly timeoutMs?: number;
  /** Name for error messages. */
  readonly cluster?: string;
}

interface Snapshot {
  readonly resources: readonly ApiResource[];
  readonly byKind: ReadonlyMap<string, ApiResource>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
  /** Group (or `group/version`) to the reason why it could not be read. */
  readonly failed: ReadonlyMap<string, string>;
  readonly readAtMs: number;
  /** How many invalidations had been asked for when the read began. */
  readonly epoch: number;
}

interface AggregatedResource {
  readonly resource: string;
  readonly responseKind?: { readonly kind?: string };
  readonly scope: string;
  readonly verbs?: readonly string[];
  readonly subresources?: readonly { readonly subresource: string }[];
}
interface AggregatedList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly freshness?: string;
      readonly resources?: readonly AggregatedResource[];
    }[];
  }[];
}
interface GroupList {
  readonly groups?: readonly {
    readonly name: string;
    readonly versions: readonly { readonly version: string }[];
    readonly preferredVersion?: { readonly version: string };
  }[];
}
interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs?: readonly string[];
  }[];
}

const AGGREGATED = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat('application/json')
  .join(',');

class SnapshotBuilder {
  readonly resources: ApiResource[] = [];
  readonly groups = new Map<string, string[]>();
  readonly failed = new Map<string, string>();

  version(group: string, version: string): void {
    const versions = this.groups.get(group);
    if (versions === undefined) this.groups.set(group, [version]);
    else versions.push(version);
  }

  build(readAtMs: number, epoch: number): Snapshot {
    const byKind = new Map<string, ApiResource>();
    for (const resource of this.resources)
      byKind.set(`${resource.group}/${resource.version}/${resource.kind}`, resource);
    return { resources: this.resources, byKind, groups: this.groups, failed: this.failed, readAtMs, epoch };
  }
}

/**
 * What one API server serves, cached. Reads aggregated discovery (two requests, conditional on ETags) and falls back
 * to one request a group version.
 * One group that cannot be read (a broken aggregated API) makes only that group unknown.
 */
export class Discovery {
  readonly #transport: KubeTransport;
  readonly #options: DiscoveryOptions;

  #snapshot: Snapshot | undefined;
  #loading: { readonly epoch: number; readonly promise: Promise<Snapshot> } | undefined;
  #epoch = 0;
  readonly #etags = new Map<string, { readonly etag: string; readonly list: AggregatedList }>();
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #missMaxAgeMs: number;
  readonly #timeoutMs: number;

  constructor(transport: KubeTransport, options: DiscoveryOptions = {}) {
    this.#transport = transport;
    this.#options = options;

    this.#clock = options.clock ?? systemClock;
    this.#maxAgeMs = options.maxAgeMs ?? 600_000;
    this.#missMaxAgeMs = options.missMaxAgeMs ?? 1_000;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  /**
   * Finds a kind. A miss is checked against fresh data, so an API registered a moment ago is found without a restart.
   * @throws KubeApiError or UpstreamError when nothing could be read at all.
   */
  async resourceFor(apiVersion: string, kind: string): Promise<ResourceLookup> {
    const known = await this.#current();
    const first = lookup(known, apiVersion, kind);
    if ('found' in first || this.#clock.nowMs() - known.readAtMs <= this.#missMaxAgeMs) return first;
    return lookup(await this.#read(), apiVersion, kind);
  }

  /** Every resource (all versions, without subresources) that could be read. */
  async all(): Promise<readonly ApiResource[]> {
    return (await this.#current()).resources;
  }

  /** Groups that could not be read, with the reason. */
  async failures(): Promise<ReadonlyMap<string, string>> {
    return (await this.#current()).failed;
  }

  /** Discards the cached answers. Call it when a CustomResourceDefinition or an APIService changed. */
  invalidate(): void {
    this.#epoch += 1;
  }

  /** Reads everything now; concurrent calls share one read. */
  async refresh(): Promise<void> {
    await this.#read();
  }

  async #current(): Promise<Snapshot> {
    const snapshot = this.#snapshot;
    const usable = snapshot?.epoch === this.#epoch && this.#clock.nowMs() - snapshot.readAtMs < this.#maxAgeMs;
    return usable ? snapshot : this.#read();
  }

  #read(): Promise<Snapshot> {
    const epoch = this.#epoch;
    // A read that began before an invalidation does not satisfy it.
    if (this.#loading?.epoch !== epoch) {
      const promise = this.#load(epoch).finally(() => {
        if (this.#loading?.promise === promise) this.#loading = undefined;
      });
      this.#loading = { epoch, promise };
    }
    return this.#loading.promise;
  }

  async #load(epoch: number): Promise<Snapshot> {
    const startedAtMs = this.#clock.nowMs();
    const builder = new SnapshotBuilder();
    await Promise.all([this.#loadRoot('/api', builder), this.#loadRoot('/apis', builder)]);
    const snapshot = builder.build(startedAtMs, epoch);
    if (this.#snapshot === undefined || this.#snapshot.epoch <= epoch) this.#snapshot = snapshot;
    return snapshot;
  }

  async #loadRoot(path: '/api' | '/apis', builder: SnapshotBuilder): Promise<void> {
    const cached = this.#etags.get(path);
    const response = await this.#get(path, {
      accept: AGGREGATED,
      ...(cached === undefined ? {} : { 'if-none-match': cached.etag }),
    });
    const text = await response.text();
    if (response.status === 304 && cached !== undefined) return addAggregated(cached.list, builder);
    this.#check(response, text, path);
    if (!(response.headers['content-type'] ?? '').includes('as=APIGroupDiscoveryList'))
      return this.#loadLegacy(path, text, builder);
    const list = parseJson<AggregatedList>(text, path);
    const { etag } = response.headers;
    if (etag === undefined) this.#etags.delete(path);
    else this.#etags.set(path, { etag, list });
    addAggregated(list, builder);
  }

  async #loadLegacy(path: '/api' | '/apis', text: string, builder: SnapshotBuilder): Promise<void> {
    const groups =
      path === '/api'
        ? [
            {
              name: '',
              versions: (parseJson<{ versions?: string[] }>(text, path).versions ?? []).map((version) => ({ version })),
            },
          ]
        : (parseJson<GroupList>(text, path).groups ?? []);
    const reads = groups.flatMap((group) => {
      const preferred = 'preferredVersion' in group ? group.preferredVersion?.version : group.versions[0]?.version;
      return group.versions.map(({ version }) => {
        builder.version(group.name, version);
        return this.#loadGroupVersion({ group: group.name, version, preferred: version === preferred }, builder);
      });
    });
    await Promise.all(reads);
  }

  async #loadGroupVersion(
    { group, version, preferred }: { readonly group: string; readonly version: string; readonly preferred: boolean },
    builder: SnapshotBuilder,
  ): Promise<void> {
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    try {
      const response = await this.#get(path, { accept: 'application/json' });
      const text = await response.text();
      this.#check(response, text, path);
      const listed = parseJson<ResourceList>(text, path).resources ?? [];
      for (const resource of listed.filter(({ name }) => !name.includes('/'))) {
        const prefix = `${resource.name}/`;
        const subresources = listed
          .filter(({ name }) => name.startsWith(prefix))
          .map(({ name }) => name.slice(prefix.length));
        const { kind, namespaced, verbs = [] } = resource;
        builder.resources.push({
          group,
          version,
          kind,
          plural: resource.name,
          namespaced,
          verbs,
          preferred,
          subresources,
        });
      }
    } catch (error) {
      builder.failed.set(`${group}/${version}`, messageOf(error));
    }
  }

  #get(path: string, headers: Readonly<Record<string, string>>): Promise<KubeResponse> {
    return this.#transport.request({ method: 'GET', path, headers, signal: AbortSignal.timeout(this.#timeoutMs) });
  }

  #check(response: KubeResponse, text: string, path: string): void {
    if (response.status === 200) return;
    const { status, headers } = response;
    throw apiErrorFrom(
      { verb: 'read', group: '', kind: path, cluster: this.#options.cluster },
      { status, headers, text },
    );
  }
}

function addAggregated(list: AggregatedList, builder: SnapshotBuilder): void {
  for (const item of list.items ?? []) {
    const group = item.metadata?.name ?? '';
    item.versions?.forEach(({ version, freshness, resources = [] }, index) => {
      builder.version(group, version);
      // The server says Stale when the API behind an APIService did not answer; its resource list may be old or empty.
      if (freshness === 'Stale') {
        builder.failed.set(`${group}/${version}`, 'the aggregated API did not answer');
        return;
      }
      for (const { resource, responseKind, scope, verbs = [], subresources = [] } of resources) {
        builder.resources.push({
          group,
          version,
          kind: responseKind?.kind ?? '',
          plural: resource,
          namespaced: scope === 'Namespaced',
          verbs,
          preferred: index === 0,
          subresources: subresources.map(({ subresource }) => subresource),
        });
      }
    });
  }
}

function lookup(snapshot: Snapshot, apiVersion: string, kind: string): ResourceLookup {
  const group = groupOf(apiVersion);
  const version = versionOf(apiVersion);
  const found = snapshot.byKind.get(`${group}/${version}/${kind}`);
  if (found !== undefined) return { found };
  const failure = [...snapshot.failed].find(([key]) => key.startsWith(`${group}/`));
  if (failure !== undefined) return { unknown: `${failure[0]}: ${failure[1]}` };
  const label = group === '' ? 'the core group' : group;
  const versions = snapshot.groups.get(group);
  if (versions === undefined) return { missing: 'group', hint: groupHint(snapshot, group, kind) };
  if (!versions.includes(version)) {
    const serving = snapshot.resources
      .filter((resource) => resource.group === group && resource.kind === kind)
      .map((resource) => resource.version);
    const hint = serving.length > 0 ? `; ${kind} is in ${serving.join(', ')}` : '';
    return { missing: 'version', hint: `${label} has no version ${version}, it has ${versions.join(', ')}${hint}` };
  }
  return { missing: 'kind', hint: kindHint(snapshot, { group, version, kind }) };
}

function groupHint(snapshot: Snapshot, group: string, kind: string): string {
  const elsewhere = [
    ...new Set(
      snapshot.resources
        .filter((resource) => resource.kind === kind)
        .map((resource) => `${resource.group === '' ? '' : `${resource.group}/`}${resource.version}`),
    ),
  ];
  const suffix = elsewhere.length > 0 ? `; ${kind} is in ${elsewhere.join(', ')}` : '';
  return `the cluster has no API group "${group}"${suffix}`;
}

function kindHint(
  snapshot: Snapshot,
  wanted: { readonly group: string; readonly version: string; readonly kind: string },
): string {
  const { group, version, kind } = wanted;
  const other = snapshot.resources
    .filter((resource) => resource.kind === kind)
    .map((resource) => `${resource.group === '' ? '' : `${resource.group}/`}${resource.version}`);
  const alike = snapshot.resources.find(
    (resource) =>
      resource.group === group && resource.version === version && resource.kind.toLowerCase() === kind.toLowerCase(),
  );
  const suffix =
    alike !== undefined ? `; did you mean ${alike.kind}?` : other.length > 0 ? `; it is in ${other.join(', ')}` : '';
  return `${group === '' ? '' : `${group}/`}${version} has no kind ${kind}${suffix}`;
}
