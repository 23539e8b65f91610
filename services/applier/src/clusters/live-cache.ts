// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@plumbline/core';
import {
  type ApiResource,
  type KubeClient,
  type KubeObject,
  refKey,
  refOf,
  ResourceWatch,
  type WatchEvent,
  type WatchStatus,
} from '@plumbline/kube';
import { TARGET_LABEL } from '../domain/owner-marks.js';
import { isNewer, type LiveObject, toLive } from './live-object.js';

/** Callbacks of a {@link LiveCache}. */
export interface LiveCacheEvents {
  /** An object was created, changed or deleted. */
  readonly onObject: (key: string) => void;
  /** The watch of a kind became live or was lost. */
  readonly onStatus: (groupKind: string, status: WatchStatus) => void;
}

interface Kind {
  readonly resource: ApiResource;
  readonly watch: ResourceWatch;
  /** Objects as the watch or our own writes returned them, whichever is newer. */
  readonly objects: Map<string, LiveObject>;
  /** The last known state of deleted Jobs: a finished Job that its TTL removed is done, not missing. */
  readonly deletedJobs: Map<string, KubeObject>;
  /** Called when the watch becomes live. */
  readonly waiters: (() => void)[];
  status: WatchStatus;
  /** Callers do not wait for the watch before this time, because it did not become live in time. */
  waitAgainFromMs: number;
}

const NAMESPACE = '/Namespace';
/**
 * How long a kind whose watch did not become live in time is read object by object before callers wait for the watch
 * again.
 */
const READ_SINGLY_MS = 30_000;

/** Resolves to false if the watch does not become live in time: no right to list, or a server that does not answer. */
function untilLive(kind: Kind, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      kind.waiters.splice(kind.waiters.indexOf(done), 1);
      resolve(false);
    }, withinMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    kind.waiters.push(done);
  });
}

/** `group/Kind` of a key or resource. */
export function groupKindOf(resource: { readonly group: string; readonly kind: string }): string {
  return `${resource.group}/${resource.kind}`;
}

function groupKindOfKey(key: string): string {
  const second = key.indexOf('/', key.indexOf('/') + 1);
  return key.slice(0, second);
}

/**
 * Watches each kind in use and caches the state that drift and health need, from the watches and from the responses
 * to our own writes.
 */
export class LiveCache {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #events: LiveCacheEvents;

  readonly #kinds = new Map<string, Kind>();

  constructor(client: KubeClient, clock: Clock, events: LiveCacheEvents) {
    this.#client = client;
    this.#clock = clock;
    this.#events = events;
  }

  /**
   * Watches a kind. Resolves to true once the watch is up to date, and to false if that takes longer than `withinMs`.
   */
  async watch(resource: ApiResource, withinMs: number): Promise<boolean> {
    const groupKind = groupKindOf(resource);
    let kind = this.#kinds.get(groupKind);
    if (kind === undefined) {
      kind = this.#begin(groupKind, resource);
      this.#kinds.set(groupKind, kind);
    }
    if (kind.status.state === 'live') return true;
    if (this.#clock.nowMs() < kind.waitAgainFromMs) return false;
    const live = await untilLive(kind, withinMs);
    if (!live) kind.waitAgainFromMs = this.#clock.nowMs() + READ_SINGLY_MS;
    return live;
  }

  /** Ends the watch of a kind whose definition was deleted; a later {@link watch} starts a new one. */
  async unwatch(groupKind: string): Promise<void> {
    const kind = this.#kinds.get(groupKind);
    this.#kinds.delete(groupKind);
    await kind?.watch.stop();
  }

  /** True while the watch of the key's kind is complete and up to date. */
  isLive(key: string): boolean {
    return this.#kinds.get(groupKindOfKey(key))?.status.state === 'live';
  }

  /** True while every watch is complete and up to date. */
  get allLive(): boolean {
    return [...this.#kinds.values()].every(({ status }) => status.state === 'live');
  }

  /** The cached object; undefined if it does not exist, or is neither ours nor a Namespace. */
  get(key: string): LiveObject | undefined {
    return this.#kinds.get(groupKindOfKey(key))?.objects.get(key);
  }

  /** The last known state of a deleted Job. */
  deletedJob(key: string): KubeObject | undefined {
    return this.#kinds.get(groupKindOfKey(key))?.deletedJobs.get(key);
  }

  /** The resource that the kind of a key is watched as. */
  resourceOf(key: string): ApiResource | undefined {
    return this.#kinds.get(groupKindOfKey(key))?.resource;
  }

  /** Caches an object that a write or read of our own returned. */
  record(object: KubeObject): LiveObject | undefined {
    const kind = this.#kinds.get(groupKindOf(refOf(object)));
    return kind === undefined ? undefined : this.#put(kind, toLive(object, kind.resource, this.#clock.nowMs()));
  }

  /** Records that an object does not exist. */
  recordGone(key: string): void {
    this.#kinds.get(groupKindOfKey(key))?.objects.delete(key);
  }

  async stop(): Promise<void> {
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    await Promise.allSettled(kinds.map(({ watch }) => watch.stop()));
  }

  #begin(groupKind: string, resource: ApiResource): Kind {
    const watch = new ResourceWatch(this.#client, resource, {
      ...(groupKind === NAMESPACE ? {} : { labelSelector: TARGET_LABEL }),
      strip: (raw) => this.#strip(raw, resource),
      backoff: { firstMs: 100, longestMs: 5_000 },
      onEvent: (event) => this.#take(kind, event),
      onStatus: (status) => {
        const became = status.state !== kind.status.state;
        kind.status = status;
        if (status.state === 'live') for (const waiter of kind.waiters.splice(0)) waiter();
        if (became) this.#events.onStatus(groupKind, status);
      },
    });
    const kind: Kind = {
      resource,
      watch,
      objects: new Map(),
      deletedJobs: new Map(),
      waiters: [],
      status: watch.status,
      waitAgainFromMs: 0,
    };
    watch.start();
    return kind;
  }

  /** Reduces an object to its identity for the watch; the cached state is derived from the complete object first. */
  #strip(raw: KubeObject, resource: ApiResource): KubeObject {
    const { name, namespace, uid, resourceVersion } = raw.metadata;
    const identity: KubeObject = {
      apiVersion: raw.apiVersion,
      kind: raw.kind,
      metadata: {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    };
    this.#parsed.set(identity, toLive(raw, resource, this.#clock.nowMs()));
    return identity;
  }

  readonly #parsed = new WeakMap<KubeObject, LiveObject>();

  #take(kind: Kind, event: WatchEvent): void {
    if (event.type === 'synced') {
      this.#dropUnlisted(kind, event.resourceVersion);
      return;
    }
    const key = refKey(refOf(event.object));
    if (event.type === 'deleted') {
      this.#remove(kind, key, event.object);
      return;
    }
    const live = this.#parsed.get(event.object);
    if (live !== undefined) this.#put(kind, live);
  }

  #put(kind: Kind, live: LiveObject): LiveObject {
    const before = kind.objects.get(live.key);
    if (before !== undefined && !isNewer(live.resourceVersion, before.resourceVersion)) return before;
    kind.objects.set(live.key, live);
    kind.deletedJobs.delete(live.key);
    this.#events.onObject(live.key);
    return live;
  }

  #remove(kind: Kind, key: string, last: KubeObject): void {
    const before = kind.objects.get(key);
    if (before === undefined || before.uid !== (last.metadata.uid ?? '')) return;
    // The label may have been removed after a write of ours that the watch has not delivered yet.
    if (isNewer(before.resourceVersion, last.metadata.resourceVersion ?? '')) return;
    if (before.object?.kind === 'Job') kind.deletedJobs.set(key, before.object);
    kind.objects.delete(key);
    this.#events.onObject(key);
  }

  /** After a list: objects that our own writes cached and that the list does not contain do not exist any more. */
  #dropUnlisted(kind: Kind, listVersion: string): void {
    for (const [key, live] of kind.objects) {
      const { namespace, name } = splitKey(key);
      if (kind.watch.get(namespace, name) !== undefined || isNewer(live.resourceVersion, listVersion)) continue;
      kind.objects.delete(key);
      this.#events.onObject(key);
    }
  }
}

function splitKey(key: string): { readonly namespace: string | undefined; readonly name: string } {
  const [, , namespace = '', ...name] = key.split('/');
  return { namespace: namespace === '' ? undefined : namespace, name: name.join('/') };
}
