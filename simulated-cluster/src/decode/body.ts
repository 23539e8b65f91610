// SPDX-License-Identifier: Apache-2.0
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { failures } from '../api-failure.js';
import type { Value } from '../value.js';

/** A parsed request body with the paths of keys that it gives twice (`spec.replicas`, `spec.containers[0].image`). */
export interface ParsedBody {
  readonly value: Value;
  readonly duplicates: readonly string[];
}

/**
 * Parses JSON; the engine's parser is fast but keeps silent about duplicate keys, so a scan looks for them when asked
 * to.
 */
export function parseJson(text: string, findDuplicates: boolean): ParsedBody {
  const value: Value = JSON.parse(text);
  return { value, duplicates: findDuplicates ? duplicateKeys(text) : [] };
}

/** The paths of duplicate keys in a valid JSON text. */
export function duplicateKeys(text: string): string[] {
  const found: string[] = [];
  const stack: { keys: Set<string> | undefined; path: string; index: number }[] = [];
  let path = '';
  let expectKey = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    const top = stack[stack.length - 1];
    if (char === 0x22) {
      const end = stringEnd(text, at);
      if (expectKey && top?.keys !== undefined) {
        const key = unquote(text, at, end);
        path = top.path === '' ? key : `${top.path}.${key}`;
        if (top.keys.has(key)) found.push(path);
        top.keys.add(key);
        expectKey = false;
      }
      at = end;
    } else if (char === 0x7b || char === 0x5b) {
      const inner = top !== undefined && top.keys === undefined ? `${top.path}[${top.index}]` : path;
      stack.push({ keys: char === 0x7b ? new Set() : undefined, path: inner, index: 0 });
      expectKey = char === 0x7b;
    } else if (char === 0x7d || char === 0x5d) {
      stack.pop();
      expectKey = false;
    } else if (char === 0x2c && top !== undefined) {
      if (top.keys === undefined) top.index++;
      else expectKey = true;
    }
  }
  return found;
}

function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && backslashesBefore(text, end) % 2 === 1) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function backslashesBefore(text: string, at: number): number {
  let count = 0;
  while (text.charCodeAt(at - 1 - count) === 0x5c) count++;
  return count;
}

function unquote(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  if (!raw.includes('\\')) return raw;
  const plain: string = JSON.parse(text.slice(start, end + 1));
  return plain;
}

/** One duplicate key of an apply body, as the server's YAML reader reports it. */
export interface DuplicateLine {
  readonly line: number;
  readonly key: string;
}

/** Parses the body of an apply: YAML, of which JSON is the usual case. */
export function parseApplyBody(text: string): {
  readonly value: Value;
  readonly duplicates: () => readonly DuplicateLine[];
} {
  if (/^\s*\{/.test(text)) {
    try {
      const value: Value = JSON.parse(text);
      return { value, duplicates: () => (duplicateKeys(text).length === 0 ? [] : yamlDuplicates(text)) };
    } catch {
      // Flow-style YAML starts with a brace too.
    }
  }
  const document = parseDocument(text, { version: '1.1', merge: true, uniqueKeys: false, schema: 'yaml-1.1' });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = error.linePos?.[0].line ?? 1;
    throw failures.badRequest(
      `error decoding YAML: error converting YAML to JSON: yaml: line ${line}: ${error.message.split(' at line')[0] ?? 'cannot parse'}`,
    );
  }
  const value: Value = document.toJS();
  return { value, duplicates: () => yamlDuplicates(text) };
}

function yamlDuplicates(text: string): DuplicateLine[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { version: '1.1', uniqueKeys: false, lineCounter: lines });
  const found: DuplicateLine[] = [];
  const visit = (node: unknown): void => {
    if (isSeq(node)) node.items.forEach(visit);
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      if (seen.has(key))
        found.push({ line: isScalar(pair.key) && pair.key.range ? lines.linePos(pair.key.range[0]).line : 1, key });
      seen.add(key);
      visit(pair.value);
    }
  };
  visit(document.contents);
  return found;
}
