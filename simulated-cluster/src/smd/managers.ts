// SPDX-License-Identifier: Apache-2.0
import { equalValues, isObj, listAt, type MutableObj, type Obj, objAt, textAt, type Value, withAt } from '../value.js';
import { FieldSet } from './field-set.js';
import type { OwnedSet, Owners } from './updater.js';

/**
 * Identity of an entry of `managedFields`: an Apply entry has one for all API versions, an Update entry one for each.
 */
export interface ManagerId {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion?: string;
  readonly subresource?: string;
}

/** `managedFields` decoded: who holds what, since when. */
export interface Managed {
  readonly owners: Owners;
  readonly times: Map<string, string>;
}

/** The identifier of a manager as one text. */
export function managerKey(id: ManagerId): string {
  return JSON.stringify({
    manager: id.manager,
    operation: id.operation,
    ...(id.operation === 'Update' ? { apiVersion: id.apiVersion ?? '' } : {}),
    ...(id.subresource === undefined || id.subresource === '' ? {} : { subresource: id.subresource }),
  });
}

/** The identifier back from its text. */
export function managerOf(key: string): ManagerId {
  const id: ManagerId = JSON.parse(key);
  return id;
}

/** The manager as conflict messages name it. */
export function managerText(key: string): string {
  const id = managerOf(key);
  let text = JSON.stringify(id.manager);
  if (id.subresource !== undefined) text += ` with subresource ${JSON.stringify(id.subresource)}`;
  return id.operation === 'Update' ? `${text} using ${id.apiVersion ?? ''}` : text;
}

// Entries of stored objects never change, so each is decoded once.
const decoded = new WeakMap<Obj, { readonly key: string; readonly owned: OwnedSet }>();
const encoded = new WeakMap<FieldSet, Obj>();

/** Reads `managedFields`; entries that make no sense make the whole list count as empty, as on the real server. */
export function decodeManaged(object: Obj): Managed {
  const owners: Owners = new Map();
  const times = new Map<string, string>();
  for (const entry of listAt(object, 'metadata', 'managedFields')) {
    const read = isObj(entry) ? decodeEntry(entry) : undefined;
    if (read === undefined || !isObj(entry)) return { owners: new Map(), times: new Map() };
    owners.set(read.key, read.owned);
    const time = textAt(entry, 'time');
    if (time !== undefined) times.set(read.key, time);
  }
  return { owners, times };
}

function decodeEntry(entry: Obj): { readonly key: string; readonly owned: OwnedSet } | undefined {
  const known = decoded.get(entry);
  if (known !== undefined) return known;
  const operation = textAt(entry, 'operation');
  const apiVersion = textAt(entry, 'apiVersion') ?? '';
  if (
    (operation !== 'Apply' && operation !== 'Update') ||
    apiVersion === '' ||
    textAt(entry, 'fieldsType') !== 'FieldsV1'
  )
    return undefined;
  const subresource = textAt(entry, 'subresource');
  const key = managerKey({
    manager: textAt(entry, 'manager') ?? '',
    operation,
    apiVersion,
    ...(subresource === undefined ? {} : { subresource }),
  });
  const fields = objAt(entry, 'fieldsV1');
  const set = FieldSet.fromFieldsV1(fields);
  if (set === undefined) return undefined;
  encoded.set(set, fields);
  const read = { key, owned: { set, apiVersion, applied: operation === 'Apply' } };
  decoded.set(entry, read);
  return read;
}

/** Writes `managedFields` into an object; entries that are as before are kept as they are. */
export function encodeManaged(object: Obj, managed: Managed, before: readonly Value[]): Obj {
  if (managed.owners.size === 0) return withAt(object, ['metadata', 'managedFields'], undefined);
  const entries: Obj[] = [];
  for (const [key, owned] of managed.owners) {
    const id = managerOf(key);
    let fields = encoded.get(owned.set);
    if (fields === undefined) encoded.set(owned.set, (fields = owned.set.toFieldsV1()));
    const time = managed.times.get(key);
    const entry: MutableObj = { manager: id.manager, operation: id.operation, apiVersion: owned.apiVersion };
    if (time !== undefined) entry['time'] = time;
    entry['fieldsType'] = 'FieldsV1';
    entry['fieldsV1'] = fields;
    if (id.subresource !== undefined) entry['subresource'] = id.subresource;
    const same = before.find((candidate): candidate is Obj => isObj(candidate) && equalValues(candidate, entry));
    entries.push(same ?? entry);
  }
  entries.sort(compareEntries);
  return { ...object, metadata: { ...objAt(object, 'metadata'), managedFields: entries } };
}

function compareEntries(left: Obj, right: Obj): number {
  for (const field of ['operation', 'time', 'manager', 'apiVersion', 'subresource']) {
    const a = textAt(left, field) ?? '';
    const b = textAt(right, field) ?? '';
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}

const MAX_UPDATE_MANAGERS = 10;

/** Folds the oldest Update entries into one named `ancient-changes` when there are more than ten. */
export function capManagers(managed: Managed): void {
  const { owners, times } = managed;
  const updaters = [...owners.keys()].filter((key) => owners.get(key)?.applied === false);
  if (updaters.length <= MAX_UPDATE_MANAGERS) return;
  updaters.sort((a, b) => {
    const [left, right] = [`${times.get(a) ?? ''} ${a}`, `${times.get(b) ?? ''} ${b}`];
    return left < right ? -1 : left > right ? 1 : 0;
  });
  let count = updaters.length;
  const firstOf = new Map<string, string>();
  for (const key of updaters) {
    if (count <= MAX_UPDATE_MANAGERS) return;
    const owned = owners.get(key);
    if (owned === undefined) continue;
    const bucket = managerKey({ manager: 'ancient-changes', operation: 'Update', apiVersion: owned.apiVersion });
    const first = firstOf.get(owned.apiVersion);
    if (first === undefined) {
      firstOf.set(owned.apiVersion, key);
      continue;
    }
    if (!owners.has(bucket)) {
      const moved = owners.get(first);
      owners.delete(first);
      if (moved !== undefined) owners.set(bucket, moved);
    }
    owners.set(bucket, { ...owned, set: owned.set.union(owners.get(bucket)?.set ?? new FieldSet()) });
    owners.delete(key);
    count--;
    const time = times.get(key);
    if (time !== undefined) times.set(bucket, time);
  }
}
