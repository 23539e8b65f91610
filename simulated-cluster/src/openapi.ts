// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { ResourceRegistry } from './rest/registry.js';
import { apiVersionOf, type Resource } from './resource.js';
import { builtinSchemas } from './schema/builtin-schema.js';
import { PublishedTypes } from './schema/published.js';
import type { Obj, Value } from './value.js';

interface Document {
  readonly content: Obj;
  /** Of the JSON text, as the real server computes it. */
  readonly hash: string;
}

/** Documents of built-in group-versions, which no definition can change. */
const builtin = new Map<string, Document>();

/**
 * As much of `/openapi/v3` as clients ask for: which paths there are, that their writes take `fieldValidation`, and
 * the schemas of the kinds.
 */
export function openApiDocument(registry: ResourceRegistry, parts: readonly string[]): Obj | undefined {
  if (parts[0] !== 'openapi' || parts[1] !== 'v3') return undefined;
  const documents = registry
    .groups()
    .flatMap((group) => group.versions.map((version) => ({ group: group.name, version })));
  const pathOf = (group: string, version: string): string =>
    group === '' ? `api/${version}` : `apis/${group}/${version}`;
  if (parts.length === 2) {
    const paths: Record<string, Value> = {};
    for (const { group, version } of documents) {
      const path = pathOf(group, version);
      paths[path] = {
        serverRelativeURL: `/openapi/v3/${path}?hash=${documentOf(path, registry.resources(group, version)).hash}`,
      };
    }
    return { paths };
  }
  const wanted = parts.slice(2).join('/');
  const found = documents.find(({ group, version }) => pathOf(group, version) === wanted);
  return found === undefined ? undefined : documentOf(wanted, registry.resources(found.group, found.version)).content;
}

function documentOf(path: string, resources: readonly Resource[]): Document {
  const known = builtin.get(path);
  const fixed = resources.every(({ custom }) => custom === undefined);
  if (fixed && known !== undefined) return known;
  const content = contentOf(path, resources);
  const document = { content, hash: createHash('sha512').update(JSON.stringify(content)).digest('hex').toUpperCase() };
  if (fixed) builtin.set(path, document);
  return document;
}

function contentOf(path: string, resources: readonly Resource[]): Obj {
  const paths: Record<string, Value> = {};
  const types = new PublishedTypes();
  let title = path;
  for (const resource of resources) {
    title = apiVersionOf(resource.group, resource.version);
    const base = `/${path}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.plural}`;
    const kind = { group: resource.group, version: resource.version, kind: resource.kind };
    const parameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name): Value => ({
      name,
      in: 'query',
      schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
    }));
    const operation = (action: string): Obj => ({
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': kind,
      parameters,
      responses: { 200: { description: 'OK' } },
    });
    paths[base] = { post: operation('post') };
    paths[`${base}/{name}`] = { put: operation('put'), patch: operation('patch') };
    if (resource.custom !== undefined) types.addCustom(resource.custom.openApi, kind);
    else {
      const row = builtinSchemas().table.resources[`${resource.group}/${resource.version}`]?.find(
        ({ p }) => p === resource.plural,
      );
      if (row !== undefined && row.t >= 0) types.addBuiltin(row.t, kind);
    }
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: title },
    paths,
    components: { schemas: types.schemas },
  };
}
