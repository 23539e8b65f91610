// SPDX-License-Identifier: Apache-2.0
import type { ResourceRegistry } from './rest/registry.js';
import { apiVersionOf } from './rest/resource.js';
import type { Obj, Value } from './value.js';

/**
 * As much of `/openapi/v3` as kubectl asks for before it writes: which paths there are and that their writes take `fieldValidation`.
 * Schemas are not published.
 */
export function openApiDocument(registry: ResourceRegistry, parts: readonly string[]): Obj | undefined {
  if (parts[0] !== 'openapi' || parts[1] !== 'v3') return undefined;
  const documents = registry.groups().flatMap((group) => group.versions.map((version) => ({ group: group.name, version })));
  const pathOf = (group: string, version: string): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);
  if (parts.length === 2) {
    const paths: Record<string, Value> = {};
    for (const { group, version } of documents) paths[pathOf(group, version)] = { serverRelativeURL: `/openapi/v3/${pathOf(group, version)}?hash=simulated` };
    return { paths };
  }
  const wanted = parts.slice(2).join('/');
  const found = documents.find(({ group, version }) => pathOf(group, version) === wanted);
  if (found === undefined) return undefined;
  const paths: Record<string, Value> = {};
  for (const resource of registry.resources(found.group, found.version)) {
    const base = `/${wanted}${resource.namespaced ? '/namespaces/{namespace}' : ''}/${resource.plural}`;
    const kind = { group: resource.group, version: resource.version, kind: resource.kind };
    const parameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name): Value => ({ name, in: 'query', schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true } }));
    const operation = (action: string): Obj => ({ 'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': kind, parameters, responses: { 200: { description: 'OK' } } });
    paths[base] = { post: operation('post') };
    paths[`${base}/{name}`] = { put: operation('put'), patch: operation('patch') };
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: apiVersionOf(found.group, found.version) }, paths, components: { schemas: {} } };
}
