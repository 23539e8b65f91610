// SPDX-License-Identifier: Apache-2.0
import { keepsUnknown } from '../schema/crd-schema.js';
import type { MapSchema } from '../schema/schema.js';
import { isList, isObj, type MutableObj, type Obj, objAt, type Value } from '../value.js';
import { decodeBuiltin, type Decoded, DecodeError } from './decode.js';

/**
 * What becomes of nulls that the schema does not allow and has no default for: a body loses them, a merge of an apply
 * keeps them (and fails).
 */
export type Nulls = 'dropped' | 'kept';

/** Reads a custom object as the API server does: unknown fields are pruned (and reported), defaults filled in. */
export function decodeCustom(openApi: Obj, value: Obj, schema: MapSchema, nulls: Nulls): Decoded {
  const { apiVersion, kind, metadata, ...rest } = value;
  const metaSchema = schema.fields.get('metadata')?.schema;
  const walk: PruneWalk = {
    metaSchema: metaSchema?.is === 'map' ? metaSchema : undefined,
    unknown: [],
    unknownOfEmbedded: [],
  };
  const pruned = pruneObject(openApi, rest, '', walk);
  const meta =
    metaSchema?.is === 'map'
      ? decodeBuiltin(metaSchema, metadata ?? {})
      : { object: objAt(value, 'metadata'), unknown: [] };
  const object = fillDefaults(
    openApi,
    {
      ...(apiVersion === undefined ? {} : { apiVersion }),
      ...(kind === undefined ? {} : { kind }),
      metadata: meta.object,
      ...pruned,
    },
    { root: true, nulls },
  );
  return {
    object: isObj(object) ? object : {},
    unknown: [
      ...meta.unknown.map((path) => `metadata.${path}`),
      ...walk.unknown.sort(),
      ...walk.unknownOfEmbedded.sort(),
    ],
  };
}

interface PruneWalk {
  /** Of ObjectMeta, for the metadata of embedded objects. */
  readonly metaSchema: MapSchema | undefined;
  readonly unknown: string[];
  readonly unknownOfEmbedded: string[];
}

function pruneObject(node: Obj, value: Obj, path: string, walk: PruneWalk): Obj {
  const properties = objAt(node, 'properties');
  const additional = node['additionalProperties'];
  const keepsAll = keepsUnknown(node) || additional === true;
  const embedded = node['x-kubernetes-embedded-resource'] === true;
  const out: MutableObj = {};
  for (const key in value) {
    const member = value[key];
    if (member === undefined) continue;
    const at = path === '' ? key : `${path}.${key}`;
    const property = properties[key];
    if (embedded && key === 'metadata') out[key] = embeddedMetadata(member, at, walk);
    else if (isObj(property)) out[key] = prune(property, member, at, walk);
    else if (isObj(additional)) out[key] = prune(additional, member, at, walk);
    else if (keepsAll || (embedded && (key === 'apiVersion' || key === 'kind'))) out[key] = member;
    else walk.unknown.push(at);
  }
  return out;
}

/** Metadata of an embedded object is read as that of any other, whatever the schema says of it. */
function embeddedMetadata(value: Value, path: string, { metaSchema, unknownOfEmbedded }: PruneWalk): Value {
  if (metaSchema === undefined || !isObj(value)) return value;
  try {
    const { object, unknown } = decodeBuiltin(metaSchema, value);
    unknownOfEmbedded.push(...unknown.map((field) => `${path}.${field}`));
    return object;
  } catch (error) {
    // A wrong type is the business of the validation that follows.
    if (error instanceof DecodeError) return value;
    throw error;
  }
}

function prune(node: Obj, value: Value, path: string, walk: PruneWalk): Value {
  if (isObj(value)) return pruneObject(node, value, path, walk);
  if (isList(value) && isObj(node['items'])) {
    const items = node['items'];
    return value.map((item, index) => prune(items, item, `${path}[${index}]`, walk));
  }
  return value;
}

function fillDefaults(node: Obj, value: Value, options: { readonly root: boolean; readonly nulls: Nulls }): Value {
  const { root, nulls } = options;
  const below = root ? { root: false, nulls } : options;
  if (isList(value)) {
    const items = node['items'];
    return isObj(items) ? value.map((item) => fillDefaults(items, item, below)) : value;
  }
  if (!isObj(value)) return value;
  const properties = objAt(node, 'properties');
  const additional = node['additionalProperties'];
  const out: MutableObj = {};
  for (const key in value) {
    const member = value[key];
    const property = properties[key];
    if (member === undefined) continue;
    if (root && (key === 'metadata' || key === 'apiVersion' || key === 'kind')) out[key] = member;
    else if (isObj(property)) {
      const stays =
        member !== null || property['nullable'] === true || (nulls === 'kept' && property['default'] === undefined);
      if (stays) out[key] = fillDefaults(property, member, below);
    } else out[key] = isObj(additional) ? fillDefaults(additional, member, below) : member;
  }
  for (const key in properties) {
    const property = properties[key];
    if (out[key] !== undefined || !isObj(property) || property['default'] === undefined) continue;
    out[key] = fillDefaults(property, property['default'], below);
  }
  return out;
}
