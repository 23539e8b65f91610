// SPDX-License-Identifier: Apache-2.0
import type { Json } from '@plumbline/core';
import { isJsonMap, isSecret, type ManifestObject } from './identity.js';
import { LAST_APPLIED } from './scrub.js';

/** Replaces every secret value; its length is constant. */
export const MASK = '•••';

/** One field that differs. `from` and `to` are absent for values of Secrets. */
export interface FieldChange {
  /** In the notation of kubectl: `spec.template.spec.containers[name=app].image`. Empty for the whole object. */
  readonly path: string;
  readonly op: 'add' | 'remove' | 'change';
  readonly from?: Json;
  readonly to?: Json;
}

function maskMap(value: Json | undefined): Json | undefined {
  if (value === undefined || value === null) return value;
  // A Secret whose data is not a mapping is invalid, and is masked too.
  return isJsonMap(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, MASK])) : MASK;
}

/**
 * Returns the object with every secret value masked: `data` and `stringData` of Secrets (sealed or clear) and
 * last-applied of any object.
 */
export function maskObject(object: ManifestObject): ManifestObject {
  const annotations = object.metadata?.annotations;
  const masked: Record<string, Json | undefined> = { ...object };
  if (isJsonMap(annotations) && LAST_APPLIED in annotations) {
    masked['metadata'] = { ...object.metadata, annotations: { ...annotations, [LAST_APPLIED]: MASK } };
  }
  if (isSecret(object)) {
    for (const field of Object.keys(masked)) {
      if (!['apiVersion', 'kind', 'metadata', 'type', 'immutable'].includes(field))
        masked[field] = maskMap(masked[field]);
    }
  }
  return masked as ManifestObject;
}

function segment(key: string): string {
  return /^[A-Za-z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function namesOf(items: readonly Json[]): ReadonlyMap<string, Json> | undefined {
  const named = new Map<string, Json>();
  for (const item of items) {
    const name = isJsonMap(item) ? item['name'] : undefined;
    if (typeof name !== 'string' || named.has(name)) return undefined;
    named.set(name, item);
  }
  return named;
}

function* children(
  from: Json | undefined,
  to: Json | undefined,
): Generator<[string, Json | undefined, Json | undefined]> {
  if (Array.isArray(from) && Array.isArray(to)) {
    const [named, namedTo] = [namesOf(from as readonly Json[]), namesOf(to as readonly Json[])];
    if (named !== undefined && namedTo !== undefined) {
      for (const name of new Set([...named.keys(), ...namedTo.keys()]))
        yield [`[name=${name}]`, named.get(name), namedTo.get(name)];
      return;
    }
    for (let index = 0; index < Math.max(from.length, to.length); index += 1)
      yield [`[${index}]`, (from as readonly Json[])[index], (to as readonly Json[])[index]];
    return;
  }
  if (!isJsonMap(from) || !isJsonMap(to)) return;
  for (const key of [...new Set([...Object.keys(from), ...Object.keys(to)])].sort())
    yield [segment(key), from[key], to[key]];
}

function isContainer(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null;
}

function* walk(path: string, from: Json | undefined, to: Json | undefined): Generator<FieldChange> {
  if (from === to) return;
  if (from === undefined) yield { path, op: 'add', ...(to === undefined ? {} : { to }) };
  else if (to === undefined) yield { path, op: 'remove', from };
  else if (isContainer(from) && isContainer(to) && Array.isArray(from) === Array.isArray(to)) {
    for (const [step, left, right] of children(from, to)) yield* walk(path + step, left, right);
  } else yield { path, op: 'change', from, to };
}

const SECRET_PATH = /^\.(?:apiVersion|kind|metadata|type|immutable)(?:[.[]|$)/;

function* maskedSecretChanges(
  from: ManifestObject | undefined,
  to: ManifestObject | undefined,
): Generator<FieldChange> {
  for (const change of walk('', from, to)) {
    if (SECRET_PATH.test(change.path)) yield change;
    // When all of data was added or removed, each key is listed.
    else if (isJsonMap(change.from) || isJsonMap(change.to)) {
      const keys = new Set([
        ...(isJsonMap(change.from) ? Object.keys(change.from) : []),
        ...(isJsonMap(change.to) ? Object.keys(change.to) : []),
      ]);
      for (const key of keys) yield { path: change.path + segment(key), op: change.op };
    } else yield { path: change.path, op: change.op };
  }
}

function isLastApplied(path: string): boolean {
  return path.includes(`[${JSON.stringify(LAST_APPLIED)}]`);
}

/**
 * Returns the changed fields between two objects; an absent side gives one masked change with an empty path. It
 * contains no values of Secrets,
 * and equal secret values (sealed with one key, or both in clear) are not a change.
 */
export function diffObjects(from: ManifestObject | undefined, to: ManifestObject | undefined): FieldChange[] {
  if (from === undefined && to === undefined) return [];
  if (from === undefined) return to === undefined ? [] : [{ path: '', op: 'add', to: maskObject(to) }];
  if (to === undefined) return [{ path: '', op: 'remove', from: maskObject(from) }];
  const changes = isSecret(from) || isSecret(to) ? maskedSecretChanges(from, to) : walk('', from, to);
  const result: FieldChange[] = [];
  for (const change of changes) {
    const path = change.path.replace(/^\./, '');
    if (isLastApplied(path)) result.push({ path, op: change.op });
    else if (change.path === '.metadata.annotations' || change.path === '.metadata')
      result.push({ path, op: change.op });
    else result.push({ ...change, path });
  }
  return result;
}
