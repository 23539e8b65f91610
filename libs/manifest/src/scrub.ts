// SPDX-License-Identifier: Apache-2.0
import { InputError, type Json } from '@plumbline/core';
import { displayName, identityOf, isJsonMap, isSecret, type ManifestObject } from './identity.js';

/** The annotation of client-side apply: a copy of the object, with the values of a Secret in clear. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

const SERVER_FIELDS = new Set([
  'creationTimestamp',
  'resourceVersion',
  'uid',
  'generation',
  'managedFields',
  'selfLink',
]);
const SECRET_FIELDS = new Set(['apiVersion', 'kind', 'metadata', 'type', 'immutable', 'data', 'stringData']);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

type JsonMap = { readonly [field: string]: Json | undefined };

function scrubMetadata(metadata: JsonMap): JsonMap {
  const kept: Record<string, Json | undefined> = {};
  for (const [field, value] of Object.entries(metadata)) {
    if (SERVER_FIELDS.has(field)) continue;
    if ((field === 'labels' || field === 'annotations') && value === null) continue;
    if (field === 'namespace' && (value === '' || value === null)) continue;
    if (field === 'annotations' && isJsonMap(value) && LAST_APPLIED in value) {
      const { [LAST_APPLIED]: _dropped, ...annotations } = value;
      kept[field] = annotations;
      continue;
    }
    kept[field] = value;
  }
  return kept;
}

function checkedMap(object: ManifestObject, field: 'data' | 'stringData'): [string, string][] {
  const value = object[field];
  if (value === undefined || value === null) return [];
  const refuse = (what: string): never => {
    throw new InputError('PLB-1411', `${displayName(identityOf(object))}: ${what}`);
  };
  if (!isJsonMap(value)) return refuse(`${field} must be a mapping`);
  const entries: [string, string][] = [];
  for (const [key, text] of Object.entries(value)) {
    if (text === null || text === undefined) continue;
    if (typeof text !== 'string') return refuse(`${field}.${key} must be text: put the value in quotes`);
    if (field === 'stringData') entries.push([key, Buffer.from(text, 'utf8').toString('base64')]);
    else if (BASE64.test(text.replaceAll(/[\r\n]/g, ''))) entries.push([key, text.replaceAll(/[\r\n]/g, '')]);
    else return refuse(`data.${key} is not base64: encode it, or move it to stringData`);
  }
  return entries;
}

function foldSecret(object: ManifestObject): ManifestObject {
  const unknown = Object.keys(object).filter((field) => !SECRET_FIELDS.has(field));
  if (unknown.length > 0) {
    // A mistyped "stringdata" contains values too: values that cannot be sealed must not be stored.
    throw new InputError(
      'PLB-1411',
      `${displayName(identityOf(object))}: a Secret has no field ${unknown.map((field) => JSON.stringify(field)).join(', ')}; values belong in data or stringData`,
    );
  }
  const { data: _data, stringData: _stringData, ...rest } = object;
  const entries = [...checkedMap(object, 'data'), ...checkedMap(object, 'stringData')];
  const hasData = isJsonMap(object['data']) || entries.length > 0;
  return hasData ? { ...rest, data: Object.fromEntries(entries) } : rest;
}

/**
 * Returns the object without the fields that only a server writes (status, uid, managedFields…) and without
 * last-applied; merges `stringData` of a Secret into `data`.
 * @throws InputError PLB-1411 for an invalid Secret (values that are not text or base64, unknown fields), with keys,
 * never with values.
 */
export function scrubObject(object: ManifestObject): ManifestObject {
  const { status: _status, metadata, ...rest } = object;
  const scrubbed = { ...rest, metadata: scrubMetadata(metadata) } as ManifestObject;
  return isSecret(scrubbed) ? foldSecret(scrubbed) : scrubbed;
}
