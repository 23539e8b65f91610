// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import { type ViewChange, type ViewDocuments, type ViewKind, ViewKind as kinds, type ViewReader } from './documents.js';
import { evolveViews } from './evolve.js';

/** All views in memory, folded from the log. */
export class ViewStore implements ViewReader {
  readonly #maps = new Map<ViewKind, Map<string, unknown>>(kinds.map((kind) => [kind, new Map()]));
  readonly #sortedKeys = new Map<ViewKind, string[]>();

  /** Folds one event; returns what changed. */
  apply(event: RecordedEvent): readonly ViewChange[] {
    const changes = evolveViews(this, event);
    for (const change of changes) this.#put(change);
    return changes;
  }

  /** Puts documents in place as they are: how a store is filled from where its documents were kept. */
  load(changes: Iterable<ViewChange>): void {
    for (const change of changes) this.#put(change);
  }

  get<Kind extends ViewKind>(view: Kind, key: string): ViewDocuments[Kind] | undefined {
    return this.#map(view).get(key);
  }

  /** Every document of a kind, in no order. */
  all<Kind extends ViewKind>(view: Kind): Iterable<ViewDocuments[Kind]> {
    return this.#map(view).values();
  }

  *scan<Kind extends ViewKind>(view: Kind, keyPrefix: string): Iterable<readonly [string, ViewDocuments[Kind]]> {
    const map = this.#map(view);
    const keys = this.#keys(view);
    for (let index = lowerBound(keys, keyPrefix); index < keys.length; index += 1) {
      const key = keys[index];
      if (key === undefined || !key.startsWith(keyPrefix)) return;
      const document = map.get(key);
      if (document !== undefined) yield [key, document];
    }
  }

  #map<Kind extends ViewKind>(view: Kind): Map<string, ViewDocuments[Kind]> {
    return this.#maps.get(view) as Map<string, ViewDocuments[Kind]>;
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
