// SPDX-License-Identifier: Apache-2.0

/** Any JSON value, read-only: what the store holds is never changed in place. */
export type Value = string | number | boolean | null | readonly Value[] | Obj;

/** A JSON object, read-only. */
export interface Obj {
  readonly [key: string]: Value | undefined;
}

/** A JSON object under construction. */
export type MutableObj = Record<string, Value | undefined>;

/** Whether a value is a JSON object. */
export function isObj(value: Value | undefined): value is Obj {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is a JSON array. */
export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

/** The text at a path, or undefined. */
export function textAt(value: Value | undefined, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

/** The number at a path, or undefined. */
export function numberAt(value: Value | undefined, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

/** The object at a path; an empty one if there is none. */
export function objAt(value: Value | undefined, ...path: readonly string[]): Obj {
  const found = valueAt(value, ...path);
  return isObj(found) ? found : EMPTY;
}

/** The list at a path; an empty one if there is none. */
export function listAt(value: Value | undefined, ...path: readonly string[]): readonly Value[] {
  const found = valueAt(value, ...path);
  return isList(found) ? found : NONE;
}

/** The texts of the list at a path. */
export function textsAt(value: Value | undefined, ...path: readonly string[]): readonly string[] {
  return listAt(value, ...path).filter((entry): entry is string => typeof entry === 'string');
}

/** Whatever is at a path. */
export function valueAt(value: Value | undefined, ...path: readonly string[]): Value | undefined {
  let at = value;
  for (const key of path) {
    if (!isObj(at)) return undefined;
    at = at[key];
  }
  return at;
}

/** A copy with the value at a path replaced (or removed, if undefined); everything beside the path is shared. */
export function withAt(object: Obj, path: readonly string[], value: Value | undefined): Obj {
  const [head, ...rest] = path;
  if (head === undefined) return object;
  const child = object[head];
  const next = rest.length === 0 ? value : withAt(isObj(child) ? child : EMPTY, rest, value);
  if (next !== undefined) return { ...object, [head]: next };
  const { [head]: _, ...others } = object;
  return others;
}

/** Deep equality; an undefined member counts as absent, and shared parts cost nothing. */
export function equalValues(left: Value | undefined, right: Value | undefined): boolean {
  if (left === right) return true;
  if (isList(left))
    return (
      isList(right) && left.length === right.length && left.every((entry, index) => equalValues(entry, right[index]))
    );
  if (!isObj(left) || !isObj(right)) return false;
  for (const key in left) if (!equalValues(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}

/** Whether a value is absent, null, or an empty text, list, object, zero or false: what Go's `omitempty` leaves out. */
export function isEmptyValue(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (isList(value)) return value.length === 0;
  if (!isObj(value)) return false;
  for (const key in value) if (value[key] !== undefined) return false;
  return true;
}

const EMPTY: Obj = Object.freeze({});
const NONE: readonly Value[] = Object.freeze([]);
