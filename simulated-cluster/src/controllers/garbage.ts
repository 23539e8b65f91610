// SPDX-License-Identifier: Apache-2.0
import type { ApiServer } from '../api-server.js';
import type { Resource } from '../resource.js';
import type { Change } from '../store/store.js';
import { isObj, listAt, type Obj, textAt, textsAt, withAt } from '../value.js';
import type { Scheduler } from './scheduler.js';

interface Place {
  readonly collection: string;
  readonly key: string;
}

/**
 * The garbage collector: removes what has no owner left, ends foreground deletions once the dependants are gone, and
 * cuts orphans loose.
 * Keeps an index by owner, so that a delete costs by its dependants and not by the size of the cluster.
 */
export class GarbageCollector {
  readonly #server: ApiServer;
  readonly #scheduler: Scheduler;
  readonly #delayMs: number;

  readonly #places = new Map<string, Place>();
  readonly #dependents = new Map<string, Map<string, Place>>();

  constructor(server: ApiServer, scheduler: Scheduler, delayMs: number) {
    this.#server = server;
    this.#scheduler = scheduler;
    this.#delayMs = delayMs;

    server.context.store.subscribe('', (change) => this.#changed(change));
    this.#index();
  }

  resync(): void {
    this.#index();
    for (const [uid, place] of this.#places) {
      const object = this.#at(place);
      if (object !== undefined) this.#look(uid, object, place);
    }
  }

  #index(): void {
    const { store } = this.#server.context;
    this.#places.clear();
    this.#dependents.clear();
    for (const collection of store.collectionNames()) {
      for (const key of store.keys(collection)) {
        const object = store.get(collection, key);
        if (object !== undefined) this.#remember(object, { collection, key });
      }
    }
  }

  #changed(change: Change): void {
    const uid = textAt(change.object, 'metadata', 'uid') ?? '';
    const place = { collection: change.collection, key: change.key };
    if (change.before !== undefined && change.before !== change.object) this.#forget(change.before);
    if (change.type === 'DELETED') {
      this.#forget(change.object);
      this.#places.delete(uid);
      for (const dependent of this.#dependents.get(uid)?.keys() ?? []) this.#scheduleOrphanCheck(dependent);
      for (const owner of ownersOf(change.object)) this.#scheduleOwner(owner);
      return;
    }
    this.#remember(change.object, place);
    this.#look(uid, change.object, place);
  }

  #look(uid: string, object: Obj, place: Place): void {
    if (ownersOf(object).length > 0) this.#scheduleOrphanCheck(uid);
    const finalizers = textsAt(object, 'metadata', 'finalizers');
    if (textAt(object, 'metadata', 'deletionTimestamp') === undefined) return;
    if (finalizers.includes('foregroundDeletion') || finalizers.includes('orphan'))
      this.#scheduler.after(this.#delayMs, `gc-owner|${uid}`, () => this.#settleOwner(uid, place));
  }

  #scheduleOrphanCheck(uid: string): void {
    this.#scheduler.after(this.#delayMs, `gc|${uid}`, () => this.#collect(uid));
  }

  #scheduleOwner(uid: string): void {
    const place = this.#places.get(uid);
    const owner = place === undefined ? undefined : this.#at(place);
    if (place !== undefined && owner !== undefined) this.#look(uid, owner, place);
  }

  #collect(uid: string): void {
    const place = this.#places.get(uid);
    const object = place === undefined ? undefined : this.#at(place);
    const resource = object === undefined ? undefined : this.#resourceOf(object);
    if (object === undefined || resource === undefined || textAt(object, 'metadata', 'deletionTimestamp') !== undefined)
      return;
    const owners = ownersOf(object);
    if (owners.length === 0) return;
    const living = owners.filter((owner) => this.#places.has(owner));
    if (living.length === owners.length) {
      // An owner that waits for its dependants takes them along.
      const waits = living.some((owner) => this.#isWaiting(owner));
      if (waits && living.every((owner) => this.#isWaiting(owner))) this.#remove(resource, object, 'Foreground');
      return;
    }
    if (living.length === 0) this.#remove(resource, object, 'Background');
    else
      this.#write(
        resource,
        object,
        withOwners(object, (owner) => living.includes(owner)),
      );
  }

  #settleOwner(uid: string, place: Place): void {
    const owner = this.#at(place);
    const resource = owner === undefined ? undefined : this.#resourceOf(owner);
    if (owner === undefined || resource === undefined) return;
    const dependents = [...(this.#dependents.get(uid) ?? [])];
    const orphans = textsAt(owner, 'metadata', 'finalizers').includes('orphan');
    for (const [dependent, at] of dependents) {
      const object = this.#at(at);
      const kind = object === undefined ? undefined : this.#resourceOf(object);
      if (object === undefined || kind === undefined) continue;
      if (orphans)
        this.#write(
          kind,
          object,
          withOwners(object, (other) => other !== uid),
        );
      else this.#collect(dependent);
    }
    if (!orphans && [...(this.#dependents.get(uid) ?? [])].some(([, at]) => this.#blocks(at, uid))) return;
    const live = this.#at(place);
    if (live === undefined) return;
    const finalizers = textsAt(live, 'metadata', 'finalizers').filter(
      (finalizer) => finalizer !== (orphans ? 'orphan' : 'foregroundDeletion'),
    );
    this.#write(
      resource,
      live,
      withAt(live, ['metadata', 'finalizers'], finalizers.length === 0 ? undefined : finalizers),
    );
  }

  #blocks(place: Place, owner: string): boolean {
    const object = this.#at(place);
    return listAt(object, 'metadata', 'ownerReferences').some(
      (reference) => isObj(reference) && reference['uid'] === owner && reference['blockOwnerDeletion'] === true,
    );
  }

  #isWaiting(uid: string): boolean {
    const place = this.#places.get(uid);
    const owner = place === undefined ? undefined : this.#at(place);
    return (
      textAt(owner, 'metadata', 'deletionTimestamp') !== undefined &&
      textsAt(owner, 'metadata', 'finalizers').includes('foregroundDeletion')
    );
  }

  #remove(resource: Resource, object: Obj, propagation: 'Background' | 'Foreground'): void {
    this.#server.deletions.remove(resource, object, { dryRun: false, propagation, internal: true });
  }

  #write(resource: Resource, live: Obj, next: Obj): void {
    this.#server.writer.update(resource, live, next, { dryRun: false, subresource: '', internal: true });
  }

  #at(place: Place): Obj | undefined {
    return this.#server.context.store.get(place.collection, place.key);
  }

  #resourceOf(object: Obj): Resource | undefined {
    return this.#server.context.registry.findKind(textAt(object, 'apiVersion') ?? '', textAt(object, 'kind') ?? '');
  }

  #remember(object: Obj, place: Place): void {
    const uid = textAt(object, 'metadata', 'uid') ?? '';
    this.#places.set(uid, place);
    for (const owner of ownersOf(object)) {
      const known = this.#dependents.get(owner) ?? new Map<string, Place>();
      known.set(uid, place);
      this.#dependents.set(owner, known);
    }
  }

  #forget(object: Obj): void {
    const uid = textAt(object, 'metadata', 'uid') ?? '';
    for (const owner of ownersOf(object)) {
      const known = this.#dependents.get(owner);
      known?.delete(uid);
      if (known?.size === 0) this.#dependents.delete(owner);
    }
  }
}

function ownersOf(object: Obj): readonly string[] {
  const owners = listAt(object, 'metadata', 'ownerReferences');
  return owners.length === 0 ? NONE : owners.map((owner) => textAt(owner, 'uid') ?? '');
}

const NONE: readonly string[] = [];

function withOwners(object: Obj, keep: (uid: string) => boolean): Obj {
  const owners = listAt(object, 'metadata', 'ownerReferences').filter((owner) => keep(textAt(owner, 'uid') ?? ''));
  return withAt(object, ['metadata', 'ownerReferences'], owners.length === 0 ? undefined : owners);
}
