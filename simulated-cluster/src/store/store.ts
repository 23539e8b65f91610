// SPDX-License-Identifier: Apache-2.0
import { type Obj, objAt, textAt } from '../value.js';

/** One change of one object. `before` and `object` are stored objects: shared, never changed. */
export interface Change {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly collection: string;
  readonly key: string;
  readonly object: Obj;
  readonly before: Obj | undefined;
}

/** The whole store as JSON. */
export interface StoreState {
  readonly revision: number;
  readonly objects: Readonly<Record<string, Readonly<Record<string, Obj>>>>;
}

class Collection {
  readonly objects = new Map<string, Obj>();
  #sorted: string[] | undefined = [];

  keys(): readonly string[] {
    return (this.#sorted ??= [...this.objects.keys()].sort());
  }

  set(key: string, object: Obj): void {
    if (!this.objects.has(key)) this.#sorted = undefined;
    this.objects.set(key, object);
  }

  delete(key: string): void {
    if (this.objects.delete(key)) this.#sorted = undefined;
  }
}

/**
 * Key of an object inside its collection; cluster-scoped objects have an empty namespace. Sorts as the API server
 * lists.
 */
export function storeKey(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/**
 * The simulated etcd: collections of immutable objects under one revision counter, with a bounded history of changes
 * that watches and
 * consistent pages read. Nothing is ever cloned: a write replaces a reference.
 */
export class Store {
  readonly #limits: { readonly maxHistory: number; readonly firstRevision: number };

  readonly #collections = new Map<string, Collection>();
  readonly #listeners = new Map<string, Set<(change: Change) => void>>();
  readonly #anyListeners = new Set<(change: Change) => void>();
  #history: Change[] = [];
  #current: number;
  /** Changes up to this revision are no longer in the history. */
  #compacted: number;

  constructor(limits: { readonly maxHistory: number; readonly firstRevision: number }) {
    this.#limits = limits;

    this.#current = limits.firstRevision;
    this.#compacted = limits.firstRevision;
  }

  get revision(): number {
    return this.#current;
  }

  get compactedRevision(): number {
    return this.#compacted;
  }

  get(collection: string, key: string): Obj | undefined {
    return this.#collections.get(collection)?.objects.get(key);
  }

  count(collection: string): number {
    return this.#collections.get(collection)?.objects.size ?? 0;
  }

  collectionNames(): readonly string[] {
    return [...this.#collections.keys()];
  }

  /** Keys of a collection (of one namespace, if given) in list order. */
  keys(collection: string, namespace?: string): readonly string[] {
    const keys = this.#collections.get(collection)?.keys() ?? [];
    if (namespace === undefined) return keys;
    const prefix = `${namespace}/`;
    const start = lowerBound(keys, prefix);
    let end = start;
    while (end < keys.length && keys[end]?.startsWith(prefix) === true) end++;
    return keys.slice(start, end);
  }

  /** The collection as it was at a revision: undefined once the history no longer reaches back. */
  at(collection: string, revision: number): ReadonlyMap<string, Obj> | undefined {
    const now: ReadonlyMap<string, Obj> = this.#collections.get(collection)?.objects ?? new Map<string, Obj>();
    if (revision >= this.#current) return now;
    if (revision < this.#compacted) return undefined;
    const then = new Map(now);
    for (let index = this.#history.length - 1; index >= 0; index--) {
      const change = this.#history[index];
      if (change === undefined || change.revision <= revision) break;
      if (change.collection !== collection) continue;
      if (change.before === undefined) then.delete(change.key);
      else then.set(change.key, change.before);
    }
    return then;
  }

  /** Writes an object under a new revision and returns it as stored. */
  put(collection: string, key: string, object: Obj): Obj {
    const before = this.get(collection, key);
    const revision = ++this.#current;
    const stored = withRevision(object, revision);
    this.#collection(collection).set(key, stored);
    this.#record({
      revision,
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      collection,
      key,
      object: stored,
      before,
    });
    return stored;
  }

  /**
   * Removes an object; what watches see last is `last` (the live object by default) under the revision of the
   * removal.
   */
  remove(collection: string, key: string, last?: Obj): Obj | undefined {
    const before = this.get(collection, key);
    if (before === undefined) return undefined;
    const revision = ++this.#current;
    const object = withRevision(last ?? before, revision);
    this.#collections.get(collection)?.delete(key);
    this.#record({ revision, type: 'DELETED', collection, key, object, before });
    return object;
  }

  /** Changes of a collection after a revision; undefined once the history no longer reaches back. */
  since(collection: string, revision: number): readonly Change[] | undefined {
    if (revision < this.#compacted) return undefined;
    let start = this.#history.length;
    while (start > 0 && (this.#history[start - 1]?.revision ?? 0) > revision) start--;
    return this.#history.slice(start).filter((change) => change.collection === collection);
  }

  /** Calls back synchronously after each change of a collection ('' for all of them). Returns the way to stop. */
  subscribe(collection: string, listener: (change: Change) => void): () => void {
    const set = collection === '' ? this.#anyListeners : (this.#listeners.get(collection) ?? new Set());
    if (collection !== '') this.#listeners.set(collection, set);
    set.add(listener);
    return () => {
      set.delete(listener);
    };
  }

  /**
   * Forgets all history, as etcd's compaction does: every revision that was handed out before is too old from now on.
   */
  compact(): void {
    this.#history = [];
    this.#compacted = ++this.#current;
  }

  state(): StoreState {
    const objects: Record<string, Record<string, Obj>> = {};
    for (const [name, collection] of this.#collections) objects[name] = Object.fromEntries(collection.objects);
    return { revision: this.#current, objects };
  }

  /** Replaces everything. Old revisions are gone, so old watches have to start anew. */
  load(state: StoreState): void {
    this.#collections.clear();
    for (const [name, objects] of Object.entries(state.objects)) {
      const collection = this.#collection(name);
      for (const [key, object] of Object.entries(objects)) collection.set(key, object);
    }
    this.#current = state.revision;
    this.#history = [];
    this.#compacted = this.#current;
  }

  #collection(name: string): Collection {
    let found = this.#collections.get(name);
    if (found === undefined) this.#collections.set(name, (found = new Collection()));
    return found;
  }

  #record(change: Change): void {
    this.#history.push(change);
    // Trimmed in bulk, so that a write costs no shifting of the whole array.
    if (this.#history.length > this.#limits.maxHistory * 2) {
      const dropped = this.#history.length - this.#limits.maxHistory;
      this.#compacted = this.#history[dropped - 1]?.revision ?? this.#compacted;
      this.#history = this.#history.slice(dropped);
    }
    for (const listener of this.#listeners.get(change.collection) ?? []) listener(change);
    for (const listener of this.#anyListeners) listener(change);
  }
}

function withRevision(object: Obj, revision: number): Obj {
  return { ...object, metadata: { ...objAt(object, 'metadata'), resourceVersion: String(revision) } };
}

/** The revision that an object was stored under. */
export function revisionOf(object: Obj): number {
  return Number(textAt(object, 'metadata', 'resourceVersion') ?? '0');
}

function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? '') < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
