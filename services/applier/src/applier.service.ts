// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import { type Clock, type Digest, InvariantError, NotFoundError, StreamName, TargetId } from '@plumbline/core';
import { EVENT_LOG, type EventLog, Follower } from '@plumbline/event-log';
import type { RecordedEvent } from '@plumbline/events';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import { APPLIER_CONFIG, type ApplierConfig } from './applier.config.js';
import { ApplierMetrics } from './applier.metrics.js';
import { ClusterRegistry, CONNECT_CLUSTER, type ConnectCluster } from './clusters/cluster-registry.js';
import type { ClusterSession } from './clusters/cluster-session.js';
import { FleetState, type RenderedVersion } from './domain/fleet-state.js';
import type { TargetState } from './domain/target-state.js';
import { Slots } from './domain/limits.js';
import type { OwnerMark } from './domain/ownership.js';
import { prepareSet } from './sync/prepare.js';
import type { SyncTools } from './sync/tools.js';
import { FleetLog } from './targets/fleet-log.js';
import { Inventories } from './targets/inventories.js';
import type { RunnerDeps } from './targets/runner-deps.js';
import { TargetRunner } from './targets/target-runner.js';

/** Longest wait at the start for the ways to the clusters. */
const OPENING_MS = 3_000;

interface Wants {
  readonly renderDigest: string;
  readonly keys: ReadonlySet<string>;
}

/** Folds the log, keeps a session per cluster, and a runner per target that does what is due. */
@Injectable()
export class ApplierService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #events: EventLog;
  readonly #store: ObjectStore;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #config: ApplierConfig;
  readonly #metrics: ApplierMetrics;

  readonly #fleet = new FleetState();
  readonly #runners = new Map<TargetId, TargetRunner>();
  readonly #slots = new Map<string, Slots>();
  readonly #wants = new Map<TargetId, Wants>();
  readonly #log: FleetLog;
  readonly #inventories: Inventories;
  readonly #clusters: ClusterRegistry;
  readonly #follower: Follower;
  readonly #deps: RunnerDeps;
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

    this.#log = new FleetLog(log, this.#fleet, clock, logger);
    this.#inventories = new Inventories(store);
    this.#clusters = new ClusterRegistry({
      fleet: this.#fleet,
      log: this.#log,
      store,
      inventories: this.#inventories,
      clock,
      logger,
      connect,
      probeMs: config.probeMs,
      onCluster: (cluster, what) => this.#onCluster(cluster, what),
      onObject: (owner) => this.#runner(owner).notice(),
    });
    this.#deps = this.#runnerDeps();
    metrics.observe(() => ({
      clusters: [...this.#fleet.clusters.keys()].map((name) => ({
        name,
        connected: this.#clusters.session(name)?.ready === true,
      })),
      busy: [...this.#runners.values()].filter(({ busy }) => busy).length,
    }));
    this.#follower = new Follower({
      log,
      from: 0,
      onEvents: (events) => this.#fold(events),
      onError: (message) => this.#logger.warn('the log could not be followed; trying again', { message }),
    });
  }

  /** Catches up, then connects clusters and acts on everything that is due. */
  async onApplicationBootstrap(): Promise<void> {
    await this.#follower.start();
    this.#acting = true;
    this.#clusters.reconcile();
    for (const id of this.#fleet.targets.keys()) this.#runner(id).kick();
    // Ready means that simulated clusters have their doors; whether real ones answer is for their connection state to say.
    await this.#clusters.whenOpened(OPENING_MS);
  }

  /** Ends after the writes in hand; what is cut off is taken up again at the next start. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#acting = false;
    this.#log.stop();
    await this.#follower.stop();
    await Promise.allSettled([...this.#runners.values()].map((runner) => runner.stop()));
    await this.#clusters.stop();
  }

  /** Takes a batch from the bus. */
  offer(batch: EventEnvelopeBatch): void {
    this.#follower.offer(batch);
  }

  #fold(events: readonly RecordedEvent[]): void {
    const targets = new Set<TargetId>();
    let clusters = false;
    for (const event of events) {
      const touched = this.#fleet.apply(event);
      for (const id of touched.targets) targets.add(id);
      if (touched.clusters.size > 0) clusters = true;
    }
    if (!this.#acting) return;
    if (clusters) this.#clusters.reconcile();
    for (const id of targets) this.#runner(id).kick();
  }

  #runner(id: TargetId): TargetRunner {
    let runner = this.#runners.get(id);
    if (runner === undefined) {
      runner = new TargetRunner(id, this.#deps);
      this.#runners.set(id, runner);
    }
    return runner;
  }

  #onCluster(cluster: string, what: 'decide' | 'observe'): void {
    if (!this.#acting) return;
    for (const target of this.#fleet.targets.values()) {
      if (target.cluster !== cluster) continue;
      const runner = this.#runner(target.id);
      runner.notice();
      if (what === 'decide') runner.kick();
    }
  }

  #runnerDeps(): RunnerDeps {
    const config = this.#config,
      clock = this.#clock,
      logger = this.#logger,
      metrics = this.#metrics,
      store = this.#store;
    return {
      config,
      clock,
      logger,
      metrics,
      fleet: this.#fleet,
      log: this.#log,
      store,
      inventories: this.#inventories,
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
      freed: (cluster, keys) => this.#freed(cluster, keys),
      wants: (id, renderDigest, keys) => this.#wants.set(id, { renderDigest, keys }),
      heldElsewhere: (owner, cluster) => this.#heldElsewhere(owner, cluster),
      wantedElsewhere: (id, keys) => this.#wantedElsewhere(id, keys),
    };
  }

  #tools(session: ClusterSession): SyncTools {
    const { sealKey, limits } = this.#config;
    return { session, store: this.#store, sealKey, clock: this.#clock, logger: this.#logger, limits };
  }

  #freed(cluster: string, keys: readonly string[]): void {
    const free = new Set(keys);
    for (const target of this.#fleet.targets.values()) {
      if (target.cluster === cluster && target.last?.claims.some((key) => free.has(key)) === true)
        this.#runner(target.id).kick();
    }
  }

  #heldElsewhere({ installation, target, key }: OwnerMark, cluster: string): boolean {
    if (installation !== this.#config.installation) return true;
    const [project = '', name = '', environment = '', ownCluster = ''] = target.split('/');
    const owner = this.#fleet.targets.get(TargetId.of(`${project}/${name}`, environment, ownCluster));
    // Under one name of a cluster the claims decide; one API server under two names has two sets of claims.
    return owner !== undefined && owner.cluster !== cluster && this.#inventories.peek(owner)?.has(key) === true;
  }

  async #wantedElsewhere(id: TargetId, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const { cluster } = this.#fleet.target(id);
    const session = this.#clusters.session(cluster);
    if (session === undefined) return found;
    const others = [...this.#fleet.targets.values()].filter((other) => other.cluster === cluster && other.id !== id);
    // One round trip for all sets that are not known yet.
    await this.#store.getMany(others.flatMap((other) => this.#unknownSet(other)));
    for (const other of others) {
      const wants = await this.#wantsOf(other, session);
      for (const key of keys) if (wants.has(key)) found.add(key);
    }
    return found;
  }

  /** The version that the newest release puts on a target. */
  #releasedVersion(target: TargetState): RenderedVersion | undefined {
    const environment = this.#fleet.environment(target.application, target.environment);
    const release = environment.release?.data;
    return release?.clusters.includes(target.cluster) === true ? environment.versions.get(release.version) : undefined;
  }

  #unknownSet(target: TargetState): readonly Digest[] {
    const digest = this.#releasedVersion(target)?.renderDigest;
    return digest === undefined || this.#wants.get(target.id)?.renderDigest === digest ? [] : [digest];
  }

  /** Keys that a target's released set has on its cluster. */
  async #wantsOf(target: TargetState, session: ClusterSession): Promise<ReadonlySet<string>> {
    const version = this.#releasedVersion(target);
    if (version === undefined) return new Set();
    const known = this.#wants.get(target.id);
    if (known?.renderDigest === version.renderDigest) return known.keys;
    const keys = await this.#readWants(version, session);
    this.#wants.set(target.id, { renderDigest: version.renderDigest, keys });
    return keys;
  }

  async #readWants(version: RenderedVersion, session: ClusterSession): Promise<ReadonlySet<string>> {
    try {
      const prepared = await prepareSet(this.#tools(session), version);
      return new Set(prepared.wanted.map(({ key }) => key));
    } catch (error) {
      // A set that nobody can read cannot be applied either.
      if (error instanceof NotFoundError || error instanceof InvariantError) return new Set();
      throw error;
    }
  }
}
