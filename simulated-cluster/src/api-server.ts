// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { KubeRequest } from '@plumbline/kube';
import { ApiFailure, failures } from './api-failure.js';
import { coreRoot, groupDocument, groupsRoot, resourceList, wantsAggregated, AGGREGATED_V2 } from './discovery.js';
import { openApiDocument } from './openapi.js';
import type { ServerContext } from './rest/context.js';
import { viewer } from './rest/conversion.js';
import { Deletions } from './rest/deletions.js';
import { listJson } from './rest/lists.js';
import { Mutations, type WriteResult } from './rest/mutations.js';
import { type ApiRequest, flagOf, parseRequest, type ResourceTarget } from './rest/request.js';
import type { Resource } from './resource.js';
import { Subresources } from './rest/subresources.js';
import { type LineStream, Watches } from './rest/watches.js';
import { ObjectWriter } from './rest/writer.js';
import { jsonOf } from './store/json-cache.js';
import { storeKey } from './store/store.js';
import type { Obj } from './value.js';

/** An answer: a whole body, or the stream of a watch. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | LineStream;
}

const MAX_BODY_BYTES = 3 * 1024 * 1024;
const JSON_TYPE = { 'content-type': 'application/json' };

/** The simulated API server: one synchronous function from request to answer, so that every request is atomic. */
export class ApiServer {
  readonly writer: ObjectWriter;
  readonly deletions: Deletions;
  readonly watches: Watches;
  readonly #mutations: Mutations;
  readonly #subresources: Subresources;

  constructor(
    readonly context: ServerContext,
    options: { readonly bookmarkIntervalMs: number },
  ) {
    this.writer = new ObjectWriter(context);
    this.deletions = new Deletions(context, this.writer);
    this.#mutations = new Mutations(context, this.writer);
    this.watches = new Watches(context, options);
    this.#subresources = new Subresources(context, this.writer, this.deletions);
  }

  handle(raw: KubeRequest): ApiResponse {
    const request = parseRequest(raw);
    try {
      if (request.body.length > MAX_BODY_BYTES)
        throw new ApiFailure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`);
      return this.#route(request);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      return failureResponse(error);
    }
  }

  #route(request: ApiRequest): ApiResponse {
    if (request.target !== undefined) return this.#resource(request, request.target);
    const { registry, gitVersion } = this.context;
    const aggregated = wantsAggregated(request.headers['accept'] ?? '');
    const parts = request.path.split('/').filter((part) => part !== '');
    const [root, group, version] = parts;
    if (root === 'api' && group === undefined) return discovery(coreRoot(registry, aggregated), aggregated, request);
    if (root === 'api' && group === 'v1') return ok(resourceList(registry, '', 'v1'));
    if (root === 'api' && group !== undefined) throw failures.noSuchResource();
    if (root === 'apis' && group === undefined) return discovery(groupsRoot(registry, aggregated), aggregated, request);
    if (root === 'apis' && group !== undefined) {
      const found = registry.group(group);
      if (found === undefined) return pageNotFound();
      if (version === undefined) return ok(groupDocument(found));
      if (!found.versions.includes(version)) throw failures.noSuchResource();
      return ok(resourceList(registry, group, version));
    }
    if (root === 'version') return ok(versionDocument(gitVersion));
    if (root === 'healthz' || root === 'livez' || root === 'readyz')
      return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'ok' };
    const openApi = openApiDocument(registry, parts);
    return openApi === undefined ? pageNotFound() : ok(openApi);
  }

  #resource(request: ApiRequest, target: ResourceTarget): ApiResponse {
    const resource = this.context.registry.find(target.group, target.version, target.plural);
    if (resource === undefined) {
      const known = this.context.registry.group(target.group)?.versions.includes(target.version) ?? false;
      if (!known) return pageNotFound();
      throw failures.noSuchResource();
    }
    if (resource.namespaced && target.namespace === '' && target.name !== '') throw failures.noSuchResource();
    if (!resource.namespaced && target.namespace !== '') throw failures.noSuchResource();
    if (target.subresource !== '') return this.#subresource(resource, target, request);
    if (target.name === '') return this.#collection(resource, target, request);
    switch (request.method) {
      case 'GET':
        return flagOf(request.query, 'watch') ? this.#watch(resource, target, request) : this.#get(resource, target);
      case 'PUT':
        return this.#written(resource, this.#mutations.replace(resource, target, request));
      case 'PATCH':
        return this.#written(resource, this.#mutations.patch(resource, target, request));
      case 'DELETE':
        return deleted(this.deletions.one(resource, target, request), viewer(resource));
      default:
        throw failures.methodNotAllowed();
    }
  }

  #collection(resource: Resource, target: ResourceTarget, request: ApiRequest): ApiResponse {
    const view = viewer(resource);
    switch (request.method) {
      case 'GET':
        if (!resource.verbs.includes('list')) throw failures.methodNotAllowed();
        if (flagOf(request.query, 'watch')) return this.#watch(resource, target, request);
        return { status: 200, headers: JSON_TYPE, body: listJson(this.context, resource, target, request, view) };
      case 'POST': {
        const review = this.#subresources.review(resource, request);
        if (review !== undefined) return { status: 201, headers: JSON_TYPE, body: JSON.stringify(review) };
        if (resource.namespaced && target.namespace === '') throw failures.methodNotAllowed();
        return this.#written(resource, this.#mutations.create(resource, target, request));
      }
      case 'DELETE': {
        const removed = this.deletions.collection(resource, target, request);
        return ok({
          kind: `${resource.kind}List`,
          apiVersion: resource.apiVersion,
          metadata: { resourceVersion: String(this.context.store.revision) },
          items: removed.map(view),
        });
      }
      default:
        throw failures.methodNotAllowed();
    }
  }

  #subresource(resource: Resource, target: ResourceTarget, request: ApiRequest): ApiResponse {
    const sub = resource.subresources.get(target.subresource);
    if (sub === undefined)
      throw resource.custom === undefined ? failures.noSuchResource() : failures.notFound(resource, target.name);
    if (
      target.subresource !== 'status' &&
      target.subresource !== 'approval' &&
      target.subresource !== 'ephemeralcontainers' &&
      target.subresource !== 'resize'
    ) {
      const { status, object } = this.#subresources.handle(resource, target, request);
      return { status, headers: JSON_TYPE, body: JSON.stringify(object) };
    }
    switch (request.method) {
      case 'GET':
        return this.#get(resource, target);
      case 'PUT':
        return this.#written(resource, this.#mutations.replace(resource, target, request));
      case 'PATCH':
        return this.#written(resource, this.#mutations.patch(resource, target, request));
      default:
        throw failures.methodNotAllowed();
    }
  }

  #get(resource: Resource, target: ResourceTarget): ApiResponse {
    const object = this.context.live(resource, storeKey(target.namespace, target.name));
    if (object === undefined) throw failures.notFound(resource, target.name);
    return { status: 200, headers: JSON_TYPE, body: jsonOf(viewer(resource)(object)) };
  }

  #watch(resource: Resource, target: ResourceTarget, request: ApiRequest): ApiResponse {
    if (!resource.verbs.includes('watch')) throw failures.methodNotAllowed();
    return { status: 200, headers: JSON_TYPE, body: this.watches.start(resource, target, request, viewer(resource)) };
  }

  #written(resource: Resource, result: WriteResult): ApiResponse {
    return {
      status: result.status,
      headers: { ...JSON_TYPE, ...warningHeader(result.warnings) },
      body: jsonOf(viewer(resource)(result.object)),
    };
  }
}

function warningHeader(warnings: readonly string[]): Readonly<Record<string, string>> {
  return warnings.length === 0 ? {} : { warning: warnings.map((text) => `299 - ${JSON.stringify(text)}`).join(', ') };
}

function ok(object: Obj): ApiResponse {
  return { status: 200, headers: JSON_TYPE, body: JSON.stringify(object) };
}

function deleted(
  result: { readonly object: Obj; readonly warnings: readonly string[] },
  view: (object: Obj) => Obj,
): ApiResponse {
  const object = result.object['kind'] === 'Status' ? result.object : view(result.object);
  return { status: 200, headers: { ...JSON_TYPE, ...warningHeader(result.warnings) }, body: JSON.stringify(object) };
}

function discovery(object: Obj, aggregated: boolean, request: ApiRequest): ApiResponse {
  const body = JSON.stringify(object);
  if (!aggregated) return { status: 200, headers: { ...JSON_TYPE, vary: 'Accept' }, body };
  const etag = `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"`;
  const headers = { 'content-type': AGGREGATED_V2, vary: 'Accept', etag };
  return request.headers['if-none-match'] === etag
    ? { status: 304, headers, body: '' }
    : { status: 200, headers, body };
}

function pageNotFound(): ApiResponse {
  return { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: '404 page not found\n' };
}

/** The answer for an error. */
export function failureResponse(error: ApiFailure): ApiResponse {
  const retryAfter = error.details?.retryAfterSeconds;
  return {
    status: error.code,
    headers: {
      ...JSON_TYPE,
      ...warningHeader(error.warnings),
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify(error.status()),
  };
}

function versionDocument(gitVersion: string): Obj {
  const [, major = '1', minor = '0'] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  return {
    major,
    minor,
    gitVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'plumbline',
    platform: 'simulated',
  };
}
