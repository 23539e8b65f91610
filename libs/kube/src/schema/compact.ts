// SPDX-License-Identifier: Apache-2.0
import type { CompactKind, KindSchema, ListNode, ObjectNode, SchemaNode } from './model.js';
import { insistedFields } from './required-fields.js';

type Json = Readonly<Record<string, unknown>>;

const PREFIX = '#/components/schemas/';
const MAX_TYPES = 5_000;

/**
 * The kinds of one group-version's OpenAPI v3 document (`/openapi/v3/apis/…`), each complete in itself. Lists and
 * bodies of other calls are left out.
 * Equal documents give equal schemas, so their canonical JSON may be addressed by its digest.
 */
export function compactDocument(document: unknown): readonly CompactKind[] {
  const components = mapAt(mapAt(document, 'components'), 'schemas') ?? {};
  const kinds: CompactKind[] = [];
  for (const [name, component] of Object.entries(components)) {
    if (!isMap(component)) continue;
    const [identity, ...others] = listAt(component, 'x-kubernetes-group-version-kind');
    const metadata = refName(mapAt(component, 'properties')?.['metadata']);
    // Bodies such as DeleteOptions belong to many groups; lists have a metadata of their own.
    if (others.length > 0 || metadata?.endsWith('.ObjectMeta') !== true) continue;
    const { group, version, kind } = isMap(identity) ? identity : {};
    if (typeof group !== 'string' || typeof version !== 'string' || typeof kind !== 'string') continue;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    kinds.push({ apiVersion, kind, schema: new Compactor(components).kind(name, component) });
  }
  return kinds;
}

/** The kinds that a CustomResourceDefinition brings, by its served versions; empty for anything else. */
export function compactDefinition(definition: unknown): readonly CompactKind[] {
  const spec = mapAt(definition, 'spec');
  const group = spec?.['group'];
  const kind = mapAt(spec, 'names')?.['kind'];
  if (typeof group !== 'string' || typeof kind !== 'string') return [];
  const kinds: CompactKind[] = [];
  for (const version of listAt(spec, 'versions')) {
    const name = isMap(version) ? version['name'] : undefined;
    if (!isMap(version) || typeof name !== 'string' || version['served'] === false) continue;
    const openApi = mapAt(mapAt(version, 'schema'), 'openAPIV3Schema');
    const compactor = new Compactor({});
    const root = openApi === undefined || spec?.['preserveUnknownFields'] === true ? 'any' : compactor.custom(openApi);
    kinds.push({ apiVersion: `${group}/${name}`, kind, schema: { root, types: [] } });
  }
  return kinds;
}

/**
 * Turns schemas of one kind into nodes. Types that are published under a name are shared, in the order of their first
 * use.
 */
class Compactor {
  readonly #components: Json;

  readonly #types: SchemaNode[] = [];
  readonly #indexes = new Map<string, number>();

  constructor(components: Json) {
    this.#components = components;
  }

  kind(name: string, component: Json): KindSchema {
    // Go types refer to one another by name; only the schema of a custom resource is written out in place, and only
    // that is enforced as it is written.
    const rest = Object.entries(mapAt(component, 'properties') ?? {})
      .filter(([key]) => key !== 'metadata')
      .map(([, property]) => property);
    const custom =
      rest.some((property) => mapAt(property, 'properties') !== undefined) &&
      rest.every((property) => refName(property) === undefined);
    const root = custom ? this.custom(component) : this.#named(name);
    return { root, types: this.#types };
  }

  /** The root of a custom resource: identity and metadata belong to it whether its schema names them or not. */
  custom(schema: Json): SchemaNode {
    const node = this.#inline(schema);
    if (typeof node === 'string' || !isObjectNode(node)) return 'any';
    const metadata = mapAt(schema, 'properties')?.['metadata'];
    const own: Readonly<Record<string, SchemaNode>> = {
      apiVersion: 'string',
      kind: 'string',
      metadata: refName(metadata) === undefined ? 'any' : this.#node(metadata),
    };
    const required = (node.required ?? []).filter((field) => !Object.hasOwn(own, field));
    return objectNode({ properties: { ...node.properties, ...own }, required, values: node.values });
  }

  #named(name: string): SchemaNode {
    const known = this.#indexes.get(name);
    if (known !== undefined) return { ref: known };
    const component = this.#components[name];
    if (!isMap(component) || this.#types.length >= MAX_TYPES) return 'any';
    if (mapAt(component, 'properties') === undefined || isFree(component)) return this.#inline(component);
    const index = this.#types.length;
    this.#indexes.set(name, index);
    this.#types.push('any');
    const properties = this.#properties(component);
    const required = insistedFields(name).filter((field) => Object.hasOwn(properties, field));
    this.#types[index] = objectNode({ properties, required, values: this.#values(component) });
    return { ref: index };
  }

  #node(schema: unknown): SchemaNode {
    if (!isMap(schema)) return 'any';
    const name = refName(schema);
    if (name !== undefined) return this.#named(name);
    return '$ref' in schema || ('allOf' in schema && !('type' in schema)) ? 'any' : this.#inline(schema);
  }

  #inline(schema: Json): SchemaNode {
    if (isFree(schema)) return 'any';
    if (schema['type'] === 'array') return this.#list(schema);
    if (schema['type'] !== 'object') return scalarOrAny(schema);
    if (schema['x-kubernetes-embedded-resource'] === true) return this.#embedded(schema);
    const values = this.#values(schema);
    if (mapAt(schema, 'properties') === undefined) return objectNode({ values: values ?? 'any' });
    const properties = this.#properties(schema);
    return objectNode({ properties, required: this.#requiredOf(schema), values });
  }

  #embedded(schema: Json): SchemaNode {
    const properties = { ...this.#properties(schema), apiVersion: 'string', kind: 'string', metadata: 'any' } as const;
    return objectNode({
      properties,
      required: this.#requiredOf(schema).filter((field) => field !== 'metadata'),
      values: this.#values(schema),
    });
  }

  #list(schema: Json): SchemaNode {
    const { items } = schema;
    const item = this.#node(items);
    const name = refName(items);
    const target = name === undefined ? items : this.#components[name];
    const keys =
      schema['x-kubernetes-list-type'] === 'map'
        ? textsAt(schema, 'x-kubernetes-list-map-keys').filter((key) => !hasDefault(target, key))
        : [];
    return (keys.length === 0 ? { items: item } : { items: item, keys: keys.sort() }) satisfies ListNode;
  }

  #properties(schema: Json): Record<string, SchemaNode> {
    const given = mapAt(schema, 'properties') ?? {};
    // In one order, so that the numbers of types do not depend on how the server happened to write the document.
    return Object.fromEntries(
      Object.keys(given)
        .sort()
        .map((name) => [name, this.#node(given[name])]),
    );
  }

  #requiredOf(schema: Json): string[] {
    return textsAt(schema, 'required')
      .filter((field) => !hasDefault(schema, field))
      .sort();
  }

  #values(schema: Json): SchemaNode | undefined {
    const additional = schema['additionalProperties'];
    if (additional === undefined || additional === false) return undefined;
    return additional === true ? 'any' : this.#node(additional);
  }
}

function isFree(schema: Json): boolean {
  return (
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    schema['x-kubernetes-int-or-string'] === true ||
    schema['format'] === 'int-or-string'
  );
}

function scalarOrAny(schema: Json): SchemaNode {
  if (isFree(schema)) return 'any';
  switch (schema['type']) {
    case 'string':
      return 'string';
    case 'integer':
      return 'integer';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    default:
      return 'any';
  }
}

function objectNode(node: {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly values: SchemaNode | undefined;
}): ObjectNode {
  const { properties, required = [], values } = node;
  return {
    ...(properties === undefined ? {} : { properties }),
    ...(required.length === 0 ? {} : { required }),
    ...(values === undefined ? {} : { values }),
  };
}

function isObjectNode(node: Exclude<SchemaNode, string>): node is ObjectNode {
  return !('ref' in node) && !('items' in node);
}

/** The name of the published type that a schema stands for, directly or as `allOf` with one member. */
function refName(schema: unknown): string | undefined {
  if (!isMap(schema)) return undefined;
  const all = listAt(schema, 'allOf');
  const holder = all.length === 1 ? all[0] : schema;
  const ref = isMap(holder) ? holder['$ref'] : undefined;
  return typeof ref === 'string' && ref.startsWith(PREFIX) ? ref.slice(PREFIX.length) : undefined;
}

function hasDefault(schema: unknown, field: string): boolean {
  const property = mapAt(schema, 'properties')?.[field];
  return isMap(property) && property['default'] !== undefined;
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapAt(value: unknown, key: string): Json | undefined {
  const member = isMap(value) ? value[key] : undefined;
  return isMap(member) ? member : undefined;
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const member = isMap(value) ? value[key] : undefined;
  return Array.isArray(member) ? member : [];
}

function textsAt(value: unknown, key: string): string[] {
  return listAt(value, key).filter((item) => typeof item === 'string');
}
