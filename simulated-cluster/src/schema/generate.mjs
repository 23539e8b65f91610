// SPDX-License-Identifier: Apache-2.0
//
// Writes `builtin.generated.ts`: the schemas and the discovery document of a real kube-apiserver in a compact form.
//
// node generate.mjs --server https://127.0.0.1:6443 --token TOKEN --go-mod-cache "$(go env GOMODCACHE)" --api-version
// v0.35.4
//
// Two sources, because neither says enough alone:
// - `/openapi/v3` of the running server: field types, list types and map keys, atomic structs, defaults, enums;
// - the Go types of k8s.io/api (same release): which fields are pointers and which are always written, since that
// decides
//   whether `replicas: 0` or `annotations: {}` survives the server's decoding.
//
// The output's form is described in `builtin-schema.ts`, its only reader.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: args } = parseArgs({
  options: {
    server: { type: 'string' },
    token: { type: 'string', default: '' },
    'go-mod-cache': { type: 'string' },
    'api-version': { type: 'string', default: 'v0.35.4' },
    out: { type: 'string', default: join(dirname(fileURLToPath(import.meta.url)), 'builtin.generated.ts') },
  },
});
if (args.server === undefined || args['go-mod-cache'] === undefined) {
  console.error(
    'usage: generate.mjs --server URL --token TOKEN --go-mod-cache DIR [--api-version v0.35.4] [--out FILE]',
  );
  process.exit(2);
}

const agent = new Agent({ rejectUnauthorized: false, keepAlive: true });
/**
 * Test servers carry self-signed certificates; this tool only reads public schemas from one that the caller has
 * started.
 */
function get(path, accept = 'application/json') {
  return new Promise((resolve, reject) => {
    const url = new URL(path, args.server);
    request(url, { agent, headers: { authorization: `Bearer ${args.token}`, accept } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(JSON.parse(body))
          : reject(new Error(`${path}: ${response.statusCode} ${body}`)),
      );
    })
      .on('error', reject)
      .end();
  });
}

// ---- Go types: which fields are pointers, which are always written -------------------------------------------------

const GO_SOURCES = {
  'io.k8s.api': 'k8s.io/api@VERSION',
  'io.k8s.apimachinery.pkg.apis.meta': 'k8s.io/apimachinery@VERSION/pkg/apis/meta',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions':
    'k8s.io/apiextensions-apiserver@VERSION/pkg/apis/apiextensions',
  'io.k8s.kube-aggregator.pkg.apis.apiregistration': 'k8s.io/kube-aggregator@VERSION/pkg/apis/apiregistration',
};

/**
 * @returns {Map<string, {fields: Array<{json: string, type: string, omitempty: boolean, omitzero: boolean}>,
 * embedded: string[]}>}
 */
function goStructs(directory) {
  const structs = new Map();
  for (const file of readdirSync(directory).filter(
    (name) => name.startsWith('types') && name.endsWith('.go') && !name.endsWith('_test.go'),
  )) {
    let current;
    for (const line of readFileSync(join(directory, file), 'utf8').split('\n')) {
      const start = /^type (\w+) struct \{/.exec(line);
      if (start) structs.set(start[1], (current = { fields: [], embedded: [] }));
      else if (line.startsWith('}')) current = undefined;
      else if (current) {
        const embedded = /^\t([\w.]+)\s+`json:"([^"]*)"/.exec(line);
        const field = /^\t\w+\s+(\S+)\s+`json:"([^"]*)"/.exec(line);
        const match = field ?? embedded;
        if (!match) continue;
        const [name, ...options] = match[2].split(',');
        if (options.includes('inline')) current.embedded.push(match[1]);
        else if (name !== '' && name !== '-') {
          current.fields.push({
            json: name,
            type: match[1],
            omitempty: options.includes('omitempty'),
            omitzero: options.includes('omitzero'),
          });
        }
      }
    }
  }
  return structs;
}

const goPackages = new Map();
function goFields(openApiName) {
  const cut = openApiName.lastIndexOf('.');
  const typeName = openApiName.slice(cut + 1);
  const prefix = Object.keys(GO_SOURCES).find((candidate) => openApiName.startsWith(`${candidate}.`));
  if (prefix === undefined) return undefined;
  const rest = openApiName
    .slice(prefix.length + 1, cut)
    .split('.')
    .join('/');
  const directory = join(args['go-mod-cache'], GO_SOURCES[prefix].replace('VERSION', args['api-version']), rest);
  if (!goPackages.has(directory)) {
    let structs = new Map();
    try {
      structs = goStructs(directory);
    } catch {
      /* a package without Go types: nothing to learn */
    }
    goPackages.set(directory, structs);
  }
  const structs = goPackages.get(directory);
  const collect = (name, into) => {
    const found = structs.get(name.split('.').at(-1));
    for (const field of found?.fields ?? []) into.set(field.json, field);
    for (const embedded of found?.embedded ?? []) collect(embedded, into);
    return into;
  };
  return collect(typeName, new Map());
}

// ---- OpenAPI → compact types ----------------------------------------------------------------------------------------

const SCALARS = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'q',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'x',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'T',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'M',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'a',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'a',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'a',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'a',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': 'a',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'a',
};

const schemas = new Map();
const types = [];
const indexOf = new Map();

function typeIndex(name) {
  const known = indexOf.get(name);
  if (known !== undefined) return known;
  const index = types.length;
  indexOf.set(name, index);
  types.push(null);
  types[index] = structOf(name);
  return index;
}

function structOf(name) {
  const schema = schemas.get(name);
  if (schema === undefined) throw new Error(`no schema for ${name}`);
  const go = goFields(name);
  const fields = Object.entries(schema.properties ?? {}).map(([field, property]) => {
    const type = typeOf(property);
    const flag = flagOf(go?.get(field), type, (schema.required ?? []).includes(field));
    const row = [field, type, flag];
    const meaningful =
      property.default !== undefined && typeof property.default === 'string' && property.default !== '';
    if (meaningful || property.enum) row.push(meaningful ? property.default : 0);
    if (property.enum) row.push(property.enum.filter((value) => value !== ''));
    return row;
  });
  const short = name.slice(name.lastIndexOf('.') + 1);
  return schema['x-kubernetes-map-type'] === 'atomic' ? [short, fields, 1] : [short, fields];
}

/**
 * o: left out when empty; p: pointer, left out only when absent; n: pointer, null when absent; r: always written; s:
 * struct, always written; z: struct, left out when empty.
 */
function flagOf(go, type, required) {
  const struct = typeof type === 'number';
  if (go === undefined) return required ? 'r' : 'p';
  if (go.type.startsWith('*')) return go.omitempty || go.omitzero ? 'p' : 'n';
  const collection = go.type.startsWith('[') || go.type.startsWith('map[');
  const structLike = struct || (!collection && ['T', 'M', 'x', 'q'].includes(type));
  if (structLike) return go.omitzero ? 'z' : 's';
  return go.omitempty || go.omitzero ? 'o' : 'r';
}

function typeOf(property) {
  const reference = property.$ref ?? property.allOf?.[0]?.$ref;
  if (reference !== undefined) {
    if (property['x-kubernetes-map-type'] === 'atomic')
      console.error(`atomic at the reference, not at the type: ${reference}`);
    const name = reference.slice(reference.lastIndexOf('/') + 1);
    return (
      SCALARS[name] ?? (schemas.get(name)?.properties === undefined ? primitive(schemas.get(name)) : typeIndex(name))
    );
  }
  return primitive(property);
}

function primitive(property) {
  switch (property.type) {
    case 'string':
      return property.format === 'byte' ? 'B' : 's';
    case 'boolean':
      return 'b';
    case 'integer':
      return property.format === 'int64' ? 'l' : 'i';
    case 'number':
      return 'd';
    case 'array': {
      const item = typeOf(property.items);
      const kind = property['x-kubernetes-list-type'];
      const shape = kind === 'set' ? 'set' : kind === 'map' ? property['x-kubernetes-list-map-keys'] : 0;
      const merged = (property['x-kubernetes-patch-strategy'] ?? '').split(',').includes('merge');
      if (merged) return ['l', item, shape, property['x-kubernetes-patch-merge-key'] ?? ''];
      return shape === 0 ? ['l', item] : ['l', item, shape];
    }
    case 'object':
      if (property.additionalProperties === undefined) return 'a';
      return property['x-kubernetes-map-type'] === 'atomic'
        ? ['m', typeOf(property.additionalProperties), 1]
        : ['m', typeOf(property.additionalProperties)];
    default:
      return 'a';
  }
}

// ---- the run
// ---------------------------------------------------------------------------------------------------------

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const index = await get('/openapi/v3');
for (const path of Object.keys(index.paths).filter((candidate) => /^(api|apis\/[^/]+)\/v\w+$/.test(candidate))) {
  const document = await get(index.paths[path].serverRelativeURL);
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) schemas.set(name, schema);
}
const kindToSchema = new Map();
for (const [name, schema] of schemas) {
  for (const gvk of schema['x-kubernetes-group-version-kind'] ?? [])
    kindToSchema.set(`${gvk.group}/${gvk.version}/${gvk.kind}`, name);
}
const version = await get('/version');
const resourceLists = new Map();
const groups = [];
for (const root of ['/api', '/apis']) {
  for (const group of (await get(root, AGGREGATED)).items) {
    const name = group.metadata?.name ?? '';
    groups.push([name, group.versions.map((entry) => entry.version)]);
    for (const { version: v, resources } of group.versions) {
      const path = name === '' ? `/api/${v}` : `/apis/${name}/${v}`;
      const legacy = await get(path);
      resourceLists.set(
        `${name}/${v}`,
        resources.map((resource) => {
          const other = legacy.resources.find((candidate) => candidate.name === resource.resource);
          const schema = kindToSchema.get(`${name}/${v}/${resource.responseKind.kind}`);
          const row = {
            p: resource.resource,
            k: resource.responseKind.kind,
            s: resource.singularResource,
            n: resource.scope === 'Namespaced' ? 1 : 0,
            v: resource.verbs.join(','),
            t: schema === undefined ? -1 : typeIndex(schema),
          };
          if (resource.shortNames) row.h = resource.shortNames;
          if (resource.categories) row.c = resource.categories;
          if (other?.storageVersionHash) row.x = other.storageVersionHash;
          if (resource.subresources) {
            row.u = resource.subresources.map((sub) => [
              sub.subresource,
              sub.responseKind?.group ?? '',
              sub.responseKind?.version ?? '',
              sub.responseKind?.kind ?? '',
              sub.verbs.join(','),
            ]);
          }
          return row;
        }),
      );
    }
  }
}
// Bodies that are no resources: the reviews' options and the scale subresource.
const extra = {};
for (const [key, gvk] of Object.entries({
  Scale: 'autoscaling/v1/Scale',
  Eviction: 'policy/v1/Eviction',
  DeleteOptions: '/v1/DeleteOptions',
  TokenRequest: 'authentication.k8s.io/v1/TokenRequest',
})) {
  const schema = kindToSchema.get(gvk);
  if (schema !== undefined) extra[key] = typeIndex(schema);
}
const table = { version, groups, resources: Object.fromEntries(resourceLists), extra, types };
const json = JSON.stringify(table);
const literal = `'${json.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
writeFileSync(
  args.out,
  `// SPDX-License-Identifier: Apache-2.0
// Generated by generate.mjs from a kube-apiserver ${version.gitVersion}; do not edit.

/** The schemas and discovery documents of that server, as JSON. */
export const BUILTIN_TABLE =
  ${literal};
`,
);
console.log(`${args.out}: ${types.length} types, ${json.length} bytes`);
agent.destroy();
