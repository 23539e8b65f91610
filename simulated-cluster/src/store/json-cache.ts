// SPDX-License-Identifier: Apache-2.0
import type { Obj } from '../value.js';

const texts = new WeakMap<Obj, string>();

/** The JSON text of a stored object: made once, since stored objects never change. */
export function jsonOf(object: Obj): string {
  let text = texts.get(object);
  if (text === undefined) texts.set(object, (text = JSON.stringify(object)));
  return text;
}

/**
 * The text without `kind` and `apiVersion`, as items of a built-in list are written. Both MUST be the first two
 * members.
 */
export function itemJsonOf(object: Obj): string {
  const text = jsonOf(object);
  const { kind: _, apiVersion: __, ...rest } = object;
  const prefix = `{"kind":${JSON.stringify(object['kind'])},"apiVersion":${JSON.stringify(object['apiVersion'])},`;
  return text.startsWith(prefix) ? `{${text.slice(prefix.length)}` : JSON.stringify(rest);
}
