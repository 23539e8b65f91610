// SPDX-License-Identifier: Apache-2.0
import { type ErrorCodeOf, InputError, type Json } from '@plumbline/core';
import {
  type Alias,
  type ErrorCode as YamlErrorCode,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { isJsonMap } from './identity.js';
import { resolvePlain, resolveTagged } from './scalar.js';

/** One document of a file. */
export interface FileDocument {
  readonly value: Json;
  /** Zero-based, empty documents counted. */
  readonly document: number;
  /** One-based line on which it starts. */
  readonly line: number;
}

/** Maximum number of nodes that aliases may expand to; more is an attack. */
const MAX_ALIASED_NODES = 10_000;
const MAX_ALIASES = 1_000;
const MAX_DEPTH = 200;

// Messages of the parser quote the source, which may be a secret: only its code and the line are used.
const SYNTAX: Partial<Record<YamlErrorCode, string>> = {
  BAD_ALIAS: 'an alias has no anchor',
  BAD_DQ_ESCAPE: 'a double-quoted text has an invalid escape',
  BAD_INDENT: 'the indentation is wrong',
  BAD_SCALAR_START: 'a value starts with a character that needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a nested mapping is not allowed here (a missing line break, or a ":" that needs quotes)',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key spans several lines (a missing ":" or quote)',
  TAB_AS_INDENT: 'a tab is used as indentation',
  UNEXPECTED_TOKEN: 'there is something that does not belong here',
};

interface Walk {
  readonly file: string;
  readonly document: number;
  readonly lines: LineCounter;
  readonly resolveAlias: (alias: Alias) => Node | undefined;
  aliases: number;
  aliasedNodes: number;
  aliasDepth: number;
}

/** Place in a file, for messages. */
export function placeOf(file: string, document: number, line?: number): string {
  return line === undefined ? `${file}, document ${document + 1}` : `${file}, document ${document + 1}, line ${line}`;
}

function refuse(
  walk: Walk,
  node: { readonly range?: readonly [number, number, number] | null | undefined } | null,
  code: ErrorCodeOf<'input'>,
  what: string,
): never {
  const line = node?.range === undefined || node.range === null ? undefined : walk.lines.linePos(node.range[0]).line;
  throw new InputError(code, `${placeOf(walk.file, walk.document, line)}: ${what}`, {
    issues: [{ path: walk.file, message: what }],
    details: { file: walk.file, document: walk.document, ...(line === undefined ? {} : { line }) },
  });
}

function scalarValue(walk: Walk, node: Scalar): Json {
  const source = node.source ?? '';
  const resolved =
    node.tag !== undefined
      ? resolveTagged(node.tag, source)
      : node.type === 'PLAIN' || node.type === undefined
        ? resolvePlain(source)
        : ({ type: 'value', value: source } as const);
  if (resolved.type === 'value') return resolved.value;
  if (resolved.type === 'unsafe')
    return refuse(
      walk,
      node,
      'PLB-1405',
      'a whole number is too large to be carried exactly (above 2^53): write it as text in quotes',
    );
  return refuse(walk, node, 'PLB-1405', 'infinity and "not a number" have no JSON form');
}

function keyText(walk: Walk, node: Node | null): string {
  if (node === null || !isScalar(node)) return refuse(walk, node, 'PLB-1404', 'a key must be text');
  const value = scalarValue(walk, node);
  if (value === null) return refuse(walk, node, 'PLB-1404', 'a key must be text, not null');
  return typeof value === 'string' ? value : String(value);
}

function isMergeKey(node: unknown): boolean {
  return isScalar(node) && node.value === '<<' && node.type === 'PLAIN' && node.tag === undefined;
}

function mergeInto(walk: Walk, result: Map<string, Json>, source: Node, depth: number): void {
  const value = toJson(walk, source, depth);
  const maps = Array.isArray(value) ? value : [value];
  for (const map of maps) {
    if (!isJsonMap(map)) return refuse(walk, source, 'PLB-1404', '"<<" merges mappings only');
    for (const [key, merged] of Object.entries(map))
      if (merged !== undefined && !result.has(key)) result.set(key, merged);
  }
}

function mapValue(walk: Walk, node: YAMLMap, depth: number): Json {
  const result = new Map<string, Json>();
  const merges: Node[] = [];
  for (const pair of node.items) {
    if (!isPair(pair)) continue;
    const key = pair.key as Node | null;
    const value = pair.value as Node | null;
    if (isMergeKey(key) && value !== null) {
      if (merges.length > 0) refuse(walk, key, 'PLB-1403', 'the key "<<" is there twice');
      merges.push(value);
      continue;
    }
    const name = keyText(walk, key);
    if (result.has(name)) refuse(walk, key, 'PLB-1403', `the key ${JSON.stringify(name)} is there twice`);
    result.set(name, value === null ? null : toJson(walk, value, depth));
  }
  for (const merge of merges) mergeInto(walk, result, merge, depth);
  // fromEntries defines own properties, so a key "__proto__" stays data.
  return Object.fromEntries(result);
}

function toJson(walk: Walk, node: Node, depth: number): Json {
  if (depth > MAX_DEPTH) return refuse(walk, node, 'PLB-1406', `the nesting is deeper than ${MAX_DEPTH}`);
  if (walk.aliasDepth > 0 && ++walk.aliasedNodes > MAX_ALIASED_NODES)
    return refuse(walk, node, 'PLB-1406', `aliases expand to more than ${MAX_ALIASED_NODES} values`);
  if (isAlias(node)) {
    if (++walk.aliases > MAX_ALIASES)
      return refuse(walk, node, 'PLB-1406', `there are more than ${MAX_ALIASES} aliases`);
    const target = walk.resolveAlias(node);
    if (target === undefined) return refuse(walk, node, 'PLB-1402', 'an alias has no anchor');
    // An anchor that contains its own alias reaches the depth limit.
    walk.aliasDepth += 1;
    const value = toJson(walk, target, depth + 1);
    walk.aliasDepth -= 1;
    return value;
  }
  if (isScalar(node)) return scalarValue(walk, node);
  if (isSeq(node)) return node.items.map((item) => (item === null ? null : toJson(walk, item as Node, depth + 1)));
  if (isMap(node)) return mapValue(walk, node, depth + 1);
  return refuse(walk, null, 'PLB-1402', 'the document is not YAML');
}

/**
 * Parses a YAML stream in the dialect of kubectl. Skips documents without content, but counts them.
 * @throws InputError PLB-1402 syntax, 1403 duplicate key, 1404 key that is not text, 1405 number without a JSON form,
 * 1406 limits; with file, document, line, and never a value.
 */
export function parseYaml(text: string, file: string): FileDocument[] {
  const lines = new LineCounter();
  let documents;
  try {
    documents = parseAllDocuments(text, {
      version: '1.1',
      schema: 'failsafe',
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      stringKeys: false,
      logLevel: 'silent',
      lineCounter: lines,
    });
  } catch {
    // Only a stack overflow is caught here; its message has no information about the file.
    throw new InputError('PLB-1406', `${file}: the nesting is too deep to be parsed; flatten the document`);
  }
  const result: FileDocument[] = [];
  if (!Array.isArray(documents)) return result;
  for (const [document, source] of documents.entries()) {
    const walk: Walk = {
      file,
      document,
      lines,
      resolveAlias: (alias) => alias.resolve(source),
      aliases: 0,
      aliasedNodes: 0,
      aliasDepth: 0,
    };
    const error = source.errors[0];
    if (error !== undefined)
      refuse(
        walk,
        { range: [error.pos[0], error.pos[1], error.pos[1]] },
        'PLB-1402',
        `not valid YAML: ${SYNTAX[error.code] ?? `syntax error ${error.code}`}`,
      );
    const root = source.contents;
    const value = root === null ? null : toJson(walk, root, 0);
    if (value === null || root === null) continue;
    result.push({ value, document, line: lines.linePos(root.range[0]).line });
  }
  return result;
}
