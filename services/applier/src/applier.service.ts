// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import { type Clock, StreamName, type TargetId } from '@plumbline/core';
import { EVENT_LOG, type EventLog, Follower } from '@plumbline/event-log';
import type { RecordedEvent } from '@plumbline/events';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import { APPLIER_CONFIG, type ApplierConfig } from './applier.config.js';
import { ApplierLog } from './applier.log.js';
import { ApplierMetrics } from './applier.metrics.js';
import type { ClusterSession } from './clusters/cluster-session.js';
import { ClusterSessions, CONNECT_CLUSTER, type ConnectCluster } from './clusters/cluster-sessions.js';
import { Slots } from './domain/concurrency.js';
import { Fleet } from './domain/fleet.js';
import { Inventories } from './ownership/inventories.js';
import { Ownership } from './ownership/ownership.js';
import type { SyncTools } from './sync/tools.js';
import type { TargetContext } from './targets/target-context.js';
import { TargetRunner } from './targets/target-runner.js';

/** Longest wait at the start for the connections to the clusters. */
const OPENING_MS = 3_000;

/** Folds the log, and keeps a session per cluster and a runner per target. */
@Injectable()
export class ApplierService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #events: EventLog;
  readonly #store: ObjectStore;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #config: ApplierConfig;
  readonly #metrics: ApplierMetrics;

  readonly #fleet = new Fleet();
  readonly #runners = new Map<TargetId, TargetRunner>();
  readonly #slots = new Map<string, Slots>();
  readonly #log: ApplierLog;
  readonly #inventories: Inventories;
  readonly #ownership: Ownership;
  readonly #clusters: ClusterSessions;
  readonly #follower: Follower;
  readonly #targetContext: TargetContext;
  #acting = false;

  constructor(
    @Inject(EVENT_LOG) log: EventLog,
    @Inject(OBJECT_STORE) store: ObjectStore,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
    @Inject(APPLIER_CONFIG) config: ApplierConfig,
    @Inject(CONNECT_CLUSTER) connect: ConnectCluster,
    @Inject(ApplierMetrics) metrics: ApplierMetrics,
  ) {
    this.#events = log;
    this.#store = store;
    this.#logger = logger;
    this.#clock = clock;
    this.#config = config;
    this.#metrics = metrics;

    this.#log = new ApplierLog(log, this.#fleet, clock, logger);
    this.#inventories = new Inventories(store);
    this.#ownership = new Ownership({
      installation: config.installation,
      fleet: this.#fleet,
      store,
      inventories: this.#inventories,
      session: (cluster) => this.#clusters.session(cluster),
    });
    this.#clusters = new ClusterSessions({
      declared: this.#fleet,
      log: this.#log,
      store,
      clock,
      logger,
      connect,
      probeMs: config.probeMs,
      prepare: (session) => this.#ownership.claimInventories(session),
      onCluster: (cluster, targets) => this.#onCluster(cluster, targets),
      onObject: (session, key) => {
        const owner = this.#ownership.claimsOf(session).ownerOf(key);
        if (owner !== undefined) this.#runner(owner).scheduleObservation();
      },
    });
    this.#targetContext = this.#context();
    metrics.observe(() => ({
      clusters: [...this.#fleet.clusters()].map(({ name }) => ({
        name,
        connected: this.#clusters.session(name)?.ready === true,
      })),
      busy: [...this.#runners.values()].filter(({ busy }) => busy).length,
    }));
    this.#follower = new Follower({
      log,
      from: 0,
      onEvents: (events) => this.#fold(events),
      onError: (message) => this.#logger.warn('the log could not be followed; retrying', { message }),
    });
  }

  /** Folds the log up to its head, then connects to the clusters and works on all targets. */
  async onApplicationBootstrap(): Promise<void> {
    await this.#follower.start();
    this.#acting = true;
    this.#clusters.reconcile();
    for (const { id } of this.#fleet.targets()) this.#runner(id).schedule();
    // Simulated clusters are reachable once the service is ready; the connection state shows whether other clusters answer.
    await this.#clusters.whenOpened(OPENING_MS);
  }

  /** Stops after the current writes. The next start resumes runs that were interrupted. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#acting = false;
    this.#log.stop();
    await this.#follower.stop();
    await Promise.allSettled([...this.#runners.values()].map((runner) => runner.stop()));
    await this.#clusters.stop();
  }

  /** Processes a batch of events delivered over NATS. */
  offer(batch: EventEnvelopeBatch): void {
    this.#follower.offer(batch);
  }

  #fold(events: readonly RecordedEvent[]): void {
    const targets = new Set<TargetId>();
    let clusters = false;
    for (const event of events) {
      const touched = this.#fleet.apply(event);
      for (const id of touched.targets) targets.add(id);
      if (touched.clusters) clusters = true;
    }
    if (!this.#acting) return;
    if (clusters) this.#clusters.reconcile();
    for (const id of targets) this.#runner(id).schedule();
  }

  #runner(id: TargetId): TargetRunner {
    let runner = this.#runners.get(id);
    if (runner === undefined) {
      runner = new TargetRunner(id, this.#targetContext);
      this.#runners.set(id, runner);
    }
    return runner;
  }

  #onCluster(cluster: string, targets: 'decide' | 'observe'): void {
    if (!this.#acting) return;
    for (const { id } of this.#fleet.targetsOn(cluster)) {
      const runner = this.#runner(id);
      runner.scheduleObservation();
      if (targets === 'decide') runner.schedule();
    }
  }

  #context(): TargetContext {
    const config = this.#config;
    return {
      config,
      clock: this.#clock,
      logger: this.#logger,
      metrics: this.#metrics,
      fleet: this.#fleet,
      log: this.#log,
      store: this.#store,
      inventories: this.#inventories,
      ownership: this.#ownership,
      session: (cluster) => this.#clusters.session(cluster),
      tools: (session) => this.#tools(session),
      slots: (cluster) => {
        const slots = this.#slots.get(cluster) ?? new Slots(config.syncsPerCluster);
        this.#slots.set(cluster, slots);
        return slots;
      },
      refold: async (id) => {
        for (const event of await this.#events.readStream(StreamName.target(id), this.#fleet.target(id).revision + 1))
          this.#fleet.apply(event);
      },
      onKeysDropped: (cluster, keys) => this.#onKeysDropped(cluster, keys),
    };
  }

  #tools(session: ClusterSession): SyncTools {
    const { sealKey, limits } = this.#config;
    const claims = this.#ownership.claimsOf(session);
    return { session, claims, store: this.#store, sealKey, clock: this.#clock, logger: this.#logger, limits };
  }

  #onKeysDropped(cluster: string, keys: readonly string[]): void {
    const free = new Set(keys);
    for (const target of this.#fleet.targetsOn(cluster))
      if (target.last?.claims.some((key) => free.has(key)) === true) this.#runner(target.id).schedule();
  }
}
