// SPDX-License-Identifier: Apache-2.0
import { type Clock, systemClock, UpstreamError } from '@plumbline/core';
import type { KubeRequest, KubeTransport } from '@plumbline/kube';
import { failures } from './api-failure.js';
import { type ApiResponse, ApiServer, failureResponse } from './api-server.js';
import { bootstrap } from './bootstrap.js';
import { Definitions } from './controllers/definitions.js';
import { Scheduler } from './controllers/scheduler.js';
import { Controllers, type StatusSimulation, type WorkloadFailure } from './controllers/controllers.js';
import { type AdmissionHook, ServerContext } from './rest/context.js';
import { ResourceRegistry } from './rest/registry.js';
import { Store, type StoreState } from './store/store.js';
import { SimulatedTransport } from './transport.js';

/** One request that the cluster answered. */
export interface RecordedRequest {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'apply' | 'delete' | 'deletecollection';
  readonly method: KubeRequest['method'];
  /** Without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly status: number;
}

/** Options of a simulated cluster. */
export interface SimulatedClusterOptions {
  /** For messages only. */
  readonly name: string;
  /** Where the clock of a cluster without `clock` starts, in milliseconds since the Unix epoch; now by default. */
  readonly seedTime?: number;
  readonly clock?: Clock;
  /**
   * Off by default: like a bare API server, nothing gets a status and namespaces stay Terminating. On: workloads
   * become ready, namespaces
   * finalise, owners are garbage-collected.
   */
  readonly simulateStatus?: boolean | StatusSimulation;
  /** `v1.35.4` by default. */
  readonly kubernetesVersion?: string;
  /** How many requests `requests` keeps; 10,000 by default, 0 for none. */
  readonly recordedRequests?: number;
  /** How many changes the history keeps at least before old watches get 410; 10,000 by default. */
  readonly maxHistory?: number;
  /** 60 s by default. */
  readonly bookmarkIntervalMs?: number;
  /** Until a CRD is established; 10 ms by default. */
  readonly establishDelayMs?: number;
}

/** The whole state of a simulated cluster as JSON. */
export interface SimulatedClusterState {
  readonly format: 1;
  readonly store: StoreState;
}

/**
 * A Kubernetes API server in this process that behaves like kube-apiserver 1.35 as far as a deploying client can
 * observe; the contract suite of
 * `@plumbline/kube/testing` runs on both. Requests are answered atomically in the order of arrival. All state is in
 * memory; `snapshot` and `restore`
 * move it to another process.
 */
export class SimulatedCluster {
  readonly #options: SimulatedClusterOptions;

  /** The newest requests, oldest first. Bodies are kept as sent, so they must not be logged. */
  readonly requests: RecordedRequest[] = [];
  readonly #context: ServerContext;
  readonly #server: ApiServer;
  readonly #scheduler = new Scheduler();
  readonly #definitions: Definitions;
  readonly #controllers: Controllers | undefined;
  readonly #transports = new Set<SimulatedTransport>();
  #latencyMs: (request: KubeRequest) => number = () => 0;
  #refusals = { left: 0, retryAfterSeconds: 1, matches: (_: KubeRequest): boolean => true };

  constructor(options: SimulatedClusterOptions) {
    this.#options = options;

    const started = systemClock.nowMs();
    const seed = options.seedTime;
    const clock =
      options.clock ?? (seed === undefined ? systemClock : { nowMs: () => seed + systemClock.nowMs() - started });
    const store = new Store({ maxHistory: options.maxHistory ?? 10_000, firstRevision: 0 });
    this.#context = new ServerContext(store, new ResourceRegistry(), clock, options.kubernetesVersion ?? 'v1.35.4');
    this.#server = new ApiServer(this.#context, { bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000 });
    this.#definitions = new Definitions(this.#server, this.#scheduler, options.establishDelayMs ?? 10);
    const simulate = options.simulateStatus ?? false;
    if (simulate !== false)
      this.#controllers = new Controllers(this.#server, this.#scheduler, simulate === true ? {} : simulate);
    bootstrap(this.#server);
    this.#context.readAllocations();
  }

  /** A transport of its own for a client in this process. */
  transport(): KubeTransport {
    const transport = new SimulatedTransport((request) => this.answer(request));
    this.#transports.add(transport);
    return transport;
  }

  /** Delays every answer: a constant, or by request. 0 turns it off. */
  injectLatency(latencyMs: number | ((request: KubeRequest) => number)): void {
    this.#latencyMs = typeof latencyMs === 'number' ? () => latencyMs : latencyMs;
  }

  /** Answers the next `count` requests (those that match, if a filter is given) with 429 and Retry-After. */
  inject429(
    count: number,
    options: { readonly retryAfterSeconds?: number; readonly matches?: (request: KubeRequest) => boolean } = {},
  ): void {
    this.#refusals = {
      left: count,
      retryAfterSeconds: options.retryAfterSeconds ?? 1,
      matches: options.matches ?? (() => true),
    };
  }

  /** Installs an admission hook that is called before every write; returns a function that removes it. */
  denyAdmission(hook: AdmissionHook): () => void {
    this.#context.admissionHooks.add(hook);
    return () => {
      this.#context.admissionHooks.delete(hook);
    };
  }

  /** Deletes the history, so that older watches and continue tokens get 410 Gone. */
  compactNow(): void {
    this.#context.store.compact();
  }

  /** Breaks the connection of every open watch, as a network failure does: reading the next line fails. */
  disconnectWatches(): void {
    this.#server.watches.disconnect();
  }

  /** Ends every open watch cleanly, as a server does at its timeout. */
  endWatches(): void {
    this.#server.watches.endAll();
  }

  /** Sends a bookmark on every watch that allows them. */
  bookmarkWatches(): void {
    this.#server.watches.bookmarkAll();
  }

  /** Number of open watches. */
  get openWatches(): number {
    return this.#server.watches.count;
  }

  /** The newest resource version. */
  get resourceVersion(): string {
    return String(this.#context.store.revision);
  }

  /**
   * Lets a workload fail, or recover when `failure` is undefined.
   * @throws UpstreamError PLB-6203 when the cluster was made without `simulateStatus`.
   */
  failWorkload(
    workload: { readonly kind: string; readonly namespace: string; readonly name: string },
    failure: WorkloadFailure | undefined,
  ): void {
    if (this.#controllers === undefined) {
      throw new UpstreamError(
        'PLB-6203',
        `the simulated cluster ${this.#options.name} simulates no status; make it with simulateStatus to let a workload fail`,
        { retry: 'never' },
      );
    }
    this.#controllers.fail(workload, failure);
  }

  /** Returns the whole state as JSON. */
  snapshot(): SimulatedClusterState {
    return { format: 1, store: this.#context.store.state() };
  }

  /**
   * Replaces the state, including the identity of the cluster, by a snapshot; open watches end.
   * @throws UpstreamError PLB-6204 when the format of the snapshot is unknown.
   */
  restore(state: SimulatedClusterState): void {
    if (state.format !== 1)
      throw new UpstreamError(
        'PLB-6204',
        `the simulated cluster ${this.#options.name} cannot read a snapshot of format ${String(state.format)}; only format 1 is known`,
        { retry: 'never' },
      );
    this.#server.watches.endAll();
    this.#context.store.load(state.store);
    this.#context.readAllocations();
    this.#definitions.reload();
    this.#controllers?.resync();
  }

  /** Ends transports, watches and controllers. */
  async close(): Promise<void> {
    this.#scheduler.close();
    this.#server.watches.endAll();
    for (const transport of this.#transports) await transport.close();
  }

  /** Answers one request as the API server does; a watch gets a stream as its body. */
  async answer(request: KubeRequest): Promise<ApiResponse> {
    const delayMs = this.#latencyMs(request);
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    request.signal?.throwIfAborted();
    const refused = this.#refusals.left > 0 && this.#refusals.matches(request);
    if (refused) this.#refusals.left--;
    const response = refused
      ? failureResponse(failures.tooManyRequests(this.#refusals.retryAfterSeconds))
      : this.#server.handle(request);
    this.#record(request, response.status);
    return response;
  }

  #record(request: KubeRequest, status: number): void {
    const limit = this.#options.recordedRequests ?? 10_000;
    if (limit === 0) return;
    const cut = request.path.indexOf('?');
    const path = cut === -1 ? request.path : request.path.slice(0, cut);
    const query = Object.fromEntries(new URLSearchParams(cut === -1 ? '' : request.path.slice(cut + 1)));
    this.requests.push({
      verb: verbOf(request, path, query),
      method: request.method,
      path,
      query,
      headers: request.headers ?? {},
      body: request.body,
      status,
    });
    if (this.requests.length > limit * 2) this.requests.splice(0, this.requests.length - limit);
  }
}

const VERBS = { POST: 'create', PUT: 'update', PATCH: 'patch' } as const;

function verbOf(request: KubeRequest, path: string, query: Readonly<Record<string, string>>): RecordedRequest['verb'] {
  const { method } = request;
  const parts = path.split('/').filter((part) => part !== '');
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  const named = inNamespace.length > 1;
  if (method === 'GET')
    return query['watch'] === '1' || query['watch'] === 'true' ? 'watch' : named || rest.length === 0 ? 'get' : 'list';
  if (method === 'DELETE') return named ? 'delete' : 'deletecollection';
  if (method === 'PATCH' && request.headers?.['content-type']?.startsWith('application/apply-patch') === true)
    return 'apply';
  return VERBS[method];
}
