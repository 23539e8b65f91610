// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { canonicalJson, ConflictError, Digest, messageOf, PlumblineError } from '@plumbline/core';
import type { Clock, TargetId } from '@plumbline/core';
import { KubeApiError, KubeClient, KubeTransportError } from '@plumbline/kube';
import type { ApiResource, KubeTransport } from '@plumbline/kube';
import { LiveCache } from './live-cache.js';

/** What a session found at the other end. */
export interface ClusterIdentity {
  readonly uid: string;
  readonly kubernetesVersion: string;
  readonly apisDigest: Digest;
  /** The kinds that the cluster serves, as policies read them; the content behind `apisDigest`. */
  readonly apis: string;
}

/** How a session is set up. */
export interface ClusterSessionOptions {
  readonly name: string;
  readonly connect: () => Promise<KubeTransport>;
  /** Identity that this name is bound to; another one is refused. */
  readonly pinnedUid: () => string | undefined;
  readonly clock: Clock;
  readonly probeMs: number;
  /** Called with every verified connection; the session is ready once it resolves. */
  readonly onConnected: (identity: ClusterIdentity, session: ClusterSession) => Promise<void>;
  readonly onLost: (reason: string, message: string) => void;
  readonly onObject: (key: string, owner: TargetId | undefined) => void;
  /** A kind became live again or was lost. */
  readonly onLive: () => void;
}

const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 5_000;
const PROBE_TIMEOUT_MS = 10_000;

/** The connection to one cluster: identity, discovery, watches, and which target owns which object. */
export class ClusterSession {
  /** Key to the target that has it; decided here alone, so two targets never write one object. */
  readonly claims = new Map<string, TargetId>();
  #client: KubeClient | undefined;
  #cache: LiveCache | undefined;
  #ready = false;
  #connectedAtMs = 0;
  #stopped = false;
  #wake: (() => void) | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(private readonly options: ClusterSessionOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** True while the cluster answers and is the one that the name is bound to. */
  get ready(): boolean {
    return this.#ready;
  }

  get connectedAtMs(): number {
    return this.#connectedAtMs;
  }

  /** @throws KubeTransportError while not connected. */
  get client(): KubeClient {
    if (this.#client === undefined) throw new KubeTransportError('PLB-6501', `cluster ${this.name} is not connected yet`);
    return this.#client;
  }

  /** @throws KubeTransportError while not connected. */
  get cache(): LiveCache {
    if (this.#cache === undefined) throw new KubeTransportError('PLB-6501', `cluster ${this.name} is not connected yet`);
    return this.#cache;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ready = false;
    this.#wake?.();
    await this.#cache?.stop();
    await this.#client?.close();
    await this.#loop;
  }

  /** Tells that a request got no answer: the connection is looked at now. */
  suspect(): void {
    // While it is known to be lost, the back-off decides.
    if (this.#ready) this.#wake?.();
  }

  /** Watches a kind; false when its watch is not live in time (no right to list, for example): read objects one by one then. */
  async watch(resource: ApiResource, withinMs: number): Promise<boolean> {
    return this.cache.watch(resource, withinMs);
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopped) {
      try {
        await this.#verify();
        failures = 0;
      } catch (error) {
        if (this.#stopped) return;
        // Who asks for patience is there.
        if (!this.#ready || !(error instanceof KubeApiError) || error.status !== 429) this.#lose(error);
        failures += 1;
      }
      const pauseMs = this.#ready ? this.options.probeMs : Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
      await this.#pause(pauseMs);
    }
  }

  /** One look at the cluster: opens the connection if need be, checks who answers, and reports the transition. */
  async #verify(): Promise<void> {
    if (this.#client === undefined) {
      const transport = await this.options.connect();
      if (this.#stopped) {
        await transport.close();
        return;
      }
      this.#client = new KubeClient(transport, { cluster: this.name, clock: this.options.clock });
    }
    const client = this.#client;
    const uid = await this.#inTime(client.serverUid());
    const pinned = this.options.pinnedUid();
    if (pinned !== undefined && uid !== pinned) {
      throw new ConflictError('PLB-4601', `cluster ${this.name} is bound to the API server with identity ${pinned}, but ${uid} answers: correct the connection, or remove and declare the cluster again`);
    }
    if (this.#ready) return;
    const [{ gitVersion }] = await Promise.all([client.version(), client.discovery.refresh()]);
    this.#cache ??= new LiveCache(client, this.options.clock, {
      onObject: (key) => this.options.onObject(key, this.claims.get(key)),
      onStatus: (_groupKind, status) => {
        if (status.state === 'lost') this.suspect();
        else if (status.state === 'live') this.options.onLive();
      },
    });
    const resources = (await client.discovery.all()).map(({ group, version, kind, plural, namespaced }) => ({ group, version, kind, plural, namespaced }));
    const order = ({ group, version, plural }: (typeof resources)[number]): string => `${group}/${version}/${plural}`;
    const apis = canonicalJson({ resources: resources.sort((left, right) => (order(left) < order(right) ? -1 : 1)) });
    await this.options.onConnected({ uid, kubernetesVersion: gitVersion, apisDigest: Digest.of(apis), apis }, this);
    this.#connectedAtMs = this.options.clock.nowMs();
    this.#ready = true;
    this.options.onLive();
  }

  #lose(error: unknown): void {
    const reason = reasonOf(error);
    // Whoever answers under a changed identity must not be written to, nor believed.
    this.#ready = false;
    this.options.onLost(reason, messageOf(error));
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new KubeTransportError('PLB-6502', `cluster ${this.name} did not answer in ${PROBE_TIMEOUT_MS / 1000} s`)), PROBE_TIMEOUT_MS);
    });
    try {
      return await Promise.race([work, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return;
    const controller = new AbortController();
    this.#wake = () => controller.abort();
    await delay(ms, undefined, { signal: controller.signal, ref: true }).catch(() => undefined);
    this.#wake = undefined;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ConflictError) return 'IdentityChanged';
  if (error instanceof KubeApiError) return error.status === 401 || error.status === 403 ? 'Unauthorized' : 'ServerError';
  if (error instanceof PlumblineError && error.code === 'PLB-6123') return 'BadConnection';
  return 'Unreachable';
}
