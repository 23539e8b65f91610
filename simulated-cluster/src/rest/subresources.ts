// SPDX-License-Identifier: Apache-2.0
import { ApiFailure, failures } from '../api-failure.js';
import { trackUpdate } from '../smd/field-manager.js';
import { storeKey } from '../store/store.js';
import { isObj, listAt, numberAt, type Obj, objAt, textAt, textsAt, type Value, withAt } from '../value.js';
import type { ServerContext } from './context.js';
import type { Deletions } from './deletions.js';
import { jsonPatch, mergePatch } from './patches.js';
import type { ApiRequest, ResourceTarget } from './request.js';
import type { Resource } from '../resource.js';
import type { ObjectWriter } from './writer.js';

interface Answer {
  readonly status: 200 | 201;
  readonly object: Obj;
}

/**
 * Subresources other than `status`: scale, finalize, eviction, binding, token; and the reviews that are stored
 * nowhere.
 */
export class Subresources {
  readonly #context: ServerContext;
  readonly #writer: ObjectWriter;
  readonly #deletions: Deletions;

  constructor(context: ServerContext, writer: ObjectWriter, deletions: Deletions) {
    this.#context = context;
    this.#writer = writer;
    this.#deletions = deletions;
  }

  handle(resource: Resource, target: ResourceTarget, request: ApiRequest): Answer {
    const live = this.#context.live(resource, storeKey(target.namespace, target.name));
    if (live === undefined) throw failures.notFound(resource, target.name);
    switch (target.subresource) {
      case 'scale':
        return { status: 200, object: this.#scale(resource, live, request) };
      case 'finalize':
        return { status: 200, object: this.#finalize(resource, live, bodyOf(request)) };
      case 'eviction':
        return { status: 201, object: this.#evict(resource, live) };
      case 'binding':
        return { status: 201, object: this.#bind(resource, live, bodyOf(request)) };
      case 'token':
        return { status: 201, object: this.#token(live, bodyOf(request)) };
      default:
        throw failures.methodNotAllowed();
    }
  }

  /** The answer of a review (access, token): everybody may do everything here. Undefined for other resources. */
  review(resource: Resource, request: ApiRequest): Obj | undefined {
    if (resource.group !== 'authorization.k8s.io' && resource.group !== 'authentication.k8s.io') return undefined;
    const body = bodyOf(request);
    const base = { kind: resource.kind, apiVersion: resource.apiVersion, metadata: {}, spec: body['spec'] };
    if (resource.kind === 'SelfSubjectReview')
      return {
        ...base,
        status: { userInfo: { username: 'simulated', groups: ['system:masters', 'system:authenticated'] } },
      };
    if (resource.kind === 'TokenReview')
      return { ...base, status: { authenticated: true, user: { username: 'simulated' } } };
    if (resource.kind === 'SelfSubjectRulesReview')
      return {
        ...base,
        status: {
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
          incomplete: false,
        },
      };
    return { ...base, status: { allowed: true } };
  }

  #scale(resource: Resource, live: Obj, request: ApiRequest): Obj {
    const paths = scalePaths(resource);
    if (request.method === 'GET') return scaleOf(live, paths);
    const current = scaleOf(live, paths);
    const body = bodyOf(request);
    const type = (request.headers['content-type'] ?? '').split(';')[0];
    const next: Value =
      request.method === 'PUT'
        ? body
        : type === 'application/json-patch+json'
          ? jsonPatch(current, JSON.parse(request.body))
          : mergePatch(current, body);
    const replicas = numberAt(next, 'spec', 'replicas') ?? 0;
    const version = textAt(next, 'metadata', 'resourceVersion');
    const changed = withAt(withAt(live, paths.spec, replicas), ['metadata', 'resourceVersion'], version);
    const manager =
      request.query.get('fieldManager') ?? (request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown';
    const tracked = trackUpdate(live, changed, {
      types: { schemaOf: (apiVersion) => this.#context.registry.schemaIn(resource, apiVersion) },
      apiVersion: resource.apiVersion,
      manager,
      subresource: 'scale',
      now: this.#context.now(),
      blank: {},
    });
    const dryRun = request.query.get('dryRun') === 'All';
    return scaleOf(this.#writer.update(resource, live, tracked, { dryRun, subresource: '' }), paths);
  }

  #finalize(resource: Resource, live: Obj, body: Obj): Obj {
    const next = withAt(live, ['spec', 'finalizers'], textsAt(body, 'spec', 'finalizers'));
    return this.#writer.update(resource, live, next, { dryRun: false, subresource: 'finalize' });
  }

  #evict(resource: Resource, live: Obj): Obj {
    for (const key of this.#context.store.keys(
      'policy/poddisruptionbudgets',
      textAt(live, 'metadata', 'namespace') ?? '',
    )) {
      const budget = this.#context.store.get('policy/poddisruptionbudgets', key);
      const selector = objAt(budget, 'spec', 'selector', 'matchLabels');
      const labels = objAt(live, 'metadata', 'labels');
      const matches = Object.keys(selector).every((label) => selector[label] === labels[label]);
      if (matches && numberAt(budget, 'status', 'disruptionsAllowed') === 0) {
        throw new ApiFailure(
          429,
          'TooManyRequests',
          "Cannot evict pod as it would violate the pod's disruption budget.",
          {},
        );
      }
    }
    this.#deletions.remove(resource, live, { dryRun: false, propagation: undefined });
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  }

  #bind(resource: Resource, live: Obj, body: Obj): Obj {
    const node = textAt(body, 'target', 'name') ?? '';
    this.#writer.update(resource, live, withAt(live, ['spec', 'nodeName'], node), {
      dryRun: false,
      subresource: 'binding',
    });
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  }

  #token(live: Obj, body: Obj): Obj {
    const seconds = numberAt(body, 'spec', 'expirationSeconds') ?? 3600;
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name: textAt(live, 'metadata', 'name'), namespace: textAt(live, 'metadata', 'namespace') },
      spec: body['spec'],
      status: {
        token: `simulated.${this.#context.uid()}`,
        expirationTimestamp: `${new Date(this.#context.clock.nowMs() + seconds * 1000).toISOString().slice(0, 19)}Z`,
      },
    };
  }
}

interface ScalePaths {
  readonly spec: readonly string[];
  readonly status: readonly string[];
  readonly selector: readonly string[] | undefined;
}

function scalePaths(resource: Resource): ScalePaths {
  const given = resource.custom === undefined ? undefined : scaleOfCustom(resource);
  const path = (text: string): readonly string[] => text.split('.').filter((part) => part !== '');
  if (given === undefined)
    return { spec: ['spec', 'replicas'], status: ['status', 'replicas'], selector: ['spec', 'selector'] };
  return {
    spec: path(textAt(given, 'specReplicasPath') ?? '.spec.replicas'),
    status: path(textAt(given, 'statusReplicasPath') ?? '.status.replicas'),
    selector:
      textAt(given, 'labelSelectorPath') === undefined ? undefined : path(textAt(given, 'labelSelectorPath') ?? ''),
  };
}

function scaleOfCustom(resource: Resource): Obj {
  const version = listAt(resource.custom?.definition, 'spec', 'versions').find(
    (entry) => textAt(entry, 'name') === resource.version,
  );
  return objAt(version, 'subresources', 'scale');
}

function scaleOf(live: Obj, paths: ScalePaths): Obj {
  const metadata = objAt(live, 'metadata');
  const selector =
    paths.selector === undefined
      ? undefined
      : selectorText(paths.selector.reduce<Value | undefined>((at, key) => (isObj(at) ? at[key] : undefined), live));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: metadata['name'],
      namespace: metadata['namespace'],
      uid: metadata['uid'],
      resourceVersion: metadata['resourceVersion'],
      creationTimestamp: metadata['creationTimestamp'],
    },
    spec: (numberAt(live, ...paths.spec) ?? 0) === 0 ? {} : { replicas: numberAt(live, ...paths.spec) },
    status: {
      replicas: numberAt(live, ...paths.status) ?? 0,
      ...(selector === undefined || selector === '' ? {} : { selector }),
    },
  };
}

function selectorText(selector: Value | undefined): string {
  if (typeof selector === 'string') return selector;
  if (!isObj(selector)) return '';
  const labels = isObj(selector['matchLabels'])
    ? selector['matchLabels']
    : selector['matchExpressions'] === undefined
      ? selector
      : {};
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${String(labels[key])}`)
    .join(',');
}

function bodyOf(request: ApiRequest): Obj {
  let body: Value = {};
  try {
    if (request.body !== '') body = JSON.parse(request.body);
  } catch (error) {
    throw failures.badRequest(error instanceof Error ? error.message : 'cannot parse the body');
  }
  return isObj(body) ? body : {};
}
