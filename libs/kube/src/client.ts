// SPDX-License-Identifier: Apache-2.0
import { type Clock, UpstreamError } from '@plumbline/core';
import { Discovery } from './discovery.js';
import { apiErrorFrom, isGone, isNotFound, type RequestSubject } from './errors.js';
import { parseJson, parseWarnings, yamlSafeJson } from './json.js';
import type { KubeMethod, KubeResponse, KubeTransport } from './kube-transport.port.js';
import type { ApiResource, KubeObject, NewKubeObject } from './types.js';

/** The field manager of everything Plumbline applies. */
export const FIELD_MANAGER = 'plumbline';

/** What happens to dependants of a deleted object. Never left to the server: its default differs by kind. */
export type PropagationPolicy = 'Background' | 'Foreground' | 'Orphan';

/** How strictly unknown and duplicate fields are refused. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** Common to all calls. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Options of writes. */
export interface WriteOptions extends CallOptions {
  /** Everything but the write itself: admission, defaulting, validation, quota. */
  readonly dryRun?: boolean;
  /** Default {@link FIELD_MANAGER}. */
  readonly fieldManager?: string;
  /** Default `Strict`. */
  readonly fieldValidation?: FieldValidation;
}

/** Options of server-side apply. */
export interface ApplyOptions extends WriteOptions {
  /** Take fields over from other managers instead of failing with a field-manager conflict; default false. */
  readonly force?: boolean;
}

/** What server-side apply did. */
export interface ApplyResult {
  /** The object as the server has it now (or would have it, in a dry run). */
  readonly object: KubeObject;
  /** False when the object existed. */
  readonly created: boolean;
  /** The server's warnings: deprecated versions, policies in warn mode. Withheld for Secrets. */
  readonly warnings: readonly string[];
}

/** Which objects a list gives. */
export interface ListOptions extends CallOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects a page; default 500. */
  readonly limit?: number;
  /** Start at this page. */
  readonly continueToken?: string;
  /** `0` accepts any cached state. By default the list is as of now. */
  readonly resourceVersion?: string;
}

/** One page of a list. */
export interface ListPage {
  readonly items: readonly KubeObject[];
  /** Where a watch goes on from. */
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continueToken?: string;
  readonly remainingItemCount?: number;
}

/** How to delete. */
export interface DeleteOptions extends CallOptions {
  readonly propagationPolicy: PropagationPolicy;
  /** The delete is refused (409) when the object has another UID. */
  readonly uid?: string;
  /** The delete is refused (409) when the object has changed. */
  readonly resourceVersion?: string;
  readonly dryRun?: boolean;
  readonly gracePeriodSeconds?: number;
}

/** What a delete did. `gone` is false while finalizers or a grace period hold the object. */
export interface DeleteResult {
  readonly object: KubeObject | undefined;
  readonly gone: boolean;
}

/** How a client treats its cluster. */
export interface KubeClientOptions {
  /** Name for error messages. */
  readonly cluster?: string;
  readonly clock?: Clock;
  /** Limit for one request and its answer (not watches); default 60 seconds. */
  readonly timeoutMs?: number;
}

interface Call {
  readonly method: KubeMethod;
  readonly path: string;
  readonly subject: RequestSubject;
  readonly body?: string;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The path of a collection or an object, e.g. `/apis/apps/v1/namespaces/web/deployments/shop`. Names keep their case.
 */
export function resourcePath(resource: ApiResource, namespace?: string, ...rest: readonly string[]): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return [`${root}${scope}/${resource.plural}`, ...rest.map(encodeURIComponent)].join('/');
}

/** Appends a query; undefined values are left out. */
export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, String(value));
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}

/**
 * A client of one cluster: raw JSON in and out, every error typed, nothing retried.
 * Refusals of the server are {@link KubeApiError}; a connection that failed is an `UpstreamError` with `retry:
 * 'after-delay'`.
 */
export class KubeClient {
  /** What the cluster serves. */
  readonly discovery: Discovery;
  readonly #cluster: string | undefined;
  readonly #timeoutMs: number;

  constructor(
    /** For what this client has no method for. */
    readonly transport: KubeTransport,
    options: KubeClientOptions = {},
  ) {
    this.discovery = new Discovery(transport, {
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
    });
    this.#cluster = options.cluster;
    this.#timeoutMs = options.timeoutMs ?? 60_000;
  }

  /** The version of the API server. */
  async version(): Promise<{ readonly gitVersion: string }> {
    const answer = await this.#call({
      method: 'GET',
      path: '/version',
      subject: { verb: 'read', group: '', kind: 'version', cluster: this.#cluster },
    });
    return parseJson(answer.text, 'GET /version');
  }

  /** UID of the namespace `kube-system`: the identity of a cluster, whatever its address. */
  async serverUid(): Promise<string> {
    const path = '/api/v1/namespaces/kube-system';
    const answer = await this.#call({
      method: 'GET',
      path,
      subject: { verb: 'get', group: '', kind: 'Namespace', name: 'kube-system', cluster: this.#cluster },
    });
    const { uid } = parseJson<KubeObject>(answer.text, path).metadata;
    if (uid === undefined)
      throw new UpstreamError('PLB-6127', 'the namespace kube-system has no UID: this is not a Kubernetes API server');
    return uid;
  }

  /**
   * The object, or undefined when it does not exist. A missing namespace or kind is a 404 too: ask discovery to tell
   * them apart.
   */
  async get(
    resource: ApiResource,
    namespace: string | undefined,
    name: string,
    options: CallOptions = {},
  ): Promise<KubeObject | undefined> {
    try {
      const answer = await this.#call({
        method: 'GET',
        path: resourcePath(resource, namespace, name),
        subject: this.#subject('get', resource, namespace, name),
        ...options,
      });
      return parseJson(answer.text, 'get');
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** One page of a list. @throws KubeApiError 410 when the continue token has expired. */
  async listPage(resource: ApiResource, options: ListOptions = {}): Promise<ListPage> {
    // A continue token stands for its own version; the server refuses both together.
    const resourceVersion = options.continueToken === undefined ? options.resourceVersion : undefined;
    const path = withQuery(resourcePath(resource, options.namespace), {
      limit: options.limit ?? 500,
      continue: options.continueToken,
      resourceVersion,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
    });
    const subject = this.#subject('list', resource, options.namespace);
    const answer = await this.#call({ method: 'GET', path, subject, signal: options.signal });
    return toPage(answer.text, resource);
  }

  /** The pages of a list, read as the caller goes on. The first page's `resourceVersion` holds for all of them. */
  async *pages(resource: ApiResource, options: ListOptions = {}): AsyncGenerator<ListPage> {
    let page = await this.listPage(resource, options);
    yield page;
    while (page.continueToken !== undefined) {
      page = await this.listPage(resource, { ...options, continueToken: page.continueToken });
      yield page;
    }
  }

  /** Returns all objects as of one resourceVersion. Starts again once if the continue token expires. */
  async list(
    resource: ApiResource,
    options: ListOptions = {},
  ): Promise<{ readonly items: readonly KubeObject[]; readonly resourceVersion: string }> {
    try {
      return await this.#listOnce(resource, options);
    } catch (error) {
      if (!isGone(error)) throw error;
      return this.#listOnce(resource, options);
    }
  }

  /**
   * Server-side apply: creates the object or sets exactly the fields given, removing those that only this manager
   * owned and no longer sends.
   */
  async apply(resource: ApiResource, object: KubeObject, options: ApplyOptions = {}): Promise<ApplyResult> {
    const { name, namespace } = object.metadata;
    const path = withQuery(resourcePath(resource, namespace, name), {
      ...writeQuery(options),
      force: options.force === true ? true : undefined,
    });
    const subject = this.#subject(options.dryRun === true ? 'dry-run apply' : 'apply', resource, namespace, name);
    const answer = await this.#call({
      method: 'PATCH',
      path,
      subject,
      body: yamlSafeJson(object),
      contentType: 'application/apply-patch+yaml',
      signal: options.signal,
    });
    const secret = resource.group === '' && resource.kind === 'Secret';
    const warnings = parseWarnings(answer.headers['warning']);
    return {
      object: parseJson(answer.text, 'apply'),
      created: answer.status === 201,
      warnings: secret && warnings.length > 0 ? ['the API server warned about this Secret (text withheld)'] : warnings,
    };
  }

  /** @throws KubeApiError AlreadyExists when an object of that name exists. */
  async create(resource: ApiResource, object: NewKubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    const path = withQuery(resourcePath(resource, namespace), writeQuery(options));
    return this.#write(
      { method: 'POST', path, subject: this.#subject('create', resource, namespace, name), signal: options.signal },
      object,
    );
  }

  /** Replaces the whole object. With `metadata.resourceVersion` set, only if it is still at that version (else 409). */
  async replace(resource: ApiResource, object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    const path = withQuery(resourcePath(resource, namespace, name), writeQuery(options));
    return this.#write(
      { method: 'PUT', path, subject: this.#subject('replace', resource, namespace, name), signal: options.signal },
      object,
    );
  }

  /** Applies a JSON patch (an array of operations) or a merge patch (an object). */
  async patch(
    resource: ApiResource,
    target: { readonly namespace?: string | undefined; readonly name: string; readonly subresource?: string },
    patch: { readonly json: readonly unknown[] } | { readonly merge: object },
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const { namespace, name, subresource } = target;
    const path = withQuery(
      resourcePath(resource, namespace, name, ...(subresource === undefined ? [] : [subresource])),
      writeQuery(options),
    );
    const [body, contentType] =
      'json' in patch ? [patch.json, 'application/json-patch+json'] : [patch.merge, 'application/merge-patch+json'];
    return this.#write(
      {
        method: 'PATCH',
        path,
        subject: this.#subject('patch', resource, namespace, name),
        signal: options.signal,
        contentType,
      },
      body,
    );
  }

  /**
   * Deletes one object. An object that is not there counts as gone. @throws KubeApiError 409 when a precondition does
   * not hold.
   */
  async delete(
    resource: ApiResource,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions,
  ): Promise<DeleteResult> {
    const { uid, resourceVersion, propagationPolicy, dryRun, gracePeriodSeconds } = options;
    const body = JSON.stringify({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy,
      gracePeriodSeconds,
      ...(uid === undefined && resourceVersion === undefined ? {} : { preconditions: { uid, resourceVersion } }),
      ...(dryRun === true ? { dryRun: ['All'] } : {}),
    });
    const path = resourcePath(resource, namespace, name);
    const subject = this.#subject('delete', resource, namespace, name);
    try {
      const answer = await this.#call({
        method: 'DELETE',
        path,
        subject,
        body,
        contentType: 'application/json',
        signal: options.signal,
      });
      return toDeleteResult(parseJson<KubeObject>(answer.text, 'delete'));
    } catch (error) {
      if (isNotFound(error)) return { object: undefined, gone: true };
      throw error;
    }
  }

  /** Merges into the status subresource, as a controller would. */
  async patchStatus(
    resource: ApiResource,
    namespace: string | undefined,
    name: string,
    status: object,
  ): Promise<KubeObject> {
    return this.patch(resource, { namespace, name, subresource: 'status' }, { merge: { status } });
  }

  /** Replaces the status subresource, as a controller would. */
  async replaceStatus(resource: ApiResource, object: KubeObject): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    const path = withQuery(resourcePath(resource, namespace, name, 'status'), writeQuery({}));
    return this.#write(
      { method: 'PUT', path, subject: this.#subject('replace the status of', resource, namespace, name) },
      object,
    );
  }

  /**
   * Opens a watch: the caller reads `lines()` and MUST abort `signal` to end it. Use `ResourceWatch` unless you test
   * the server.
   * @throws KubeApiError when the server refuses, e.g. 410.
   */
  async watch(
    resource: ApiResource,
    query: Query & { readonly namespace?: string | undefined },
    signal: AbortSignal,
  ): Promise<KubeResponse> {
    const { namespace, ...rest } = query;
    const path = withQuery(resourcePath(resource, namespace), { ...rest, watch: true });
    const response = await this.transport.request({
      method: 'GET',
      path,
      headers: { accept: 'application/json' },
      signal,
    });
    if (response.status === 200) return response;
    const { status, headers } = response;
    throw apiErrorFrom(this.#subject('watch', resource, namespace), { status, headers, text: await response.text() });
  }

  /** Ends the transport and with it every open request. */
  async close(): Promise<void> {
    await this.transport.close();
  }

  async #listOnce(
    resource: ApiResource,
    options: ListOptions,
  ): Promise<{ items: KubeObject[]; resourceVersion: string }> {
    const items: KubeObject[] = [];
    let resourceVersion = '';
    for await (const page of this.pages(resource, options)) {
      items.push(...page.items);
      resourceVersion = page.resourceVersion;
    }
    return { items, resourceVersion };
  }

  #subject(verb: string, resource: ApiResource, namespace?: string, name?: string): RequestSubject {
    const { group, kind, namespaced } = resource;
    return { verb, group, kind, namespace: namespaced ? namespace : undefined, name, cluster: this.#cluster };
  }

  async #write(call: Call, body: unknown): Promise<KubeObject> {
    const answer = await this.#call({ contentType: 'application/json', ...call, body: JSON.stringify(body) });
    return parseJson(answer.text, call.subject.verb);
  }

  async #call({ method, path, subject, body, contentType, signal }: Call): Promise<Answer> {
    // One timer that is cleared: AbortSignal.timeout would keep a signal for each of many thousand requests alive.
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new DOMException('timed out', 'TimeoutError')), this.#timeoutMs);
    try {
      const response = await this.transport.request({
        method,
        path,
        headers: { accept: 'application/json', ...(contentType === undefined ? {} : { 'content-type': contentType }) },
        ...(body === undefined ? {} : { body }),
        signal: signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
      });
      const answer = { status: response.status, headers: response.headers, text: await response.text() };
      if (answer.status >= 200 && answer.status < 300) return answer;
      throw apiErrorFrom(subject, answer);
    } finally {
      clearTimeout(timer);
    }
  }
}

function writeQuery(options: WriteOptions): Query {
  return {
    fieldManager: options.fieldManager ?? FIELD_MANAGER,
    fieldValidation: options.fieldValidation ?? 'Strict',
    dryRun: options.dryRun === true ? 'All' : undefined,
  };
}

interface RawList {
  readonly metadata?: {
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items?: readonly KubeObject[] | null;
}

function toPage(text: string, resource: ApiResource): ListPage {
  const { metadata = {}, items } = parseJson<RawList>(text, `list ${resource.plural}`);
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  // Items of built-in lists come without apiVersion and kind; those of custom resources carry their own.
  const typed = (items ?? []).map((item) => ({
    ...item,
    apiVersion: item.apiVersion ?? apiVersion,
    kind: item.kind ?? resource.kind,
  }));
  return {
    items: typed,
    resourceVersion: metadata.resourceVersion ?? '',
    ...(metadata.continue === undefined || metadata.continue === '' ? {} : { continueToken: metadata.continue }),
    ...(metadata.remainingItemCount === undefined ? {} : { remainingItemCount: metadata.remainingItemCount }),
  };
}

function toDeleteResult(answer: KubeObject): DeleteResult {
  if (answer.kind === 'Status') return { object: undefined, gone: true };
  const { finalizers = [], deletionTimestamp, deletionGracePeriodSeconds = 0 } = answer.metadata;
  const { spec } = answer;
  // Only namespaces hold finalizers in their spec.
  const held =
    typeof spec === 'object' &&
    spec !== null &&
    'finalizers' in spec &&
    Array.isArray(spec.finalizers) &&
    spec.finalizers.length > 0;
  // Some kinds (Service, ServiceAccount, Pod…) answer with the object even when it is gone at once.
  const pending = deletionTimestamp !== undefined && (finalizers.length > 0 || held || deletionGracePeriodSeconds > 0);
  return { object: answer, gone: !pending };
}
