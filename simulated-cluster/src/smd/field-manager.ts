// SPDX-License-Identifier: Apache-2.0
import { isObj, listAt, type Obj, objAt, withAt } from '../value.js';
import { FieldSet } from './field-set.js';
import { capManagers, decodeManaged, encodeManaged, type Managed, managerKey } from './managers.js';
import { applyOwners, type MergeTypes, updateOwners } from './updater.js';

/** Who writes, in which version, through which subresource, and when. */
export interface Writer {
  readonly types: MergeTypes;
  readonly apiVersion: string;
  readonly manager: string;
  readonly subresource: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  /**
   * What a new object of the kind is before anything is written to it: its structs are there, so nobody owns them as
   * such.
   */
  readonly blank: Obj;
}

const IDENTITY = new FieldSet();
for (const path of [['f:apiVersion'], ['f:kind'], ['f:metadata']]) IDENTITY.insert(path);
for (const name of [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]) {
  IDENTITY.insert(['f:metadata', `f:${name}`]);
}

function withoutManaged(object: Obj): Obj {
  return isObj(object['metadata']) && object['metadata']['managedFields'] !== undefined
    ? withAt(object, ['metadata', 'managedFields'], undefined)
    : object;
}

/**
 * The new object with `managedFields` as they are after a create, a PUT or a patch. `live` is undefined for a create.
 */
export function trackUpdate(live: Obj | undefined, next: Obj, writer: Writer): Obj {
  const managed = startingPoint(live, next, writer.subresource !== '');
  const before = listAt(live, 'metadata', 'managedFields');
  const bare = withoutManaged(next);
  // An object whose owners are unknown stays so until somebody applies to it.
  if (live !== undefined && managed.owners.size === 0) return bare;
  update(withoutManaged(live ?? writer.blank), bare, managed, writer);
  capManagers(managed);
  return encodeManaged(bare, managed, before);
}

function startingPoint(live: Obj | undefined, next: Obj, liveOnly: boolean): Managed {
  const own = objAt(next, 'metadata')['managedFields'];
  if (!liveOnly && Array.isArray(own)) {
    const reset = own.length === 0 || (own.length === 1 && isObj(own[0]) && Object.keys(own[0]).length === 0);
    if (reset) return { owners: new Map(), times: new Map() };
    const decoded = decodeManaged(next);
    if (decoded.owners.size > 0) return decoded;
  }
  return decodeManaged(live ?? {});
}

function update(before: Obj, after: Obj, managed: Managed, writer: Writer, operation: 'Update' = 'Update'): void {
  const self = 'current-operation';
  const owners = updateOwners(before, after, {
    types: writer.types,
    version: writer.apiVersion,
    owners: managed.owners,
    manager: self,
  });
  const own = owners.get(self);
  owners.delete(self);
  managed.owners.clear();
  for (const [key, owned] of owners) managed.owners.set(key, owned);
  const set = own?.set.difference(IDENTITY);
  if (own === undefined || set === undefined || set.empty) return;
  const key = managerKey({
    manager: writer.manager,
    operation,
    apiVersion: writer.apiVersion,
    subresource: writer.subresource,
  });
  const previous = managed.owners.get(key);
  const joined = previous === undefined ? set : set.union(previous.set);
  const unchanged = previous !== undefined && previous.set.equals(joined);
  managed.owners.set(key, unchanged ? previous : { ...own, set: joined });
  // The scale subresource writes its entry without a time: so does the API server.
  if (writer.subresource === 'scale') managed.times.delete(key);
  else managed.times.set(key, writer.now);
}

/**
 * The live object with the applied one merged in. Fields that the caller's last apply set and this one leaves out are
 * gone unless
 * somebody else holds them. The result still has to be decoded, defaulted and validated by the caller.
 * @throws ApplyConflict
 */
export function trackApply(
  live: Obj | undefined,
  applied: Obj,
  writer: Writer & { readonly force: boolean },
): { readonly object: Obj; readonly changed: boolean } {
  const current = live ?? {
    apiVersion: applied['apiVersion'],
    kind: applied['kind'],
    metadata: { name: objAt(applied, 'metadata')['name'] },
  };
  const managed = decodeManaged(current);
  const bare = withoutManaged(current);
  if (live !== undefined && managed.owners.size === 0) {
    update(writer.blank, bare, managed, { ...writer, manager: 'before-first-apply', subresource: writer.subresource });
  }
  const key = managerKey({ manager: writer.manager, operation: 'Apply', subresource: writer.subresource });
  const before = managed.owners.get(key);
  const result = applyOwners(bare, applied, {
    types: writer.types,
    version: writer.apiVersion,
    owners: managed.owners,
    manager: key,
    force: writer.force,
  });
  const own = result.owners.get(key);
  if (own !== undefined) {
    const set = own.set.difference(IDENTITY);
    if (set.empty) result.owners.delete(key);
    else
      result.owners.set(
        key,
        before !== undefined && before.apiVersion === own.apiVersion && before.set.equals(set)
          ? before
          : { ...own, set },
      );
  }
  if (result.object !== undefined) managed.times.set(key, writer.now);
  const object = encodeManaged(
    result.object ?? bare,
    { owners: result.owners, times: managed.times },
    listAt(current, 'metadata', 'managedFields'),
  );
  return { object, changed: result.object !== undefined };
}
