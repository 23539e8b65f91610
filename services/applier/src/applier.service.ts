// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Meter, Tracer } from '@opentelemetry/api';
import type { Clock } from '@plumbline/core';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { CLOCK, EVENT_REACTOR, type Logger, LOGGER, METER, TRACER } from '@plumbline/platform';
import type { EventReactor } from '@plumbline/reactor';
import { APPLIER_CONFIG, type ApplierConfig } from './applier.config.js';
import { ApplierLog } from './applier.log.js';
import { ApplierMetrics } from './applier.metrics.js';
import type { ClusterSession } from './clusters/cluster-session.js';
import { ClusterSessions, CONNECT_CLUSTER, type ConnectCluster } from './clusters/cluster-sessions.js';
import { Fleet } from './domain/fleet.js';
import { Inventories } from './ownership/inventories.js';
import { Ownership } from './ownership/ownership.js';
import type { SyncTools } from './sync/tools.js';
import { TargetWork } from './targets/target-work.js';

/** Longest wait at the start for the connections to the clusters. */
const OPENING_MS = 3_000;

/** Connects the parts of the applier: the fold, a session per cluster, and the work on targets. */
@Injectable()
export class ApplierService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #reactor: EventReactor;
  readonly #fleet: Fleet;
  readonly #store: ObjectStore;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #config: ApplierConfig;

  readonly #log: ApplierLog;
  readonly #ownership: Ownership;
  readonly #clusters: ClusterSessions;
  readonly #work: TargetWork;
  #isRunning = false;

  constructor(
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(Fleet) fleet: Fleet,
    @Inject(OBJECT_STORE) store: ObjectStore,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
    @Inject(METER) meter: Meter,
    @Inject(TRACER) tracer: Tracer,
    @Inject(APPLIER_CONFIG) config: ApplierConfig,
    @Inject(CONNECT_CLUSTER) connect: ConnectCluster,
    @Inject(ApplierMetrics) metrics: ApplierMetrics,
  ) {
    this.#reactor = reactor;
    this.#fleet = fleet;
    this.#store = store;
    this.#logger = logger;
    this.#clock = clock;
    this.#config = config;
    this.#log = new ApplierLog(reactor, clock, logger);
    const { installation, releaseKeys, probeMs, syncsPerCluster } = config;
    const inventories = new Inventories(store);
    const session = (cluster: string): ClusterSession | undefined => this.#clusters.session(cluster);
    this.#ownership = new Ownership({ installation, fleet, store, inventories, session });
    const ownership = this.#ownership;
    this.#work = new TargetWork(
      {
        config: { installation, releaseKeys },
        fleet,
        log: this.#log,
        store,
        inventories,
        ownership,
        clock,
        logger,
        tracer,
        metrics,
        session,
        tools: (of) => this.#tools(of),
        onKeysDropped: (cluster, keys) => this.#onKeysDropped(cluster, keys),
      },
      { concurrency: syncsPerCluster, meter },
    );
    this.#clusters = new ClusterSessions({
      declared: fleet,
      log: this.#log,
      store,
      clock,
      logger,
      connect,
      probeMs,
      prepare: async (of) => ownership.claimInventories(of),
      onCluster: (cluster, targets) => this.#onCluster(cluster, targets),
      onObject: (of, key) => this.#onObject(of, key),
    });
    metrics.observe(() => ({
      clusters: [...fleet.clusters()].map(({ name }) => ({ name, connected: session(name)?.ready === true })),
      busy: this.#work.busy,
    }));
  }

  /** Processes the log up to its head, then connects to the clusters and works on all targets. */
  async onApplicationBootstrap(): Promise<void> {
    await this.#reactor.start();
    this.#isRunning = true;
    this.#fleet.takeTouched();
    this.#reactor.onProcessed(() => this.#onProcessed());
    this.#clusters.reconcile();
    for (const { id } of this.#fleet.targets()) this.#work.schedule(id);
    this.#work.start();
    // The connection state of a cluster shows whether it answers; the service is ready without it.
    await this.#clusters.whenOpened(OPENING_MS);
  }

  /** Stops after the current writes. The next start resumes runs that were interrupted. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isRunning = false;
    this.#log.stop();
    await this.#work.stop();
    await this.#clusters.stop();
    // Last: the work waits for events that the reactor processes.
    await this.#reactor.stop();
  }

  #onProcessed(): void {
    if (!this.#isRunning) return;
    const { targets, clusters } = this.#fleet.takeTouched();
    if (clusters) this.#clusters.reconcile();
    for (const id of targets) this.#work.schedule(id);
  }

  #onCluster(cluster: string, targets: 'decide' | 'observe'): void {
    if (!this.#isRunning) return;
    for (const { id } of this.#fleet.targetsOn(cluster)) {
      this.#work.scheduleObservation(id);
      if (targets === 'decide') this.#work.schedule(id);
    }
  }

  #onObject(session: ClusterSession, key: string): void {
    const owner = this.#ownership.claimsOf(session).ownerOf(key);
    if (owner !== undefined && this.#isRunning) this.#work.scheduleObservation(owner);
  }

  #onKeysDropped(cluster: string, keys: readonly string[]): void {
    const free = new Set(keys);
    for (const { id, last } of this.#fleet.targetsOn(cluster))
      if (last?.claims.some((key) => free.has(key)) === true) this.#work.schedule(id);
  }

  #tools(session: ClusterSession): SyncTools {
    const { sealKey, limits } = this.#config;
    const claims = this.#ownership.claimsOf(session);
    return { session, claims, store: this.#store, sealKey, clock: this.#clock, logger: this.#logger, limits };
  }
}
