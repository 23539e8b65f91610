// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from '@plumbline/core';
import type { Declared } from './declared.js';

/** Dotted paths of what differs between two declarations; items of lists by their name where they have one. */
export function changedFields(before: Declared, after: Declared): readonly string[] {
  const paths: string[] = [];
  walk('labels', before.labels, after.labels, paths);
  walk('spec', before.spec, after.spec, paths);
  return paths.sort();
}

function walk(path: string, before: unknown, after: unknown, paths: string[]): void {
  const [left, right] = [entriesOf(before), entriesOf(after)];
  if (left === undefined || right === undefined) {
    if (textOf(before) !== textOf(after)) paths.push(path);
    return;
  }
  for (const key of new Set([...left.keys(), ...right.keys()]))
    walk(`${path}.${key}`, left.get(key), right.get(key), paths);
  // A list of named things in another order is another list.
  if (
    Array.isArray(before) &&
    Array.isArray(after) &&
    left.size === right.size &&
    [...left.keys()].join('\n') !== [...right.keys()].join('\n') &&
    [...left.keys()].every((key) => right.has(key))
  ) {
    paths.push(path);
  }
}

/** Parts of a container by name; undefined for what is compared as a whole. */
function entriesOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value).filter(([, part]) => part !== undefined));
  const named = new Map<string, unknown>();
  for (const item of value as readonly unknown[]) {
    const name = typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined;
    if (typeof name !== 'string' || named.has(name)) return undefined;
    named.set(name, item);
  }
  return value.length === 0 ? undefined : named;
}

/** Equal values have equal texts: the order of keys says nothing. */
function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}
