// SPDX-License-Identifier: Apache-2.0
import { ApiFailure, failures } from '../api-failure.js';
import { type MapSchema, memberOf, type Schema } from '../schema/schema.js';
import { equalValues, isList, isObj, type MutableObj, type Obj, textAt, textsAt, type Value } from '../value.js';

/** RFC 7386. */
export function mergePatch(target: Value | undefined, patch: Value): Value {
  if (!isObj(patch)) return patch;
  const out: MutableObj = isObj(target) ? { ...target } : {};
  for (const key in patch) {
    const change = patch[key];
    if (change === undefined) continue;
    if (change === null) delete out[key];
    else out[key] = mergePatch(out[key], change);
  }
  return out;
}

/** The API server says no more than this about a JSON patch that does not fit. */
function unfit(): ApiFailure {
  return new ApiFailure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

/** RFC 6902. */
export function jsonPatch(target: Obj, patch: Value): Value {
  if (!isList(patch)) throw failures.badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  let value: Value = target;
  for (const step of patch) {
    if (!isObj(step)) throw unfit();
    value = patchStep(value, step);
  }
  return value;
}

function patchStep(value: Value, step: Obj): Value {
  const path = pointer(textAt(step, 'path'));
  const given = step['value'];
  switch (textAt(step, 'op')) {
    case 'add':
      return changeAt(value, path, { type: 'add', value: given ?? null });
    case 'replace':
      // A missing key is no obstacle, only a missing parent is.
      if (path.length > 0 && typeof read(value, path.slice(0, -1)) !== 'object') throw unfit();
      return changeAt(value, path, { type: 'set', value: given ?? null });
    case 'remove':
      if (read(value, path) === undefined) throw unfit();
      return changeAt(value, path, { type: 'remove' });
    case 'test':
      if (!equalValues(read(value, path) ?? null, given ?? null)) throw unfit();
      return value;
    case 'copy':
    case 'move': {
      const from = pointer(textAt(step, 'from'));
      const moved = read(value, from);
      if (moved === undefined) throw unfit();
      const base = textAt(step, 'op') === 'move' ? changeAt(value, from, { type: 'remove' }) : value;
      return changeAt(base, path, { type: 'add', value: moved });
    }
    default:
      throw unfit();
  }
}

function pointer(text: string | undefined): readonly string[] {
  if (text === undefined || (text !== '' && !text.startsWith('/'))) throw unfit();
  return text
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(value: Value, path: readonly string[]): Value | undefined {
  let at: Value | undefined = value;
  for (const part of path) {
    if (isList(at)) at = at[Number(part)];
    else if (isObj(at)) at = at[part];
    else return undefined;
  }
  return at;
}

type PointerChange = { readonly type: 'add' | 'set'; readonly value: Value } | { readonly type: 'remove' };

function changeAt(value: Value, path: readonly string[], change: PointerChange): Value {
  const [head, ...rest] = path;
  if (head === undefined) return change.type === 'remove' ? null : change.value;
  if (isList(value)) {
    const index = head === '-' ? value.length : Number(head);
    if (!Number.isInteger(index) || index < 0 || index > value.length) throw unfit();
    const out = [...value];
    if (rest.length > 0) out[index] = changeAt(value[index] ?? null, rest, change);
    else if (change.type === 'remove') out.splice(index, 1);
    else out.splice(index, change.type === 'add' ? 0 : 1, change.value);
    return out;
  }
  if (!isObj(value)) throw unfit();
  const out: MutableObj = { ...value };
  if (rest.length > 0) {
    const member = value[head];
    if (member === undefined) throw unfit();
    out[head] = changeAt(member, rest, change);
  } else if (change.type === 'remove') delete out[head];
  else out[head] = change.value;
  return out;
}

/**
 * Strategic merge patch: maps merge, lists merge by the type's patch key or are replaced; `$patch` and
 * `$deleteFromPrimitiveList` work.
 */
export function strategicMergePatch(schema: MapSchema, target: Obj, patch: Obj): Obj {
  return mergeStrategic(schema, target, patch);
}

function mergeStrategic(schema: Schema, target: Obj, patch: Obj): Obj {
  const directive = patch['$patch'];
  if (directive === 'replace') return strip(patch);
  if (directive === 'delete') return {};
  const out: MutableObj = { ...target };
  const retained = textsAt(patch, '$retainKeys');
  if (retained.length > 0) for (const key of Object.keys(out)) if (!retained.includes(key)) delete out[key];
  for (const key in patch) {
    const change = patch[key];
    if (change === undefined) continue;
    if (key.startsWith('$')) {
      const name = key.slice(key.indexOf('/') + 1);
      if (key.startsWith('$deleteFromPrimitiveList/') && isList(change))
        out[name] = listOf(out[name]).filter((entry) => !change.some((gone) => equalValues(gone, entry)));
      continue;
    }
    if (change === null) delete out[key];
    else out[key] = mergeMember(memberOf(schema, key), out[key], change);
  }
  return out;
}

function mergeMember(type: Schema | undefined, current: Value | undefined, change: Value): Value {
  if (isObj(change))
    return type === undefined || type.is !== 'map'
      ? mergePatch(current, strip(change))
      : mergeStrategic(type, isObj(current) ? current : {}, change);
  if (!isList(change) || type?.is !== 'list' || type.mergeKey === undefined) return change;
  const before = listOf(current);
  if (type.mergeKey === '')
    return [...before, ...change.filter((entry) => !before.some((known) => equalValues(known, entry)))];
  return mergeKeyed(type.item, type.mergeKey, before, change);
}

function mergeKeyed(item: Schema, key: string, before: readonly Value[], change: readonly Value[]): readonly Value[] {
  if (change.some((entry) => isObj(entry) && entry['$patch'] === 'replace'))
    return change.filter((entry) => !(isObj(entry) && entry['$patch'] === 'replace'));
  const keyOf = (entry: Value): string => JSON.stringify(isObj(entry) ? (entry[key] ?? null) : entry);
  const left = new Map(before.map((entry) => [keyOf(entry), entry]));
  const patched: Value[] = [];
  for (const entry of change.filter(isObj)) {
    const known = left.get(keyOf(entry));
    left.delete(keyOf(entry));
    if (entry['$patch'] !== 'delete') patched.push(isObj(known) ? mergeStrategic(item, known, entry) : strip(entry));
  }
  return interleaved([...left.values()], patched, before.map(keyOf), keyOf);
}

/**
 * Items of the server go in front of the first item of the patch that stood behind them; otherwise behind all of it.
 */
function interleaved(
  kept: readonly Value[],
  patched: readonly Value[],
  order: readonly string[],
  keyOf: (entry: Value) => string,
): readonly Value[] {
  const out = [...patched];
  let from = 0;
  for (const entry of kept) {
    const place = order.indexOf(keyOf(entry));
    let at = from;
    while (at < out.length && !(order.indexOf(keyOf(out[at] ?? null)) > place)) at++;
    out.splice(at, 0, entry);
    from = at + 1;
  }
  return out;
}

function listOf(value: Value | undefined): readonly Value[] {
  return isList(value) ? value : [];
}

/** Without directives and nulls, for parts that have nothing to merge with. */
function strip(value: Obj): Obj {
  const out: MutableObj = {};
  for (const key in value) {
    const member = value[key];
    if (key.startsWith('$') || member === null || member === undefined) continue;
    out[key] = isObj(member) ? strip(member) : member;
  }
  return out;
}
