// SPDX-License-Identifier: Apache-2.0
import type { Schema } from '../schema/schema.js';
import { isObj, type Obj, objAt, textAt, type Value, withAt } from '../value.js';
import { compareValues } from './compare.js';
import { fieldSetOf, typeProblems } from './typed.js';
import { ApplyConflict } from './updater.js';

/** Where `kubectl apply` without server-side apply keeps what it applied last. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * What is left of a conflict when `kubectl` itself moves from client-side to server-side apply: fields that its
 * annotation still
 * describes truthfully are its own already. Undefined when nothing is left, so that the apply may go on by force.
 */
export function conflictLeft(conflict: ApplyConflict, live: Obj, schema: Schema): ApplyConflict | undefined {
  const text = textAt(live, 'metadata', 'annotations', LAST_APPLIED) ?? '';
  if (text === '') return conflict;
  let last: Value;
  try {
    last = JSON.parse(text);
  } catch {
    return conflict;
  }
  if (!isObj(last) || last['apiVersion'] !== live['apiVersion'] || typeProblems(schema, last).length > 0)
    return conflict;
  const comparison = compareValues(schema, last, live);
  const own = fieldSetOf(schema, last)
    .difference(comparison.modified)
    .difference(comparison.added)
    .difference(comparison.removed);
  const left = conflict.conflicts.filter(({ path }) => !own.has(path));
  return left.length === 0 ? undefined : new ApplyConflict(left);
}

/** The object with the annotation brought up to what was applied, if it has the annotation at all. */
export function withLastApplied(object: Obj, applied: Obj): Obj {
  if ((textAt(object, 'metadata', 'annotations', LAST_APPLIED) ?? '') === '') return object;
  const bare = withAt(applied, ['metadata', 'annotations', LAST_APPLIED], undefined);
  const kept =
    Object.keys(objAt(bare, 'metadata', 'annotations')).length > 0
      ? bare
      : withAt(bare, ['metadata', 'annotations'], undefined);
  return withAt(object, ['metadata', 'annotations', LAST_APPLIED], `${JSON.stringify(sorted(kept))}\n`);
}

function sorted(value: Value): Value {
  if (Array.isArray(value)) return value.map((entry: Value) => sorted(entry));
  if (!isObj(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, member === undefined ? undefined : sorted(member)]),
  );
}
