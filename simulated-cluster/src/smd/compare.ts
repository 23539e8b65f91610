// SPDX-License-Identifier: Apache-2.0
import { type ListSchema, memberOf, type Schema } from '../schema/schema.js';
import { equalValues, isEmptyValue, isList, isObj, type Value } from '../value.js';
import { FieldSet } from './field-set.js';
import { type Atom, atomOf, itemElement } from './typed.js';

/** What changed between two values, as paths. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Compares two values of one type. Parts that both share cost nothing. */
export function compareValues(schema: Schema, left: Value, right: Value): Comparison {
  const walk = new CompareWalk();
  walk.compare(schema, left, right);
  return walk;
}

/** The comparison without what a filter hides (fields that the request cannot change). */
export function withoutFields(comparison: Comparison, hidden: FieldSet | undefined): Comparison {
  if (hidden === undefined) return comparison;
  return {
    added: comparison.added.recursiveDifference(hidden),
    modified: comparison.modified.recursiveDifference(hidden),
    removed: comparison.removed.recursiveDifference(hidden),
  };
}

class CompareWalk implements Comparison {
  readonly added = new FieldSet();
  readonly modified = new FieldSet();
  readonly removed = new FieldSet();
  readonly #path: string[] = [];

  compare(schema: Schema, left: Value | undefined, right: Value | undefined): void {
    if (left === right) return;
    const leftAtom = atomOf(schema, left);
    const rightAtom = atomOf(schema, right);
    let leaf: boolean;
    if (right === undefined) leaf = this.#handle(leftAtom, left, right);
    else if (left === undefined || leftAtom.is === rightAtom.is) leaf = this.#handle(rightAtom, left, right);
    else {
      this.#handle(leftAtom, left, right);
      leaf = this.#handle(rightAtom, left, right);
    }
    if (leaf) return;
    if (left === undefined) this.added.insert(this.#path);
    else if (right === undefined) this.removed.insert(this.#path);
  }

  /** Returns whether the value was taken as one leaf. */
  #handle(atom: Atom, left: Value | undefined, right: Value | undefined): boolean {
    if (atom.is === 'scalar') return this.#leaf(left, right);
    if (atom.is === 'list') {
      const l = isList(left) ? left : [];
      const r = isList(right) ? right : [];
      if (atom.list.shape === 'atomic' || (l.length === 0 && r.length === 0)) return this.#leaf(left, right);
      this.#lists(atom.list, l, r);
      return false;
    }
    const l = isObj(left) ? left : {};
    const r = isObj(right) ? right : {};
    if (atom.atomic || (isEmptyValue(l) && isEmptyValue(r))) return this.#leaf(left, right);
    for (const key in l) this.#member(atom.map, key, l[key], r[key]);
    for (const key in r) if (l[key] === undefined) this.#member(atom.map, key, undefined, r[key]);
    return false;
  }

  #leaf(left: Value | undefined, right: Value | undefined): true {
    if (left === undefined) this.added.insert(this.#path);
    else if (right === undefined) this.removed.insert(this.#path);
    else if (!equalValues(left, right)) this.modified.insert(this.#path);
    return true;
  }

  #member(schema: Schema, key: string, left: Value | undefined, right: Value | undefined): void {
    if (left === right) return;
    const type = memberOf(schema, key);
    if (type !== undefined) this.#at(`f:${key}`, type, left, right);
  }

  #at(element: string, schema: Schema, left: Value | undefined, right: Value | undefined): void {
    this.#path.push(element);
    this.compare(schema, left, right);
    this.#path.pop();
  }

  #lists(list: ListSchema, left: readonly Value[], right: readonly Value[]): void {
    const lefts = grouped(list, left);
    const rights = grouped(list, right);
    for (const element of new Set([...lefts.keys(), ...rights.keys()])) {
      const l = lefts.get(element) ?? [];
      const r = rights.get(element) ?? [];
      if (l.length <= 1 && r.length <= 1) this.#at(element, list.item, l[0], r[0]);
      else if (l.length >= 2 && r.length >= 2) {
        if (!equalValues(l, r)) this.modified.insert([...this.#path, element]);
      } else if (l.length >= 2) {
        if (r[0] !== undefined) this.#at(element, list.item, undefined, r[0]);
        this.removed.insert([...this.#path, element]);
      } else {
        if (l[0] !== undefined) this.#at(element, list.item, l[0], undefined);
        this.added.insert([...this.#path, element]);
      }
    }
  }
}

function grouped(list: ListSchema, items: readonly Value[]): Map<string, Value[]> {
  const out = new Map<string, Value[]>();
  for (const item of items) {
    const element = itemElement(list, item);
    if (typeof element !== 'string') continue;
    const known = out.get(element);
    if (known === undefined) out.set(element, [item]);
    else known.push(item);
  }
  return out;
}
