// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import {
  canonicalJson,
  type Clock,
  ConflictError,
  Digest,
  messageOf,
  PlumblineError,
  type TargetId,
} from '@plumbline/core';
import { type ApiResource, KubeApiError, KubeClient, type KubeTransport, KubeTransportError } from '@plumbline/kube';
import type { StoredContent } from '@plumbline/object-store';
import { LiveCache } from './live-cache.js';
import { hashesOf, type PublishedSchemas, readIndex, readSchemas, type SchemaCache } from './published-schemas.js';

/** What a session found at the other end. */
export interface ClusterIdentity {
  readonly uid: string;
  readonly kubernetesVersion: string;
  readonly apisDigest: Digest;
  /** The kinds that the cluster serves, as policies read them; the content behind `apisDigest`. */
  readonly apis: string;
  /** Schemas that `apis` names and that may not be stored yet. */
  readonly schemas: readonly StoredContent[];
}

/** The declaration names a way to connect that this version does not support. */
export class UnsupportedConnectionError extends ConflictError {}

/** How a session is set up. */
export interface ClusterSessionOptions {
  readonly name: string;
  readonly connect: () => Promise<KubeTransport>;
  /** Identity that this name is bound to; another one is refused. */
  readonly pinnedUid: () => string | undefined;
  readonly clock: Clock;
  readonly probeMs: number;
  readonly schemas: SchemaCache;
  /** The content behind the `apisDigest` that the log has of this cluster. */
  readonly knownApis: () => Promise<string | undefined>;
  /** Called with every verified connection; the session is ready once it resolves. The identity is complete a moment later: schemas are being read. */
  readonly onConnected: (identity: Promise<ClusterIdentity>, session: ClusterSession) => Promise<void>;
  /** Called when a connected cluster serves or publishes something else than before. */
  readonly onApisChanged: (identity: ClusterIdentity) => Promise<void>;
  readonly onLost: (reason: string, message: string) => void;
  /** The cluster answers but cannot be taken into service for a reason of ours; tried again. */
  readonly onTrouble: (message: string) => void;
  readonly onObject: (key: string, owner: TargetId | undefined) => void;
  /** A kind became live again or was lost. */
  readonly onLive: () => void;
}

const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 5_000;
const PROBE_TIMEOUT_MS = 10_000;
const SCHEMAS_TIMEOUT_MS = 3_000;
/** A change of the schemas is taken up when it has stood for this long: definitions come in bursts, and servers take a second to publish one. */
const SETTLE_MS = 2_000;
const LOOKS_AFTER_CHANGE = 2;
const DEFINITIONS = 'apiextensions.k8s.io/CustomResourceDefinition/';

/** The connection to one cluster: identity, discovery, watches, and which target owns which object. */
export class ClusterSession {
  readonly #options: ClusterSessionOptions;

  /** Key to the target that has it; decided here alone, so two targets never write one object. */
  readonly claims = new Map<string, TargetId>();
  #client: KubeClient | undefined;
  #cache: LiveCache | undefined;
  #ready = false;
  #connectedAtMs = 0;
  /** What was last reported of the cluster's APIs, and the documents as they were then; undefined when not all of them answered. */
  #reported: string | undefined;
  #documents: string | undefined;
  #candidate: string | undefined;
  #looksLeft = 0;
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

  /** Resolves when the way to the cluster has been opened, or could not be; says nothing about who is at its end. */
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
        if (error instanceof OwnTrouble) this.#options.onTrouble(messageOf(error.cause));
        // Who asks for patience is there.
        else if (!this.#ready || !(error instanceof KubeApiError) || error.status !== 429) this.#lose(error);
        failures += 1;
      }
      const pauseMs = this.#ready
        ? this.#probeAfterMs()
        : Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
      await this.#pause(pauseMs);
    }
  }

  /** One look at the cluster: opens the connection if need be, checks who answers, and reports the transition. */
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
        `cluster ${this.name} is bound to the API server with identity ${pinned}, but ${uid} answers: correct the connection, or remove and declare the cluster again`,
      );
    }
    if (this.#ready) {
      await this.#look(client, uid);
      return;
    }
    // Beside the rest of the start, and never in its way for long.
    const schemas = this.#readSchemas(client);
    const [{ gitVersion }] = await Promise.all([client.version(), client.discovery.refresh()]);
    this.#cache ??= new LiveCache(client, this.#options.clock, {
      onObject: (key) => {
        if (key.startsWith(DEFINITIONS)) this.#lookSoon();
        this.#options.onObject(key, this.claims.get(key));
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

  #lookSoon(): void {
    const waiting = this.#looksLeft > 0;
    this.#looksLeft = LOOKS_AFTER_CHANGE;
    if (!waiting && this.#ready) this.#wake?.();
  }

  #probeAfterMs(): number {
    if (this.#looksLeft === 0) return this.#options.probeMs;
    this.#looksLeft -= 1;
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

  /** Whether the cluster publishes other schemas than it did: a definition came, went or changed. A failure is left to the next look. */
  async #look(client: KubeClient, uid: string): Promise<void> {
    try {
      const index = await readIndex(client.transport, AbortSignal.timeout(SCHEMAS_TIMEOUT_MS));
      const now = index === undefined ? undefined : canonicalJson(hashesOf(index));
      if (now === undefined || now === this.#documents) {
        this.#candidate = undefined;
        return;
      }
      if (now !== this.#candidate) {
        this.#candidate = now;
        this.#looksLeft = Math.max(1, this.#looksLeft);
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

  /** What fails here is mostly the log or the object store: no fault of the cluster, and not to be told as one. */
  async #announce(identity: Promise<ClusterIdentity>): Promise<void> {
    try {
      await this.#options.onConnected(identity, this);
    } catch (error) {
      throw error instanceof KubeApiError || error instanceof KubeTransportError
        ? error
        : new OwnTrouble('the cluster could not be taken into service', { cause: error });
    }
  }

  #lose(error: unknown): void {
    const reason = reasonOf(error);
    // Whoever answers under a changed identity must not be written to, nor believed.
    this.#ready = false;
    this.#options.onLost(reason, messageOf(error));
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new KubeTransportError('PLB-6502', `cluster ${this.name} did not answer in ${PROBE_TIMEOUT_MS / 1000} s`),
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

/** The cluster answers, but something on our side failed. */
class OwnTrouble extends Error {}

function reasonOf(error: unknown): string {
  if (error instanceof UnsupportedConnectionError) return 'Unsupported';
  if (error instanceof ConflictError) return 'IdentityChanged';
  if (error instanceof KubeApiError)
    return error.status === 401 || error.status === 403 ? 'Unauthorized' : 'ServerError';
  if (error instanceof PlumblineError && error.code === 'PLB-6123') return 'BadConnection';
  return 'Unreachable';
}
