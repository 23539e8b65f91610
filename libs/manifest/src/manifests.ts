// SPDX-License-Identifier: Apache-2.0
import { type ErrorCodeOf, InputError, type Json } from '@plumbline/core';
import { displayName, identityOf, isJsonMap, type ManifestObject, objectKey } from './identity.js';
import { parseJson } from './json.js';
import { type FileDocument, parseYaml, placeOf } from './yaml.js';

/** An object and its place in the repository. */
export interface ParsedManifest {
  readonly object: ManifestObject;
  readonly file: string;
  /** Zero-based index of the document in the file. */
  readonly document: number;
}

type JsonMap = { readonly [field: string]: Json | undefined };

function refuse(
  code: ErrorCodeOf<'input'>,
  place: { readonly file: string; readonly document: number },
  what: string,
): never {
  throw new InputError(code, `${placeOf(place.file, place.document)}: ${what}`, {
    issues: [{ path: place.file, message: what }],
    details: { file: place.file, document: place.document },
  });
}

/** Returns the text of a file. @throws InputError PLB-1407 when it is not UTF-8. */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InputError('PLB-1407', `${file} is not UTF-8 text`, {
      issues: [{ path: file, message: 'not UTF-8 text' }],
      details: { file },
    });
  }
}

function isList(value: JsonMap): boolean {
  const { kind, items, metadata } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List')) return false;
  if (kind === 'List') return true;
  // A custom kind may be called AccessList: a list has items and no name.
  return (
    'items' in value &&
    (items === null || Array.isArray(items)) &&
    !(isJsonMap(metadata) && metadata['name'] !== undefined)
  );
}

function* expand(value: Json, place: FileDocument & { readonly file: string }, depth = 0): Generator<JsonMap> {
  if (!isJsonMap(value))
    return refuse('PLB-1408', place, 'a manifest must be a mapping with apiVersion, kind and metadata');
  if (!isList(value)) {
    yield value;
    return;
  }
  if (depth > 10) return refuse('PLB-1406', place, 'lists are nested deeper than 10');
  const items = value['items'];
  if (items === null || items === undefined) return;
  if (!Array.isArray(items)) return refuse('PLB-1408', place, `"items" of a ${String(value['kind'])} must be a list`);
  const itemKind = value['kind'] === 'List' ? undefined : String(value['kind']).slice(0, -'List'.length);
  for (const item of items as readonly Json[]) {
    if (item === null) continue;
    // Items of a typed list may omit the type, which the list states.
    const typed =
      itemKind !== undefined && isJsonMap(item)
        ? { ...item, apiVersion: item['apiVersion'] ?? value['apiVersion'], kind: item['kind'] ?? itemKind }
        : item;
    yield* expand(typed, place, depth + 1);
  }
}

function checkTextMap(value: Json | undefined, field: string, fail: (what: string) => never): void {
  if (value === undefined || value === null) return;
  if (!isJsonMap(value)) return fail(`metadata.${field} must be a mapping`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string')
      return fail(`metadata.${field}[${JSON.stringify(key)}] must be text: put the value in quotes`);
  }
}

function checkMetadata(metadata: Json | undefined, kind: string, fail: (what: string) => never): void {
  if (!isJsonMap(metadata)) return fail(`${kind} has no metadata.name`);
  const { name, namespace, generateName } = metadata;
  if (name === undefined || name === null || name === '') {
    if (generateName !== undefined)
      return fail(`${kind} has generateName instead of a name: it would be a new object at every sync; give it a name`);
    return fail(`${kind} has no metadata.name`);
  }
  if (typeof name !== 'string') return fail(`metadata.name of ${kind} must be text: put it in quotes`);
  if (/[/%]/.test(name) || name === '.' || name === '..' || name.length > 253)
    return fail(`metadata.name of ${kind} is not a name that Kubernetes accepts`);
  if (namespace !== undefined && namespace !== null && typeof namespace !== 'string')
    return fail(`metadata.namespace of ${kind} ${name} must be text: put it in quotes`);
  if (typeof namespace === 'string' && namespace !== '' && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
    return fail(`metadata.namespace of ${kind} ${name} is not a namespace name`);
  checkTextMap(metadata['labels'], 'labels', fail);
  checkTextMap(metadata['annotations'], 'annotations', fail);
}

function toManifest(value: JsonMap, place: FileDocument & { readonly file: string }): ParsedManifest {
  const { apiVersion, kind, metadata } = value;
  const fail = (what: string): never => refuse('PLB-1408', place, what);
  if (typeof apiVersion !== 'string' || apiVersion === '')
    return fail(`${typeof kind === 'string' ? kind : 'a manifest'} has no apiVersion`);
  if (apiVersion.split('/').length > 2) return fail('apiVersion must be "version" or "group/version"');
  if (typeof kind !== 'string' || kind === '') return fail('a manifest has no kind');
  if (kind.includes('/')) return fail('kind is not a kind that Kubernetes accepts');
  checkMetadata(metadata, kind, fail);
  return { object: value as ManifestObject, file: place.file, document: place.document };
}

/**
 * Returns the objects of one file as kubectl reads them: YAML in its dialect or JSON, any number of documents, lists
 * expanded, empty documents skipped.
 * @throws InputError PLB-1402…1408 with file, document and line if known; never with a value of the file.
 */
export function parseManifests(content: string | Uint8Array, file: string): ParsedManifest[] {
  const text = typeof content === 'string' ? content : decodeText(content, file);
  const documents = file.endsWith('.json') ? parseJson(text, file) : parseYaml(text, file);
  return documents.flatMap((document) => {
    const place = { ...document, file };
    return [...expand(document.value, place)].map((value) => toManifest(value, place));
  });
}

/** Limits of {@link refuseDuplicates}. */
export interface DuplicateOptions {
  /** Namespace of objects without one: both then have the same identity. */
  readonly defaultNamespace?: string;
}

/** Rejects a set that declares one object twice. @throws InputError PLB-1409 with both places. */
export function refuseDuplicates(manifests: readonly ParsedManifest[], options: DuplicateOptions = {}): void {
  const seen = new Map<string, ParsedManifest>();
  for (const manifest of manifests) {
    const identity = identityOf(manifest.object);
    const namespace = identity.namespace === '' ? (options.defaultNamespace ?? '') : identity.namespace;
    const key = objectKey({ ...identity, namespace });
    const first = seen.get(key);
    if (first !== undefined) {
      const what = `${displayName(identity)} is declared twice: in ${placeOf(first.file, first.document)} and in ${placeOf(manifest.file, manifest.document)}; remove one`;
      throw new InputError('PLB-1409', what, {
        issues: [{ path: manifest.file, message: what }],
        details: { file: manifest.file, document: manifest.document },
      });
    }
    seen.set(key, manifest);
  }
}
