// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { canonicalJson, type Clock, ConflictError, Digest, messageOf, PlumblineError } from '@plumbline/core';
import { type ApiResource, KubeApiError, KubeClient, type KubeTransport, KubeTransportError } from '@plumbline/kube';
import type { StoredContent } from '@plumbline/object-store';
import { LiveCache } from './live-cache.js';
import { hashesOf, type PublishedSchemas, readIndex, readSchemas, type SchemaCache } from './published-schemas.js';

/** What a session found on the cluster. */
export interface ClusterIdentity {
  readonly uid: string;
  readonly kubernetesVersion: string;
  readonly apisDigest: Digest;
  /** The kinds that the cluster serves, as policies read them: the content with the digest `apisDigest`. */
  readonly apis: string;
  /** Schemas that `apis` names and that may not be stored yet. */
  readonly schemas: readonly StoredContent[];
}

/** The declaration of a cluster names a connection that this version does not support. */
export class UnsupportedConnectionError extends ConflictError {}

/** The parts of a {@link ClusterSession}. */
export interface ClusterSessionOptions {
  readonly name: string;
  readonly connect: () => Promise<KubeTransport>;
  /** Identity of the API server that the name is bound to; a session with another identity never becomes ready. */
  readonly pinnedUid: () => string | undefined;
  readonly clock: Clock;
  readonly probeMs: number;
  readonly schemas: SchemaCache;
  /** Content with the digest that the last ClusterConnected of this cluster names. */
  readonly knownApis: () => Promise<string | undefined>;
  /**
   * Called for every verified connection; the session is ready once the result resolves. Schemas are still being
   * read: the identity resolves later.
   */
  readonly onConnected: (identity: Promise<ClusterIdentity>, session: ClusterSession) => Promise<void>;
  /** Called when the kinds or schemas that a connected cluster serves have changed. */
  readonly onApisChanged: (identity: ClusterIdentity) => Promise<void>;
  readonly onLost: (reason: string, message: string) => void;
  /** The cluster answers, but the log, the object store or another part of ours failed; the session retries. */
  readonly onOwnFailure: (message: string) => void;
  /** An object changed on the cluster. */
  readonly onObject: (key: string) => void;
  /** A kind became live again or was lost. */
  readonly onLive: () => void;
}

const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 5_000;
const PROBE_TIMEOUT_MS = 10_000;
const SCHEMAS_TIMEOUT_MS = 3_000;
/**
 * Changed schemas are read once they are stable for this long: definitions come in bursts, and servers need a second
 * to publish one.
 */
const SETTLE_MS = 2_000;
const PROBES_AFTER_CHANGE = 2;
const DEFINITIONS = 'apiextensions.k8s.io/CustomResourceDefinition/';

/** The connection to one cluster: identity, discovery and watches. */
export class ClusterSession {
  readonly #options: ClusterSessionOptions;

  #client: KubeClient | undefined;
  #cache: LiveCache | undefined;
  #ready = false;
  #connectedAtMs = 0;
  /**
   * The cluster's APIs as last reported, and the hashes of their documents; undefined if not all documents were read.
   */
  #reported: string | undefined;
  #documents: string | undefined;
  #candidate: string | undefined;
  #probesSoon = 0;
  #stopped = false;
  #wake: (() => void) | undefined;
  readonly #opened = Promise.withResolvers<void>();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ClusterSessionOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
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
    if (this.#client === undefined)
      throw new KubeTransportError('PLB-6501', `cluster ${this.name} is not connected yet`);
    return this.#client;
  }

  /** @throws KubeTransportError while not connected. */
  get cache(): LiveCache {
    if (this.#cache === undefined)
      throw new KubeTransportError('PLB-6501', `cluster ${this.name} is not connected yet`);
    return this.#cache;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Resolves when the first connection was opened or failed; the identity of the server is not verified yet. */
  whenOpened(): Promise<void> {
    return this.#opened.promise;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ready = false;
    this.#wake?.();
    await this.#cache?.stop();
    await this.#client?.close();
    await this.#loop;
  }

  /** Probes the connection now, because a request got no answer. */
  suspect(): void {
    // A lost connection is retried with a back-off.
    if (this.#ready) this.#wake?.();
  }

  /**
   * Watches a kind. Returns false if the watch is not live in time, for example without the right to list: read
   * objects one by one then.
   */
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
        if (error instanceof OwnFailure) this.#options.onOwnFailure(messageOf(error.cause));
        // A server that throttles is reachable.
        else if (!this.#ready || !(error instanceof KubeApiError) || error.status !== 429) this.#lose(error);
        failures += 1;
      }
      const pauseMs = this.#ready
        ? this.#probeAfterMs()
        : Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
      await this.#pause(pauseMs);
    }
  }

  /**
   * Probes the cluster once: opens the connection if necessary, verifies the identity of the server, and reports a
   * change.
   */
  async #verify(): Promise<void> {
    if (this.#client === undefined) {
      const transport = await this.#options.connect().finally(() => this.#opened.resolve());
      if (this.#stopped) {
        await transport.close();
        return;
      }
      this.#client = new KubeClient(transport, { cluster: this.name, clock: this.#options.clock });
    }
    const client = this.#client;
    const uid = await this.#inTime(client.serverUid());
    const pinned = this.#options.pinnedUid();
    if (pinned !== undefined && uid !== pinned) {
      throw new ConflictError(
        'PLB-4601',
        `cluster ${this.name} is bound to the API server with identity ${pinned}, but the server that answers has identity ${uid}; correct the connection, or remove and declare the cluster again`,
      );
    }
    if (this.#ready) {
      await this.#readChangedSchemas(client, uid);
      return;
    }
    // Read concurrently with the rest of the start, with a time limit.
    const schemas = this.#readSchemas(client);
    const [{ gitVersion }] = await Promise.all([client.version(), client.discovery.refresh()]);
    this.#cache ??= new LiveCache(client, this.#options.clock, {
      onObject: (key) => {
        if (key.startsWith(DEFINITIONS)) this.#readSoon();
        this.#options.onObject(key);
      },
      onStatus: (_groupKind, status) => {
        if (status.state === 'lost') this.suspect();
        else if (status.state === 'live') this.#options.onLive();
      },
    });
    const resources = await client.discovery.all();
    const identity = schemas.then((published) =>
      identityOf({ uid, kubernetesVersion: gitVersion }, resources, published),
    );
    await this.#announce(identity);
    this.#report(await identity, await schemas);
    this.#connectedAtMs = this.#options.clock.nowMs();
    this.#ready = true;
    this.#options.onLive();
  }

  #readSoon(): void {
    const waiting = this.#probesSoon > 0;
    this.#probesSoon = PROBES_AFTER_CHANGE;
    if (!waiting && this.#ready) this.#wake?.();
  }

  #probeAfterMs(): number {
    if (this.#probesSoon === 0) return this.#options.probeMs;
    this.#probesSoon -= 1;
    return Math.min(SETTLE_MS, this.#options.probeMs);
  }

  async #readSchemas(client: KubeClient): Promise<PublishedSchemas> {
    const previous = this.#reported ?? (await this.#options.knownApis().catch(() => undefined));
    return readSchemas(client.transport, { previous, cache: this.#options.schemas, timeoutMs: SCHEMAS_TIMEOUT_MS });
  }

  #report({ apis }: ClusterIdentity, { documents, complete }: PublishedSchemas): void {
    this.#reported = apis;
    this.#documents = complete ? canonicalJson(documents) : undefined;
  }

  /**
   * Reports the APIs again if the published schemas changed: a definition was created, deleted or changed. The next
   * probe retries after a failure.
   */
  async #readChangedSchemas(client: KubeClient, uid: string): Promise<void> {
    try {
      const index = await readIndex(client.transport, AbortSignal.timeout(SCHEMAS_TIMEOUT_MS));
      const now = index === undefined ? undefined : canonicalJson(hashesOf(index));
      if (now === undefined || now === this.#documents) {
        this.#candidate = undefined;
        return;
      }
      if (now !== this.#candidate) {
        this.#candidate = now;
        this.#probesSoon = Math.max(1, this.#probesSoon);
        return;
      }
      const [schemas, { gitVersion }] = await Promise.all([
        this.#readSchemas(client),
        client.version(),
        client.discovery.refresh(),
      ]);
      const identity = identityOf({ uid, kubernetesVersion: gitVersion }, await client.discovery.all(), schemas);
      await this.#options.onApisChanged(identity);
      this.#report(identity, schemas);
      this.#candidate = undefined;
    } catch {
      this.#candidate = undefined;
    }
  }

  /** Failures of the log or the object store are not reported as a loss of the cluster. */
  async #announce(identity: Promise<ClusterIdentity>): Promise<void> {
    try {
      await this.#options.onConnected(identity, this);
    } catch (error) {
      throw error instanceof KubeApiError || error instanceof KubeTransportError
        ? error
        : new OwnFailure('the session could not be prepared', { cause: error });
    }
  }

  #lose(error: unknown): void {
    const reason = reasonOf(error);
    // A server with a changed identity must neither be written to nor read from.
    this.#ready = false;
    this.#options.onLost(reason, messageOf(error));
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new KubeTransportError(
              'PLB-6502',
              `cluster ${this.name} did not answer within ${PROBE_TIMEOUT_MS / 1000} s`,
            ),
          ),
        PROBE_TIMEOUT_MS,
      );
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

function identityOf(
  server: Pick<ClusterIdentity, 'uid' | 'kubernetesVersion'>,
  served: readonly ApiResource[],
  published: PublishedSchemas,
): ClusterIdentity {
  const { documents, digests, contents } = published;
  const resources = served.map(({ group, version, kind, plural, namespaced }) => {
    const schema = digests[`${group === '' ? '' : `${group}/`}${version}/${kind}`];
    return { group, version, kind, plural, namespaced, ...(schema === undefined ? {} : { schema }) };
  });
  const order = ({ group, version, plural }: (typeof resources)[number]): string => `${group}/${version}/${plural}`;
  resources.sort((left, right) => (order(left) < order(right) ? -1 : 1));
  const apis = canonicalJson({ resources, ...(Object.keys(documents).length === 0 ? {} : { openapi: documents }) });
  const named = new Set(resources.map(({ schema }) => schema));
  return { ...server, apis, apisDigest: Digest.of(apis), schemas: contents.filter(({ digest }) => named.has(digest)) };
}

/** The cluster answers, but the log, the object store or another part of ours failed. */
class OwnFailure extends Error {}

function reasonOf(error: unknown): string {
  if (error instanceof UnsupportedConnectionError) return 'Unsupported';
  if (error instanceof ConflictError) return 'IdentityChanged';
  if (error instanceof KubeApiError)
    return error.status === 401 || error.status === 403 ? 'Unauthorized' : 'ServerError';
  if (error instanceof PlumblineError && error.code === 'PLB-6123') return 'BadConnection';
  return 'Unreachable';
}
