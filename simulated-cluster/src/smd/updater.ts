// SPDX-License-Identifier: Apache-2.0
import type { Schema } from '../schema/schema.js';
import { equalValues, isObj, type Obj, type Value } from '../value.js';
import { compareValues, type Comparison, withoutFields } from './compare.js';
import { FieldSet } from './field-set.js';
import { mergeValues, removePaths } from './merge.js';
import { fieldSetOf } from './typed.js';

/** The fields that one manager holds, in the terms of one API version. */
export interface OwnedSet {
  readonly set: FieldSet;
  readonly apiVersion: string;
  readonly applied: boolean;
}

/** Owned sets by manager identifier (see `managers.ts`). */
export type Owners = Map<string, OwnedSet>;

/** What the merge must know of a resource. */
export interface MergeTypes {
  /** The schema of the object in an API version; undefined once that version is gone. */
  schemaOf(apiVersion: string): Schema | undefined;
  /** Fields that this request cannot change, hence cannot own. */
  readonly hidden?: FieldSet;
}

/** Thrown when an apply without force touches what another manager holds. */
export class ApplyConflict extends Error {
  constructor(readonly conflicts: readonly { readonly manager: string; readonly path: readonly string[] }[]) {
    super('apply conflict');
  }
}

interface Change {
  readonly types: MergeTypes;
  readonly version: string;
  readonly owners: Owners;
  readonly manager: string;
  readonly force: boolean;
}

/** Ownership after a plain write: what it changed now belongs to its manager and to nobody else. */
export function updateOwners(before: Obj, after: Obj, change: Omit<Change, 'force'>): Owners {
  const { owners, comparison } = settle(before, after, { ...change, force: true });
  const held = owners.get(change.manager)?.set ?? new FieldSet();
  let set = held.difference(comparison.removed).union(comparison.modified).union(comparison.added);
  if (change.types.hidden !== undefined) set = set.recursiveDifference(change.types.hidden);
  if (set.empty) owners.delete(change.manager);
  else owners.set(change.manager, { set, apiVersion: change.version, applied: false });
  return owners;
}

/** Result of an apply: the merged object (undefined when the live one is left as it is) and the ownership after it. */
export interface Applied {
  readonly object: Obj | undefined;
  readonly owners: Owners;
}

/**
 * Server-side apply: merges the applied fields over the live object, drops what only this manager held and no longer
 * applies.
 * @throws ApplyConflict without `force` when a changed field belongs to somebody else.
 */
export function applyOwners(live: Obj, applied: Obj, change: Change): Applied {
  const { types, version, manager } = change;
  const schema = types.schemaOf(version);
  if (schema === undefined) throw new Error(`no schema for ${version}`);
  const owners = new Map(change.owners);
  let merged = asObject(mergeValues(schema, live, applied) ?? {});
  const last = owners.get(manager);
  let set = fieldSetOf(schema, applied);
  if (types.hidden !== undefined) set = set.recursiveDifference(types.hidden);
  owners.set(manager, { set, apiVersion: version, applied: true });
  merged = prune(merged, last, { ...change, owners });
  const settled = settle(live, merged, { ...change, owners });
  return { object: equalValues(live, merged) ? undefined : merged, owners: settled.owners };
}

function settle(before: Obj, after: Obj, change: Change): { readonly owners: Owners; readonly comparison: Comparison } {
  const { types, version, manager, force } = change;
  const schema = types.schemaOf(version);
  if (schema === undefined) throw new Error(`no schema for ${version}`);
  const comparisons = new Map<string, Comparison>();
  const comparisonIn = (apiVersion: string): Comparison | undefined => {
    const known = comparisons.get(apiVersion);
    if (known !== undefined) return known;
    const type = types.schemaOf(apiVersion);
    if (type === undefined) return undefined;
    const made = withoutFields(compareValues(type, before, after), types.hidden);
    comparisons.set(apiVersion, made);
    return made;
  };
  const comparison = comparisonIn(version) ?? {
    added: new FieldSet(),
    modified: new FieldSet(),
    removed: new FieldSet(),
  };
  const owners: Owners = new Map();
  const conflicts: { manager: string; path: readonly string[] }[] = [];
  for (const [name, owned] of change.owners) {
    if (name === manager) {
      owners.set(name, owned);
      continue;
    }
    const seen = comparisonIn(owned.apiVersion);
    // A version that is no longer served takes its owners with it.
    if (seen === undefined) continue;
    let set = owned.set;
    const touched =
      seen.modified.empty && seen.added.empty ? undefined : set.intersection(seen.modified.union(seen.added));
    if (touched !== undefined && !touched.empty) {
      for (const path of touched.paths()) conflicts.push({ manager: name, path });
      set = set.difference(touched);
    }
    set = set.difference(seen.removed);
    if (!set.empty) owners.set(name, set === owned.set ? owned : { ...owned, set });
  }
  if (!force && conflicts.length > 0) throw new ApplyConflict(conflicts);
  const own = owners.get(manager);
  if (own?.set.empty === true) owners.delete(manager);
  return { owners, comparison };
}

function prune(merged: Obj, last: OwnedSet | undefined, change: Change): Obj {
  if (last === undefined || last.set.empty) return merged;
  const own = change.owners.get(change.manager);
  // The common case: everything applied last time is applied again, so nothing can be dropped.
  if (own !== undefined && own.apiVersion === last.apiVersion && last.set.difference(own.set).empty) return merged;
  const schema = change.types.schemaOf(last.apiVersion);
  if (schema === undefined) return merged;
  const lastNamed = last.set.withNamedFields(schema);
  let pruned = asObject(removePaths(schema, merged, lastNamed));
  const managed = new Map<string, FieldSet>();
  for (const owned of change.owners.values())
    managed.set(owned.apiVersion, (managed.get(owned.apiVersion) ?? new FieldSet()).union(owned.set));
  const versions = [last.apiVersion, ...[...managed.keys()].filter((version) => version !== last.apiVersion)];
  for (const version of versions) {
    const type = change.types.schemaOf(version);
    const held = managed.get(version);
    if (type === undefined || held === undefined) continue;
    const keep = fieldSetOf(type, pruned).withNamedFields(type).union(held.withNamedFields(type));
    pruned = asObject(removePaths(type, merged, fieldSetOf(type, merged).withNamedFields(type).difference(keep)));
  }
  const prunedSet = fieldSetOf(schema, pruned).withNamedFields(schema);
  const mergedSet = fieldSetOf(schema, merged).withNamedFields(schema);
  return asObject(removePaths(schema, merged, mergedSet.difference(prunedSet).intersection(lastNamed)));
}

function asObject(value: Value): Obj {
  return isObj(value) ? value : {};
}
