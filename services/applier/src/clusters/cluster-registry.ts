// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { canonicalJson, type Clock, Digest, messageOf, type TargetId } from '@plumbline/core';
import type { KubeTransport } from '@plumbline/kube';
import type { ObjectStore } from '@plumbline/object-store';
import type { Logger } from '@plumbline/platform';
import type { ClusterState, FleetState } from '../domain/fleet-state.js';
import type { TargetState } from '../domain/target-state.js';
import { partsOf } from '../domain/identity.js';
import type { FleetLog } from '../targets/fleet-log.js';
import type { Inventories } from '../targets/inventories.js';
import { type ClusterIdentity, ClusterSession } from './cluster-session.js';
import { SchemaCache } from './published-schemas.js';

/** Injection token of the {@link ConnectCluster}. */
export const CONNECT_CLUSTER = Symbol('CONNECT_CLUSTER');

/** Opens a way to the API server of a cluster. */
export type ConnectCluster = (cluster: ClusterState) => Promise<KubeTransport>;

/** What the registry works with and whom it tells. */
export interface ClusterRegistryOptions {
  readonly store: ObjectStore;
  readonly fleet: FleetState;
  readonly log: FleetLog;
  readonly inventories: Inventories;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly connect: ConnectCluster;
  readonly probeMs: number;
  /** Targets of a cluster have to look: it is there again, or knows more. */
  readonly onCluster: (cluster: string, targets: 'decide' | 'observe') => void;
  readonly onObject: (owner: TargetId) => void;
}

const FIRST_LISTS_MS = 5_000;

/** One session per declared cluster, restarted when its declaration changes. */
export class ClusterRegistry {
  readonly #options: ClusterRegistryOptions;

  readonly #sessions = new Map<string, { readonly session: ClusterSession; readonly spec: string }>();
  readonly #stopping = new Set<Promise<void>>();
  readonly #schemas = new SchemaCache();

  constructor(options: ClusterRegistryOptions) {
    this.#options = options;
  }

  session(cluster: string): ClusterSession | undefined {
    return this.#sessions.get(cluster)?.session;
  }

  /** Makes the sessions what the fold says they should be. */
  reconcile(): void {
    const { clusters } = this.#options.fleet;
    for (const [name, { session, spec }] of this.#sessions) {
      const declared = clusters.get(name);
      if (declared !== undefined && canonicalJson(declared.spec) === spec) continue;
      this.#sessions.delete(name);
      this.#end(session);
      this.#options.onCluster(name, 'decide');
    }
    for (const cluster of clusters.values()) {
      if (this.#sessions.has(cluster.name)) continue;
      const session = this.#open(cluster);
      this.#sessions.set(cluster.name, { session, spec: canonicalJson(cluster.spec) });
      session.start();
    }
  }

  /** Resolves when the ways to all clusters have been opened, or after a while. */
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

  #open(cluster: ClusterState): ClusterSession {
    const { clock, probeMs, connect, onCluster, onObject, fleet } = this.#options;
    let prepared = false;
    let readyBefore = false;
    const session: ClusterSession = new ClusterSession({
      name: cluster.name,
      clock,
      probeMs,
      connect: () => connect(cluster),
      pinnedUid: () => fleet.clusters.get(cluster.name)?.uid,
      schemas: this.#schemas,
      knownApis: async () => {
        const digest = fleet.clusters.get(cluster.name)?.apisDigest;
        return digest === undefined ? undefined : this.#options.store.get(Digest.parse(digest));
      },
      onConnected: async (identity, connected) => {
        if (!prepared) await this.#prepare(connected);
        prepared = true;
        await this.#connected(cluster.name, await identity);
      },
      onApisChanged: (identity) => this.#connected(cluster.name, identity),
      onLost: (reason, message) => void this.#lost(cluster.name, reason, message),
      onTrouble: (message) =>
        this.#options.logger.warn('a cluster answers but cannot be taken into service; trying again', {
          cluster: cluster.name,
          message,
        }),
      onObject: (_key, owner) => {
        if (owner !== undefined) onObject(owner);
      },
      onLive: () => {
        onCluster(cluster.name, session.ready && !readyBefore ? 'decide' : 'observe');
        readyBefore = session.ready;
      },
    });
    return session;
  }

  /** Before the first decision on a cluster: who has what, and live watches of all kinds in use. */
  async #prepare(session: ClusterSession): Promise<void> {
    const targets = this.#targetsOf(session.name);
    await this.#options.inventories.load(targets);
    const kinds = new Set(['v1 Namespace']);
    for (const target of targets) {
      for (const { key, apiVersion } of (await this.#options.inventories.of(target)).values()) {
        if (!session.claims.has(key)) session.claims.set(key, target.id);
        kinds.add(`${apiVersion} ${partsOf(key).kind}`);
      }
    }
    await Promise.all(
      [...kinds].map(async (id) => {
        const [apiVersion = '', kind = ''] = id.split(' ');
        const lookup = await session.client.discovery.resourceFor(apiVersion, kind);
        if ('found' in lookup) await session.watch(lookup.found, FIRST_LISTS_MS);
      }),
    );
  }

  #targetsOf(cluster: string): readonly TargetState[] {
    return [...this.#options.fleet.targets.values()].filter(
      (target) => target.cluster === cluster && target.inventoryDigest !== undefined,
    );
  }

  async #connected(name: string, identity: ClusterIdentity): Promise<void> {
    const known = this.#options.fleet.clusters.get(name);
    if (known === undefined) return;
    const same =
      known.connection === 'Connected' &&
      known.uid === identity.uid &&
      known.kubernetesVersion === identity.kubernetesVersion &&
      known.apisDigest === identity.apisDigest;
    if (same) return;
    const { apis, schemas, ...facts } = identity;
    // The content first: an event never names a digest that is not there.
    await this.#options.store.put([...schemas, { digest: identity.apisDigest, content: apis }]);
    await this.#options.log.cluster(name, { type: 'ClusterConnected', data: { cluster: name, ...facts } });
    this.#options.logger.info('cluster connected', { cluster: name, kubernetesVersion: identity.kubernetesVersion });
  }

  async #lost(name: string, reason: string, message: string): Promise<void> {
    const known = this.#options.fleet.clusters.get(name);
    if (known === undefined || (known.connection === 'Unreachable' && known.reason === reason)) return;
    try {
      // Said once, also while the append is under way.
      known.connection = 'Unreachable';
      known.reason = reason;
      await this.#options.log.cluster(name, {
        type: 'ClusterUnreachable',
        data: { cluster: name, reason, message: message.slice(0, 4_000) },
      });
      this.#options.logger.warn('cluster lost', { cluster: name, reason, message });
    } catch (error) {
      known.connection = 'Unknown';
      this.#options.logger.warn('the loss of a cluster could not be written down', {
        cluster: name,
        message: messageOf(error),
      });
    }
  }
}
