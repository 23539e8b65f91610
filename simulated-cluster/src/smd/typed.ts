// SPDX-License-Identifier: Apache-2.0
import { type ListSchema, type MapSchema, memberOf, type Schema } from '../schema/schema.js';
import { isList, isObj, type MutableObj, type Value } from '../value.js';
import { elementText, FieldSet } from './field-set.js';

/** What a schema is for one value: `any` follows the value's own shape. */
export type Atom =
  | { readonly is: 'scalar' }
  | { readonly is: 'list'; readonly list: ListSchema }
  | { readonly is: 'map'; readonly map: Schema; readonly atomic: boolean };

const SCALAR: Atom = { is: 'scalar' };
const ANY_LIST: ListSchema = { is: 'list', item: { is: 'any', atomic: false }, shape: 'atomic', keys: [] };

export function atomOf(schema: Schema, value: Value | undefined): Atom {
  if (schema.is === 'scalar') return SCALAR;
  if (schema.is === 'list') return { is: 'list', list: schema };
  if (schema.is === 'map') return { is: 'map', map: schema, atomic: schema.atomic };
  if (isList(value)) return { is: 'list', list: ANY_LIST };
  if (isObj(value) || value === null || value === undefined) return { is: 'map', map: schema, atomic: schema.atomic };
  return SCALAR;
}

/** The `fieldsV1` element of a list item, or the reason why it has none. */
export function itemElement(list: ListSchema, item: Value): string | { readonly problem: string } {
  if (list.shape === 'set') {
    if (isObj(item)) return { problem: "associative list without keys has an element that's a map type" };
    if (isList(item)) return { problem: 'not supported: associative list with lists as elements' };
    if (item === null) return { problem: "associative list without keys has an element that's an explicit null" };
    return `v:${JSON.stringify(item)}`;
  }
  if (item === null) return { problem: 'associative list with keys may not have a null element' };
  if (!isObj(item)) return { problem: 'associative list with keys may not have non-map elements' };
  const keys: MutableObj = {};
  let found = 0;
  for (const name of sortedKeys(list)) {
    const value = item[name] ?? keyDefault(list, name);
    if (value === undefined || value === null) continue;
    keys[name] = value;
    found++;
  }
  if (found === 0) {
    const names = list.keys.map((key) => JSON.stringify(key)).join(' ');
    return {
      problem: `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    };
  }
  return `k:${JSON.stringify(keys)}`;
}

const sorted = new WeakMap<ListSchema, readonly string[]>();
function sortedKeys(list: ListSchema): readonly string[] {
  if (list.keys.length < 2) return list.keys;
  let keys = sorted.get(list);
  if (keys === undefined) sorted.set(list, (keys = [...list.keys].sort()));
  return keys;
}

function keyDefault(list: ListSchema, name: string): Value | undefined {
  return list.item.is === 'map' ? list.item.fields.get(name)?.default : undefined;
}

/** Checks a value against its schema as the merge needs it; returns the messages, empty if it fits. */
export function typeProblems(schema: Schema, value: Value | undefined, path = ''): string[] {
  if (value === undefined || value === null) return [];
  const atom = atomOf(schema, value);
  if (atom.is === 'scalar') return schema.is === 'scalar' ? scalarProblems(schema.type, value, path) : [];
  if (atom.is === 'list') return listProblems(atom.list, value, path);
  if (!isObj(value)) return [`${path}: expected map, got ${goValue(value)}`];
  const problems: string[] = [];
  for (const key in value) {
    const member = atom.map.is === 'any' ? atom.map : memberOf(atom.map, key);
    if (member === undefined) {
      // The API server stops at the first unknown field of an object.
      problems.push(`${path}.${key}: field not declared in schema`);
      break;
    }
    problems.push(...typeProblems(member, value[key], `${path}.${key}`));
  }
  return problems;
}

function listProblems(list: ListSchema, value: Value, path: string): string[] {
  if (!isList(value)) return [`${path}: expected list, got ${goValue(value)}`];
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    let text = `[${index}]`;
    if (list.shape !== 'atomic') {
      const element = itemElement(list, item);
      if (typeof element !== 'string') return [...problems, `${path}: element ${index}: ${element.problem}`];
      text = elementText(element);
      if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${text}`);
      seen.add(element);
    }
    problems.push(...typeProblems(list.item, item, `${path}${text}`));
  }
  return problems;
}

function scalarProblems(type: string, value: Value, path: string): string[] {
  switch (type) {
    case 'int32':
    case 'int64':
    case 'double':
      return typeof value === 'number' ? [] : [`${path}: expected numeric (int or float), got ${goType(value)}`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${path}: expected boolean, got ${goValue(value)}`];
    case 'int-or-string':
    case 'quantity':
    case 'untyped':
      return typeof value !== 'object' ? [] : [`${path}: expected any scalar, got ${goValue(value)}`];
    default:
      return typeof value === 'string'
        ? []
        : [`${path}: expected string, got &value.valueUnstructured{Value:${goLiteral(value)}}`];
  }
}

function goType(value: Value): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  return isList(value) ? '[]interface {}' : 'map[string]interface {}';
}

function goLiteral(value: Value): string {
  if (isObj(value))
    return `map[string]interface {}{${Object.entries(value)
      .map(([key, entry]) => `${JSON.stringify(key)}:${goLiteral(entry ?? null)}`)
      .join(', ')}}`;
  if (isList(value)) return `[]interface {}{${value.map(goLiteral).join(', ')}}`;
  return value === null ? 'interface {}(nil)' : JSON.stringify(value);
}

function goValue(value: Value): string {
  return `&{${typeof value === 'string' ? value : goPlain(value)}}`;
}

function goPlain(value: Value): string {
  if (isObj(value))
    return `map[${Object.entries(value)
      .map(([key, entry]) => `${key}:${goPlain(entry ?? null)}`)
      .join(' ')}]`;
  if (isList(value)) return `[${value.map(goPlain).join(' ')}]`;
  return value === null ? '<nil>' : String(value);
}

/** Every path that a value sets. */
export function fieldSetOf(schema: Schema, value: Value): FieldSet {
  const root = new FieldSet();
  collectObject(schema, value, root);
  return root;
}

function collectInto(schema: Schema, value: Value, parent: FieldSet, element: string): void {
  const atom = atomOf(schema, value);
  if (
    atom.is === 'scalar' ||
    (atom.is === 'list' && atom.list.shape === 'atomic') ||
    (atom.is === 'map' && atom.atomic)
  ) {
    parent.members.add(element);
    return;
  }
  const child = new FieldSet();
  if (atom.is === 'list') collectList(atom.list, value, child);
  else collectObject(atom.map, value, child);
  if (!child.empty) parent.children.set(element, child);
}

function collectObject(schema: Schema, value: Value, into: FieldSet): void {
  if (!isObj(value)) return;
  const declared: MapSchema | undefined = schema.is === 'map' ? schema : undefined;
  for (const key in value) {
    const member = value[key];
    if (member === undefined) continue;
    const type = memberOf(schema, key);
    if (type === undefined) continue;
    const element = `f:${key}`;
    collectInto(type, member, into, element);
    if (member === null || declared?.fields.has(key) !== true || (isObj(member) && isEmptyObject(member)))
      into.members.add(element);
  }
}

function collectList(list: ListSchema, value: Value, into: FieldSet): void {
  if (!isList(value)) return;
  const count = new Map<string, number>();
  const elements = value.map((item) => itemElement(list, item));
  for (const element of elements) if (typeof element === 'string') count.set(element, (count.get(element) ?? 0) + 1);
  for (const [index, element] of elements.entries()) {
    if (typeof element !== 'string') continue;
    if (count.get(element) === 1) collectInto(list.item, value[index] ?? null, into, element);
    into.members.add(element);
  }
}

function isEmptyObject(value: object): boolean {
  for (const _ in value) return false;
  return true;
}
