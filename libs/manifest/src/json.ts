// SPDX-License-Identifier: Apache-2.0
import { type ErrorCodeOf, InputError, type Json } from '@plumbline/core';
import { type FileDocument, placeOf } from './yaml.js';

const TOKEN = /[\s\uFEFF]*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+)/gy;

interface Frame {
  readonly keys: Set<string> | undefined;
  expectsKey: boolean;
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

function refuse(
  file: string,
  document: number,
  line: number,
  what: { readonly code: ErrorCodeOf<'input'>; readonly message: string },
): never {
  throw new InputError(what.code, `${placeOf(file, document, line)}: ${what.message}`, {
    issues: [{ path: file, message: what.message }],
    details: { file, document, line },
  });
}

function takeKey(frame: Frame, token: string): string | undefined {
  let key: string;
  try {
    key = String(JSON.parse(token));
  } catch {
    return undefined;
  }
  const isDuplicate = frame.keys?.has(key) === true;
  frame.keys?.add(key);
  return isDuplicate ? key : undefined;
}

/**
 * Parses a file of one or more JSON documents, which `JSON.parse` alone cannot do without losing duplicate keys.
 * @throws InputError PLB-1402, 1403, 1405 as for YAML.
 */
export function parseJson(text: string, file: string): FileDocument[] {
  const documents: FileDocument[] = [];
  const stack: Frame[] = [];
  let start = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const token = match[1] ?? '';
    const at = TOKEN.lastIndex - token.length;
    if (stack.length === 0) start = at;
    const frame = stack.at(-1);
    if (token === '{' || token === '[')
      stack.push({ keys: token === '{' ? new Set() : undefined, expectsKey: token === '{' });
    else if (token === '}' || token === ']') stack.pop();
    else if (token === ',' && frame !== undefined) frame.expectsKey = frame.keys !== undefined;
    else if (token.startsWith('"') && frame?.expectsKey === true) {
      frame.expectsKey = false;
      const duplicate = takeKey(frame, token);
      if (duplicate !== undefined)
        refuse(file, documents.length, lineAt(text, at), {
          code: 'PLB-1403',
          message: `the key ${JSON.stringify(duplicate)} is there twice`,
        });
    } else if (/^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token))) {
      refuse(file, documents.length, lineAt(text, at), {
        code: 'PLB-1405',
        message: 'a whole number is too large to be carried exactly (above 2^53): write it as text',
      });
    }
    if (stack.length > 0) continue;
    documents.push({
      value: parseOne(text.slice(start, TOKEN.lastIndex), file, {
        document: documents.length,
        line: lineAt(text, start),
      }),
      document: documents.length,
      line: lineAt(text, start),
    });
    start = TOKEN.lastIndex;
  }
  if (text.slice(start).trim() !== '')
    refuse(file, documents.length, lineAt(text, start), {
      code: 'PLB-1402',
      message: 'not valid JSON: it does not end where it should',
    });
  return documents;
}

function parseOne(text: string, file: string, place: { readonly document: number; readonly line: number }): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // V8's message quotes the source.
    return refuse(file, place.document, place.line, { code: 'PLB-1402', message: 'not valid JSON' });
  }
}
