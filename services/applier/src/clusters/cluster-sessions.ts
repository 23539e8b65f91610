// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { canonicalJson, type Clock, Digest, messageOf } from '@plumbline/core';
import type { EventData } from '@plumbline/events';
import type { KubeTransport } from '@plumbline/kube';
import type { ObjectStore } from '@plumbline/object-store';
import type { Logger } from '@plumbline/platform';
import type { ClusterView } from '@plumbline/read-models';
import type { ApplierLog } from '../applier.log.js';
import { type ClusterIdentity, ClusterSession } from './cluster-session.js';
import { SchemaCache } from './published-schemas.js';

/** Injection token of the {@link ConnectCluster}. */
export const CONNECT_CLUSTER = Symbol('CONNECT_CLUSTER');

/** Opens a connection to the API server of a declared cluster. */
export type ConnectCluster = (cluster: Pick<ClusterView, 'name' | 'spec'>) => Promise<KubeTransport>;

/** The clusters that are declared. */
export interface DeclaredClusters {
  cluster(name: string): ClusterView | undefined;
  clusters(): Iterable<ClusterView>;
}

/** The parts of {@link ClusterSessions}. */
export interface ClusterSessionsOptions {
  readonly declared: DeclaredClusters;
  readonly store: ObjectStore;
  readonly log: ApplierLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly connect: ConnectCluster;
  readonly probeMs: number;
  /** Prepares a session before it becomes ready for the first time. Returns the kinds to watch as `apiVersion kind`. */
  readonly prepare: (session: ClusterSession) => Promise<ReadonlySet<string>>;
  /** The targets of a cluster must be decided on again, or observed again. */
  readonly onCluster: (cluster: string, targets: 'decide' | 'observe') => void;
  /** An object changed on a cluster. */
  readonly onObject: (session: ClusterSession, key: string) => void;
}

const FIRST_LISTS_MS = 5_000;

/**
 * One session per declared cluster; a changed declaration replaces the session. Reports connections and losses to the
 * log.
 */
export class ClusterSessions {
  readonly #options: ClusterSessionsOptions;

  readonly #sessions = new Map<string, { readonly session: ClusterSession; readonly spec: string }>();
  readonly #stopping = new Set<Promise<void>>();
  readonly #schemas = new SchemaCache();
  /** Losses whose report is being appended: each is reported once, and before a new connection. */
  readonly #pendingLosses = new Map<string, { readonly reason: string; readonly reported: Promise<void> }>();

  constructor(options: ClusterSessionsOptions) {
    this.#options = options;
  }

  session(cluster: string): ClusterSession | undefined {
    return this.#sessions.get(cluster)?.session;
  }

  /** Starts, replaces and stops sessions until they match the declared clusters. */
  reconcile(): void {
    const { declared } = this.#options;
    for (const [name, { session, spec }] of this.#sessions) {
      const cluster = declared.cluster(name);
      if (cluster !== undefined && canonicalJson(cluster.spec) === spec) continue;
      this.#sessions.delete(name);
      this.#end(session);
      this.#options.onCluster(name, 'decide');
    }
    for (const cluster of declared.clusters()) {
      if (this.#sessions.has(cluster.name)) continue;
      const session = this.#open(cluster);
      this.#sessions.set(cluster.name, { session, spec: canonicalJson(cluster.spec) });
      session.start();
    }
  }

  /** Resolves when the first connection of every session was opened or failed, at the latest after `withinMs`. */
  async whenOpened(withinMs: number): Promise<void> {
    const opened = Promise.all([...this.#sessions.values()].map(({ session }) => session.whenOpened()));
    const controller = new AbortController();
    await Promise.race([opened, delay(withinMs, undefined, { signal: controller.signal }).catch(() => undefined)]);
    controller.abort();
  }

  async stop(): Promise<void> {
    for (const { session } of this.#sessions.values()) this.#end(session);
    this.#sessions.clear();
    await Promise.allSettled(this.#stopping);
  }

  #end(session: ClusterSession): void {
    const stopped: Promise<void> = session
      .stop()
      .catch(() => undefined)
      .finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }

  #open({ name, spec }: ClusterView): ClusterSession {
    const { clock, probeMs, connect, onCluster, onObject, declared, logger } = this.#options;
    let isPrepared = false;
    let wasReady = false;
    const session: ClusterSession = new ClusterSession({
      name,
      clock,
      probeMs,
      connect: () => connect({ name, spec }),
      pinnedUid: () => declared.cluster(name)?.uid,
      schemas: this.#schemas,
      knownApis: async () => {
        const digest = declared.cluster(name)?.apisDigest;
        return digest === undefined ? undefined : this.#options.store.get(Digest.parse(digest));
      },
      onConnected: async (identity, connected) => {
        if (!isPrepared) await this.#prepare(connected);
        isPrepared = true;
        await this.#connected(name, await identity);
      },
      onApisChanged: (identity) => this.#connected(name, identity),
      onLost: (reason, message) => this.#lost(name, reason, message),
      onOwnFailure: (message) =>
        logger.warn('a cluster answers, but its session could not be prepared; retrying', { cluster: name, message }),
      onObject: (key) => onObject(session, key),
      onLive: () => {
        onCluster(name, session.ready && !wasReady ? 'decide' : 'observe');
        wasReady = session.ready;
      },
    });
    return session;
  }

  /** Before the first decision on a cluster: the owner of each object, and live watches of all kinds in use. */
  async #prepare(session: ClusterSession): Promise<void> {
    const kinds = new Set(['v1 Namespace', ...(await this.#options.prepare(session))]);
    await Promise.all(
      [...kinds].map(async (id) => {
        const [apiVersion = '', kind = ''] = id.split(' ');
        const lookup = await session.client.discovery.resourceFor(apiVersion, kind);
        if ('found' in lookup) await session.watch(lookup.found, FIRST_LISTS_MS);
      }),
    );
  }

  async #connected(name: string, identity: ClusterIdentity): Promise<void> {
    await this.#pendingLosses.get(name)?.reported;
    const known = this.#options.declared.cluster(name);
    if (known === undefined) return;
    const same =
      known.connection.state === 'Connected' &&
      known.uid === identity.uid &&
      known.kubernetesVersion === identity.kubernetesVersion &&
      known.apisDigest === identity.apisDigest;
    if (same) return;
    const { apis, schemas, ...facts } = identity;
    // Contents are stored first: an event never names a digest that is not stored.
    await this.#options.store.put([...schemas, { digest: identity.apisDigest, content: apis }]);
    await this.#options.log.cluster(name, { type: 'ClusterConnected', data: { cluster: name, ...facts } });
    this.#options.logger.info('cluster connected', { cluster: name, kubernetesVersion: identity.kubernetesVersion });
  }

  #lost(name: string, reason: string, message: string): void {
    const known = this.#options.declared.cluster(name);
    if (known === undefined || this.#pendingLosses.get(name)?.reason === reason) return;
    if (known.connection.state === 'Unreachable' && known.connection.reason === reason) return;
    const earlier = this.#pendingLosses.get(name)?.reported;
    const reported = this.#reportLoss({ cluster: name, reason, message: message.slice(0, 4_000) }, earlier).finally(
      () => {
        if (this.#pendingLosses.get(name)?.reported === reported) this.#pendingLosses.delete(name);
      },
    );
    this.#pendingLosses.set(name, { reason, reported });
  }

  async #reportLoss(data: EventData<'ClusterUnreachable'>, earlier: Promise<void> | undefined): Promise<void> {
    const { log, logger } = this.#options;
    await earlier;
    try {
      await log.cluster(data.cluster, { type: 'ClusterUnreachable', data });
      logger.warn('cluster lost', data);
    } catch (error) {
      const { cluster } = data;
      logger.warn('the loss of a cluster could not be recorded; the next failed probe reports it', {
        cluster,
        message: messageOf(error),
      });
    }
  }
}
