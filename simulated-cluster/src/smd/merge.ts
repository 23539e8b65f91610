// SPDX-License-Identifier: Apache-2.0
import { type ListSchema, memberOf, type Schema } from '../schema/schema.js';
import { isList, isObj, type MutableObj, type Obj, type Value } from '../value.js';
import type { FieldSet } from './field-set.js';
import { type Atom, atomOf, itemElement } from './typed.js';

/** The right side laid over the left one: fields merge, keyed lists merge by key, everything atomic is replaced. */
export function mergeValues(schema: Schema, left: Value | undefined, right: Value | undefined): Value | undefined {
  if (right === undefined) return left;
  if (left === undefined) {
    const atom = atomOf(schema, right);
    // Nothing to merge with: the value itself, except that a map or keyed list of nothing but nothing disappears
    // level by level.
    return atom.is === 'scalar' ? right : mergeAtom(atom, undefined, right);
  }
  // Null has no shape of its own.
  return mergeAtom(atomOf(schema, right === null ? left : right), left, right);
}

function mergeAtom(atom: Atom, left: Value | undefined, right: Value): Value | undefined {
  if (atom.is === 'scalar') return right;
  if (atom.is === 'list') {
    const l = isList(left) ? left : [];
    const r = isList(right) ? right : [];
    if (atom.list.shape === 'atomic' || (l.length === 0 && r.length === 0)) return right;
    return mergeLists(atom.list, l, r);
  }
  const l = isObj(left) ? left : {};
  const r = isObj(right) ? right : {};
  if (atom.atomic || (isEmptyObj(l) && isEmptyObj(r))) return right;
  const out: MutableObj = {};
  let changed = false;
  for (const key in l) {
    const merged = mergeMember(atom.map, key, l[key], r[key]);
    if (merged !== l[key]) changed = true;
    if (merged !== undefined) out[key] = merged;
  }
  for (const key in r) {
    if (l[key] !== undefined || r[key] === undefined) continue;
    const merged = mergeMember(atom.map, key, undefined, r[key]);
    if (merged === undefined) continue;
    out[key] = merged;
    changed = true;
  }
  if (!changed && isObj(left)) return left;
  return isEmptyObj(out) ? undefined : out;
}

function mergeMember(
  schema: Schema,
  key: string,
  left: Value | undefined,
  right: Value | undefined,
): Value | undefined {
  return mergeValues(memberOf(schema, key) ?? { is: 'any', atomic: false }, left, right);
}

function isEmptyObj(value: Obj): boolean {
  for (const key in value) if (value[key] !== undefined) return false;
  return true;
}

/** Keeps the right side's order for items that both have, and the left side's own items where they stood. */
function mergeLists(list: ListSchema, left: readonly Value[], right: readonly Value[]): Value | undefined {
  const leftKeys = left.map((item) => elementOf(list, item));
  const rightKeys = right.map((item) => elementOf(list, item));
  const leftItems = new Map<string, Value | undefined>();
  for (const [index, key] of leftKeys.entries()) leftItems.set(key, leftItems.has(key) ? undefined : left[index]);
  const rightItems = new Map<string, Value | undefined>();
  for (const [index, key] of rightKeys.entries()) rightItems.set(key, right[index]);
  const shared = rightKeys.filter((key) => leftItems.has(key));
  let nextShared = shared.shift();
  const merged = new Set<string>();
  const out: Value[] = [];
  const push = (value: Value | undefined): void => {
    if (value !== undefined) out.push(value);
  };
  for (let l = 0, r = 0; l < left.length || r < right.length;) {
    const leftKey = leftKeys[l];
    const rightKey = rightKeys[r];
    if (leftKey !== undefined && rightKey !== undefined) {
      if (leftKey === rightKey) {
        merged.add(leftKey);
        push(mergeValues(list.item, leftItems.get(leftKey), rightItems.get(leftKey)));
        l++;
        r++;
        nextShared = shared.shift();
        continue;
      }
      if (rightItems.has(leftKey) && nextShared !== undefined && nextShared !== leftKey) {
        l++;
        continue;
      }
    }
    if (leftKey !== undefined) {
      if (!rightItems.has(leftKey)) {
        push(left[l]);
        l++;
        continue;
      }
      if (merged.has(leftKey)) l++;
    }
    if (rightKey !== undefined) {
      merged.add(rightKey);
      push(mergeValues(list.item, leftItems.get(rightKey), rightItems.get(rightKey)));
      r++;
      if (nextShared === rightKey) nextShared = shared.shift();
    }
  }
  if (out.length === left.length && out.every((item, index) => item === left[index])) return left;
  return out.length > 0 ? out : undefined;
}

function elementOf(list: ListSchema, item: Value): string {
  const element = itemElement(list, item);
  // Both sides have been checked; an item without keys can only be a live one, and is then its own identity.
  return typeof element === 'string' ? element : `?${JSON.stringify(item)}`;
}

/** The value without the given paths; a map or list that loses everything becomes null, which decoding drops. */
export function removePaths(schema: Schema, value: Value, paths: FieldSet): Value {
  if (paths.empty) return value;
  const atom = atomOf(schema, value);
  if (atom.is === 'scalar') return value;
  if (atom.is === 'list') {
    if (!isList(value) || value.length === 0 || atom.list.shape === 'atomic') return null;
    const out: Value[] = [];
    for (const item of value) {
      const element = elementOf(atom.list, item);
      if (paths.members.has(element)) continue;
      const below = paths.children.get(element);
      out.push(below === undefined ? item : removePaths(atom.list.item, item, below));
    }
    return out.length > 0 ? out : null;
  }
  if (!isObj(value) || isEmptyObj(value) || atom.atomic) return null;
  const out: MutableObj = {};
  for (const key in value) {
    const member = value[key];
    const element = `f:${key}`;
    if (member === undefined || paths.members.has(element)) continue;
    const below = paths.children.get(element);
    const type = memberOf(atom.map, key);
    out[key] = below === undefined || type === undefined ? member : removePaths(type, member, below);
  }
  return isEmptyObj(out) ? null : out;
}
