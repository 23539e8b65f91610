// SPDX-License-Identifier: Apache-2.0
import { InvariantError } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import { factsFromDocuments, FoldedFacts, type FoldedFactsState } from './application-facts.js';
import { ViewKind, type ViewChange, type ViewDocuments, type ViewReader } from './documents.js';
import { evolveViews } from './evolve.js';

/** Format of {@link ViewStoreSnapshot}; another number is not restored. */
const FORMAT = 1;

/** Contents of a {@link ViewStore}: JSON values only. Documents are shared with the store, which never changes them. */
export interface ViewStoreSnapshot {
  readonly format: typeof FORMAT;
  readonly documents: { readonly [Kind in ViewKind]?: readonly (readonly [key: string, ViewDocuments[Kind]])[] };
  readonly facts?: FoldedFactsState;
}

/** What a store folds. */
export interface ViewStoreOptions<Kinds extends ViewKind> {
  /**
   * Kinds of documents to keep; default: all. Kinds that the fold of a kept kind updates from are added (`version`
   * for `approval`).
   * Reading a kind that is not kept throws an `InvariantError`.
   */
  readonly kinds?: readonly Kinds[];
}

/** Read models in memory, folded from the log. */
export class ViewStore<Kinds extends ViewKind = ViewKind> implements ViewReader<Kinds> {
  readonly #kinds: ReadonlySet<ViewKind>;
  readonly #documents: ReadonlyMap<ViewKind, Map<string, unknown>>;
  readonly #sortedKeys = new Map<ViewKind, string[]>();
  /** Present when applications are kept without their versions and targets. */
  readonly #facts: FoldedFacts | undefined;
  /** Reads any kind: the fold must not be limited by the type of the store. */
  readonly #reader: ViewReader = {
    get: (view, key) => this.#map(view).get(key),
    scan: (view, keyPrefix) => this.#scan(view, keyPrefix),
  };

  constructor(options: ViewStoreOptions<Kinds> = {}) {
    const kinds = new Set<ViewKind>(options.kinds ?? ViewKind);
    if (kinds.has('approval')) kinds.add('version');
    this.#kinds = kinds;
    this.#documents = new Map([...kinds].map((kind) => [kind, new Map<string, unknown>()]));
    this.#facts =
      kinds.has('application') && !(kinds.has('version') && kinds.has('target')) ? new FoldedFacts() : undefined;
  }

  /**
   * Folds one event and returns the documents that it changed. Events must be given in the order of their positions.
   */
  apply(event: RecordedEvent): readonly ViewChange[] {
    const changes = evolveViews(this.#reader, event, {
      kinds: this.#kinds,
      facts: this.#facts ?? factsFromDocuments(this.#reader),
    });
    for (const change of changes) this.#put(change);
    this.#facts?.apply(event);
    return changes;
  }

  /**
   * Stores documents as they are, without a fold: fills a store from documents that were kept elsewhere. Skips kinds
   * that are not kept.
   */
  load(changes: Iterable<ViewChange>): void {
    for (const change of changes) {
      if (this.#kinds.has(change.view)) this.#put(change);
      this.#loadFact(change);
    }
  }

  get<Kind extends Kinds>(view: Kind, key: string): ViewDocuments[Kind] | undefined {
    return this.#map(view).get(key);
  }

  /** Returns every document of a kind, in no defined order. */
  all<Kind extends Kinds>(view: Kind): Iterable<ViewDocuments[Kind]> {
    return this.#map(view).values();
  }

  scan<Kind extends Kinds>(view: Kind, keyPrefix: string): Iterable<readonly [string, ViewDocuments[Kind]]> {
    return this.#scan(view, keyPrefix);
  }

  /**
   * Returns the contents as JSON values. Costs one array entry per document: documents are immutable and shared, so
   * the result stays as
   * it is while the store folds on, and may be serialised later.
   */
  snapshot(): ViewStoreSnapshot {
    const documents = Object.fromEntries([...this.#documents].map(([kind, map]) => [kind, [...map]]));
    return { format: FORMAT, documents, ...(this.#facts === undefined ? {} : { facts: this.#facts.snapshot() }) };
  }

  /**
   * Replaces the contents by those of {@link snapshot}.
   * @throws InvariantError if the state is not a snapshot of a store with the same kinds; the store is empty or
   * unchanged then
   */
  restore(state: unknown): void {
    const snapshot = this.#checked(state);
    this.#sortedKeys.clear();
    for (const [kind, map] of this.#documents) {
      map.clear();
      for (const [key, document] of snapshot.documents[kind] ?? []) map.set(key, document);
    }
    if (snapshot.facts !== undefined) this.#facts?.restore(snapshot.facts);
  }

  #checked(state: unknown): ViewStoreSnapshot {
    const snapshot = state as Partial<ViewStoreSnapshot> | null | undefined;
    const documents: unknown = snapshot?.documents;
    const valid =
      snapshot?.format === FORMAT &&
      typeof documents === 'object' &&
      documents !== null &&
      Object.keys(documents).toSorted().join() === [...this.#kinds].toSorted().join() &&
      Object.values(documents).every((entries) => Array.isArray(entries)) &&
      (snapshot.facts === undefined) === (this.#facts === undefined);
    if (!valid)
      throw new InvariantError(
        'PLB-9131',
        `the state is not a snapshot of read models of format ${FORMAT} with the kinds ${[...this.#kinds].join(', ')}`,
      );
    return snapshot as ViewStoreSnapshot;
  }

  #map<Kind extends ViewKind>(view: Kind): Map<string, ViewDocuments[Kind]> {
    const map = this.#documents.get(view);
    if (map === undefined)
      throw new InvariantError('PLB-9130', `this store keeps no documents of kind ${view}: add the kind to "kinds"`);
    return map as Map<string, ViewDocuments[Kind]>;
  }

  *#scan<Kind extends ViewKind>(view: Kind, keyPrefix: string): Iterable<readonly [string, ViewDocuments[Kind]]> {
    const map = this.#map(view);
    const keys = this.#keys(view);
    for (let index = lowerBound(keys, keyPrefix); index < keys.length; index += 1) {
      const key = keys[index];
      if (key === undefined || !key.startsWith(keyPrefix)) return;
      const document = map.get(key);
      if (document !== undefined) yield [key, document];
    }
  }

  #keys(view: ViewKind): string[] {
    let keys = this.#sortedKeys.get(view);
    if (keys === undefined) {
      keys = [...this.#map(view).keys()].sort();
      this.#sortedKeys.set(view, keys);
    }
    return keys;
  }

  #put(change: ViewChange): void {
    const map: Map<string, unknown> = this.#map(change.view);
    if (change.document === undefined) {
      if (map.delete(change.key)) this.#sortedKeys.delete(change.view);
      return;
    }
    if (!map.has(change.key)) insertKey(this.#sortedKeys.get(change.view), change.key);
    map.set(change.key, change.document);
  }

  #loadFact(change: ViewChange): void {
    if (change.document === undefined) return;
    if (change.view === 'version') this.#facts?.versionSeen(change.document.application, change.document.version);
    if (change.view !== 'target') return;
    const { application, environment, cluster, inventoryDigest, running } = change.document;
    if (inventoryDigest !== undefined || running !== undefined)
      this.#facts?.targetHolds(application, environment, cluster);
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insertKey(keys: string[] | undefined, key: string): void {
  keys?.splice(lowerBound(keys, key), 0, key);
}
