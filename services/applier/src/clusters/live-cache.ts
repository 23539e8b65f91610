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
import { TARGET_LABEL } from '../domain/ownership.js';
import { isNewer, type LiveObject, toLive } from './live-object.js';

/** Who hears of changes. */
export interface LiveCacheEvents {
  /** An object changed, came or went. */
  readonly onObject: (key: string) => void;
  /** A kind became live, or stopped being it. */
  readonly onStatus: (groupKind: string, status: WatchStatus) => void;
}

interface Kind {
  readonly resource: ApiResource;
  readonly watch: ResourceWatch;
  /** What writes and watch say, whichever is newer. */
  readonly objects: Map<string, LiveObject>;
  /** Objects that vanished, as last seen: a finished Job that its time to live removed is done, not missing. */
  readonly vanished: Map<string, KubeObject>;
  /** Called when the watch is live. */
  readonly waiters: (() => void)[];
  status: WatchStatus;
  /** Not waited for again before this time: it was not live when it should have been. */
  patienceFromMs: number;
}

const NAMESPACE = '/Namespace';
/** How long a kind that could not be watched in time is read object by object before its watch is waited for again. */
const IMPATIENCE_MS = 30_000;

/** False when that does not happen in time: no right to list, a server that does not come back. */
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

/** Watches each kind in use and keeps what drift and health need, fed by the watches and by the answers to our own writes. */
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

  /** Begins to watch a kind if nobody does yet; resolves true once the watch is up to date, false when that does not happen in time. */
  async watch(resource: ApiResource, withinMs: number): Promise<boolean> {
    const groupKind = groupKindOf(resource);
    let kind = this.#kinds.get(groupKind);
    if (kind === undefined) {
      kind = this.#begin(groupKind, resource);
      this.#kinds.set(groupKind, kind);
    }
    if (kind.status.state === 'live') return true;
    if (this.#clock.nowMs() < kind.patienceFromMs) return false;
    const live = await untilLive(kind, withinMs);
    if (!live) kind.patienceFromMs = this.#clock.nowMs() + IMPATIENCE_MS;
    return live;
  }

  /** Ends the watch of a kind whose definition went, so that a later one begins anew. */
  async forget(groupKind: string): Promise<void> {
    const kind = this.#kinds.get(groupKind);
    this.#kinds.delete(groupKind);
    await kind?.watch.stop();
  }

  /** True while the watch of the key's kind is complete and up to date. */
  isLive(key: string): boolean {
    return this.#kinds.get(groupKindOfKey(key))?.status.state === 'live';
  }

  /** True when every watch is. */
  get allLive(): boolean {
    return [...this.#kinds.values()].every(({ status }) => status.state === 'live');
  }

  /** The object as last seen; undefined when it is not there, or is not ours and not a Namespace. */
  get(key: string): LiveObject | undefined {
    return this.#kinds.get(groupKindOfKey(key))?.objects.get(key);
  }

  /** The object as it was before it vanished. */
  vanished(key: string): KubeObject | undefined {
    return this.#kinds.get(groupKindOfKey(key))?.vanished.get(key);
  }

  /** The resource that a key's kind is watched as. */
  resourceOf(key: string): ApiResource | undefined {
    return this.#kinds.get(groupKindOfKey(key))?.resource;
  }

  /** Takes the answer to a write or a read of our own. */
  record(object: KubeObject): LiveObject | undefined {
    const kind = this.#kinds.get(groupKindOf(refOf(object)));
    return kind === undefined ? undefined : this.#put(kind, toLive(object, kind.resource, this.#clock.nowMs()));
  }

  /** Takes the news that an object is gone. */
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
      vanished: new Map(),
      waiters: [],
      status: watch.status,
      patienceFromMs: 0,
    };
    watch.start();
    return kind;
  }

  /** The watch keeps an object's identity only; what we need of it is worked out while it is whole. */
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
    kind.vanished.delete(live.key);
    this.#events.onObject(live.key);
    return live;
  }

  #remove(kind: Kind, key: string, last: KubeObject): void {
    const before = kind.objects.get(key);
    if (before === undefined || before.uid !== (last.metadata.uid ?? '')) return;
    // The label may have been taken off after a write of ours that the watch has not seen yet.
    if (isNewer(before.resourceVersion, last.metadata.resourceVersion ?? '')) return;
    if (before.object?.kind === 'Job') kind.vanished.set(key, before.object);
    kind.objects.delete(key);
    this.#events.onObject(key);
  }

  /** After a list: what our own writes had put in and the list does not have is gone. */
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
