// SPDX-License-Identifier: Apache-2.0
import { isObj, listAt, type Obj, objAt, textAt, textsAt, type Value } from '../value.js';
import { builtinSchemas } from './builtin-schema.js';
import { ANY, type FieldSchema, mapSchema, type MapSchema, scalar, type Schema } from './schema.js';

function objectMeta(): Schema {
  const configMap = builtinSchemas().table.resources['/v1']?.find((row) => row.k === 'ConfigMap');
  const schema =
    configMap === undefined ? undefined : builtinSchemas().struct(configMap.t).fields.get('metadata')?.schema;
  if (schema === undefined) throw new Error('the generated schema table has no ObjectMeta');
  return schema;
}

/** The merge schema of a custom resource from the `openAPIV3Schema` of its version. */
export function schemaOfCustom(kind: string, openApi: Obj): MapSchema {
  const spec = structural(openApi);
  const fields = new Map<string, FieldSchema>(spec.is === 'map' ? spec.fields : []);
  fields.set('apiVersion', { name: 'apiVersion', schema: scalar('string'), flag: 'p' });
  fields.set('kind', { name: 'kind', schema: scalar('string'), flag: 'p' });
  fields.set('metadata', { name: 'metadata', schema: objectMeta(), flag: 'p' });
  const rest = spec.is === 'map' ? spec.rest : ANY;
  return mapSchema(kind, fields, rest === undefined ? {} : { rest });
}

/** Whether a node keeps fields that it does not declare. */
export function keepsUnknown(node: Obj): boolean {
  return node['x-kubernetes-preserve-unknown-fields'] === true;
}

function structural(node: Obj): Schema {
  if (node['x-kubernetes-int-or-string'] === true) return scalar('int-or-string');
  switch (textAt(node, 'type')) {
    case 'string':
      return scalar('string');
    case 'boolean':
      return scalar('boolean');
    case 'integer':
      return scalar('int64');
    case 'number':
      return scalar('double');
    case 'array':
      return listSchema(node);
    case 'object':
      return objectSchema(node);
    default:
      return keepsUnknown(node) ? ANY : objectSchema(node);
  }
}

function listSchema(node: Obj): Schema {
  const item = structural(objAt(node, 'items'));
  const keys = textsAt(node, 'x-kubernetes-list-map-keys');
  const type = textAt(node, 'x-kubernetes-list-type');
  return { is: 'list', item, shape: type === 'map' ? 'map' : type === 'set' ? 'set' : 'atomic', keys };
}

function objectSchema(node: Obj): Schema {
  const fields = new Map<string, FieldSchema>();
  const properties = objAt(node, 'properties');
  for (const name in properties) {
    const property = properties[name];
    if (!isObj(property)) continue;
    const fallback: Value | undefined = property['default'];
    fields.set(name, {
      name,
      schema: structural(property),
      flag: 'p',
      ...(fallback === undefined ? {} : { default: fallback }),
    });
  }
  if (node['x-kubernetes-embedded-resource'] === true) {
    for (const name of ['apiVersion', 'kind'])
      if (!fields.has(name)) fields.set(name, { name, schema: scalar('string'), flag: 'p' });
    if (!fields.has('metadata')) fields.set('metadata', { name: 'metadata', schema: objectMeta(), flag: 'p' });
  }
  const additional = node['additionalProperties'];
  const rest = keepsUnknown(node) || additional === true ? ANY : isObj(additional) ? structural(additional) : undefined;
  return mapSchema('', fields, {
    atomic: textAt(node, 'x-kubernetes-map-type') === 'atomic',
    ...(rest === undefined ? {} : { rest }),
  });
}

/** The `openAPIV3Schema` of a CRD's version; an object without a schema keeps everything. */
export function openApiOf(version: Obj): Obj {
  const given = objAt(version, 'schema', 'openAPIV3Schema');
  return Object.keys(given).length > 0 ? given : { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
}

/** The versions of a CRD that are served. */
export function servedVersions(definition: Obj): readonly Obj[] {
  return listAt(definition, 'spec', 'versions').filter(
    (version): version is Obj => isObj(version) && version['served'] === true,
  );
}
