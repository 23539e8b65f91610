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
 * Holds an object against the schema of its kind: unknown fields, wrong types, missing fields; at most 20 issues.
 * What is not certainly a mistake is none: `null` counts as not set, and `status`, which nobody but a controller writes, is not looked at.
 */
export function validateObject(schema: KindSchema, object: unknown): readonly SchemaIssue[] {
  const walk: Walk = { types: schema.types, issues: [] };
  const root = typeof schema.root === 'object' && 'ref' in schema.root ? (schema.types[schema.root.ref] ?? 'any') : schema.root;
  if (!isMap(object) || typeof root === 'string' || 'items' in root || 'ref' in root) return [];
  const { status: _status, ...rest } = object;
  judgeObject(walk, { ...root, required: (root.required ?? []).filter((field) => field !== 'status') }, { value: rest, path: '', depth: 0 });
  return walk.issues;
}

interface Walk {
  readonly types: readonly SchemaNode[];
  readonly issues: SchemaIssue[];
}

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly depth: number;
}

function judge(walk: Walk, node: SchemaNode, place: Place): void {
  const { value, path, depth } = place;
  if (node === 'any' || value === null || value === undefined || depth > MAX_DEPTH || walk.issues.length >= MAX_ISSUES) return;
  if (typeof node === 'string') {
    if (!fits(node, value)) walk.issues.push({ path, message: `must be ${ARTICLES[node]}, not ${describe(value)}` });
  } else if ('ref' in node) {
    judge(walk, walk.types[node.ref] ?? 'any', { ...place, depth: depth + 1 });
  } else if ('items' in node) {
    judgeList(walk, node, place);
  } else {
    judgeObject(walk, node, place);
  }
}

function judgeList(walk: Walk, node: ListNode, { value, path, depth }: Place): void {
  if (!Array.isArray(value)) {
    walk.issues.push({ path, message: `must be a list, not ${describe(value)}` });
    return;
  }
  value.forEach((item: unknown, index) => {
    const at = `${path}[${index}]`;
    for (const key of node.keys ?? []) if (isMap(item) && item[key] === undefined) report(walk, join(at, key), 'is required');
    judge(walk, node.items, { value: item, path: at, depth: depth + 1 });
  });
}

function judgeObject(walk: Walk, node: ObjectNode, { value, path, depth }: Place): void {
  if (!isMap(value)) {
    walk.issues.push({ path, message: `must be a map, not ${describe(value)}` });
    return;
  }
  const properties = node.properties ?? {};
  for (const [key, member] of Object.entries(value)) {
    const schema = Object.hasOwn(properties, key) ? properties[key] : node.values;
    if (schema === undefined) report(walk, join(path, key), 'is not a field of this kind');
    else judge(walk, schema, { value: member, path: join(path, key), depth: depth + 1 });
  }
  for (const field of node.required ?? []) if (value[field] === undefined) report(walk, join(path, field), 'is required');
}

/** A required key of a list's items is also a required field of the item: said once. */
function report(walk: Walk, path: string, message: string): void {
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
function join(path: string, key: string): string {
  const short = key.length > 80 ? `${key.slice(0, 80)}…` : key;
  if (/^[A-Za-z_$][\w$-]*$/.test(short)) return path === '' ? short : `${path}.${short}`;
  return `${path}[${JSON.stringify(short)}]`;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
