// SPDX-License-Identifier: Apache-2.0
import type { KindSchema, ListNode, ObjectNode, SchemaNode } from './model.js';

/** One mistake in an object. Neither path nor message ever has a value in it. */
export interface SchemaIssue {
  /** As in `spec.template.spec.containers[0].image`. */
  readonly path: string;
  readonly message: string;
}

const MAX_ISSUES = 20;
const MAX_DEPTH = 200;

/**
 * Validates an object against the schema of its kind: unknown fields, wrong types, missing fields; returns at most 20
 * issues.
 * Only certain mistakes are issues: `null` counts as not set, and `status` is not validated, since only controllers
 * write it.
 */
export function validateObject(schema: KindSchema, object: unknown): readonly SchemaIssue[] {
  const walk: Walk = { types: schema.types, path: [], issues: [] };
  const root =
    typeof schema.root === 'object' && 'ref' in schema.root ? (schema.types[schema.root.ref] ?? 'any') : schema.root;
  if (!isMap(object) || typeof root === 'string' || 'items' in root || 'ref' in root) return [];
  const { status: _status, ...rest } = object;
  judgeObject(walk, { ...root, required: (root.required ?? []).filter((field) => field !== 'status') }, rest);
  return walk.issues;
}

interface Walk {
  readonly types: readonly SchemaNode[];
  /** Where the walk is; texts are made of it only for what is wrong. */
  readonly path: (string | number)[];
  readonly issues: SchemaIssue[];
}

function judge(walk: Walk, node: SchemaNode, value: unknown): void {
  if (
    node === 'any' ||
    value === null ||
    value === undefined ||
    walk.path.length > MAX_DEPTH ||
    walk.issues.length >= MAX_ISSUES
  )
    return;
  if (typeof node === 'string') {
    if (!fits(node, value)) report(walk, `must be ${ARTICLES[node]}, not ${describe(value)}`);
  } else if ('ref' in node) {
    // A type is never a reference to another.
    const type = walk.types[node.ref] ?? 'any';
    if (typeof type === 'string' || !('ref' in type)) judge(walk, type, value);
  } else if ('items' in node) {
    judgeList(walk, node, value);
  } else {
    judgeObject(walk, node, value);
  }
}

function judgeList(walk: Walk, node: ListNode, value: unknown): void {
  if (!Array.isArray(value)) {
    report(walk, `must be a list, not ${describe(value)}`);
    return;
  }
  for (let index = 0; index < value.length; index += 1) {
    const item: unknown = value[index];
    walk.path.push(index);
    if (node.keys !== undefined) judgeRequired(walk, node.keys, item);
    judge(walk, node.items, item);
    walk.path.pop();
  }
}

function judgeObject(walk: Walk, node: ObjectNode, value: unknown): void {
  if (!isMap(value)) {
    report(walk, `must be a map, not ${describe(value)}`);
    return;
  }
  const { properties, values } = node;
  for (const key of Object.keys(value)) {
    const schema = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : values;
    walk.path.push(key);
    if (schema === undefined) report(walk, 'is not a field of this kind');
    else judge(walk, schema, value[key]);
    walk.path.pop();
  }
  if (node.required !== undefined) judgeRequired(walk, node.required, value);
}

function judgeRequired(walk: Walk, fields: readonly string[], value: unknown): void {
  if (!isMap(value)) return;
  for (const field of fields) {
    if (value[field] !== undefined) continue;
    walk.path.push(field);
    report(walk, 'is required');
    walk.path.pop();
  }
}

/** A required key of a list's items is also a required field of the item: said once. */
function report(walk: Walk, message: string): void {
  const path = walk.path.reduce<string>(join, '');
  if (walk.issues.length >= MAX_ISSUES || walk.issues.some((issue) => issue.path === path)) return;
  walk.issues.push({ path, message });
}

const ARTICLES = { string: 'a string', integer: 'an integer', number: 'a number', boolean: 'true or false' } as const;

function fits(type: keyof typeof ARTICLES, value: unknown): boolean {
  switch (type) {
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'object':
      return 'a map';
    case 'string':
      return 'a string';
    case 'boolean':
      return 'a boolean';
    case 'number':
      return Number.isInteger(value) ? 'an integer' : 'a fraction';
    default:
      return 'something else';
  }
}

/** Dotted, with anything that is no plain word in brackets; long keys are cut, since a path is for reading. */
function join(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  const short = key.length > 80 ? `${key.slice(0, 80).toWellFormed()}…` : key;
  if (/^[A-Za-z_$][\w$-]*$/.test(short)) return path === '' ? short : `${path}.${short}`;
  return `${path}[${JSON.stringify(short)}]`;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
