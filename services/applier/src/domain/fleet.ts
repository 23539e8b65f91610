// SPDX-License-Identifier: Apache-2.0
import { type Digest, TargetId } from '@plumbline/core';
import { type EventData, type EventOf, selectedClusters, type SyncSpec } from '@plumbline/events';
import { type ApplicationView, type ClusterView, ViewStore, type ViewStoreSnapshot } from '@plumbline/read-models';
import { type Cause, causeOf, type EventOfAny } from './cause.js';
import {
  foldTarget,
  newTarget,
  restoredTarget,
  type SavedTarget,
  savedTarget,
  type TargetEvent,
  type TargetState,
} from './target-state.js';

/** A rendered version: the part of it that a sync needs. */
export interface RenderedVersion {
  readonly version: number;
  readonly renderDigest: Digest;
  readonly sourcesDigest: Digest;
  readonly namespace?: string;
  readonly createNamespace: boolean;
}

/** The newest release of an environment, with its signature. */
export interface Release extends Cause {
  readonly data: EventData<'VersionReleased'>;
}

/** Release and versions of one environment of one application. */
export interface EnvironmentState {
  readonly release: Release | undefined;
  readonly versions: ReadonlyMap<number, RenderedVersion>;
}

/** The removal of an application that is under way. */
export interface ApplicationRemoval extends Cause {
  readonly mode: 'Delete' | 'Orphan';
  /** The application was suspended when it was removed. */
  readonly suspended: boolean;
}

/** A plan that was requested and not computed yet. */
export interface PlanJob extends Cause {
  readonly target: TargetId;
  readonly version: number | undefined;
}

/** Targets and clusters that events concern. */
export interface Touched {
  readonly targets: ReadonlySet<TargetId>;
  /** True if a cluster was declared, removed, connected or lost. */
  readonly clusters: boolean;
}

/** Contents of a {@link Fleet} as JSON values. */
export interface FleetSnapshot {
  readonly views: ViewStoreSnapshot;
  readonly removals: readonly (readonly [application: string, removal: ApplicationRemoval])[];
  readonly releases: readonly Release[];
  readonly versions: readonly (readonly [environment: string, version: RenderedVersion])[];
  readonly targets: readonly SavedTarget[];
  readonly plans: readonly PlanJob[];
}

type ApplicationEvent = EventOfAny<
  'ApplicationDeclared' | 'ApplicationRemoved' | 'ApplicationSuspended' | 'ApplicationResumed'
>;
type ClusterEvent = EventOfAny<'ClusterDeclared' | 'ClusterRemoved' | 'ClusterConnected' | 'ClusterUnreachable'>;

interface MutableEnvironment {
  release: Release | undefined;
  readonly versions: Map<number, RenderedVersion>;
}

const NO_ENVIRONMENT: EnvironmentState = { release: undefined, versions: new Map() };

/**
 * The fold of the applier. Declarations of applications and clusters are the read models; releases, targets and plans
 * are the
 * applier's own, since syncs need facts that no read model has. Versions are kept in short: a `VersionView` carries
 * plans of up to
 * 24 kB per cluster.
 */
export class Fleet {
  readonly #views = new ViewStore({ kinds: ['application', 'cluster'] });
  readonly #removals = new Map<string, ApplicationRemoval>();
  readonly #environments = new Map<string, MutableEnvironment>();
  readonly #targets = new Map<TargetId, TargetState>();
  readonly #byApplication = new Map<string, Set<TargetState>>();
  readonly #plans = new Map<TargetId, Map<string, PlanJob>>();
  #touchedTargets = new Set<TargetId>();
  #touchedClusters = false;

  /** The declared application; undefined once it is removed and none of its targets holds objects. */
  application(id: string): ApplicationView | undefined {
    return this.#views.get('application', id);
  }

  /** The removal of an application; undefined if it was never removed, or was declared again afterwards. */
  removal(application: string): ApplicationRemoval | undefined {
    return this.#removals.get(application);
  }

  cluster(name: string): ClusterView | undefined {
    return this.#views.get('cluster', name);
  }

  clusters(): Iterable<ClusterView> {
    return this.#views.all('cluster');
  }

  environment(application: string, environment: string): EnvironmentState {
    return this.#environments.get(`${application}/${environment}`) ?? NO_ENVIRONMENT;
  }

  /** The newest version rendered for an environment; undefined if there is none. */
  latestVersion(application: string, environment: string): number | undefined {
    return this.application(application)?.environments[environment]?.latestVersion;
  }

  /** How an environment is synced; undefined if the application does not have it. */
  syncSpec(application: string, environment: string): SyncSpec | undefined {
    return this.application(application)?.spec.environments.find(({ name }) => name === environment)?.sync;
  }

  /** The version that the newest release puts on a target. */
  releasedVersion({ application, environment, cluster }: TargetState): RenderedVersion | undefined {
    const { release, versions } = this.environment(application, environment);
    return release?.data.clusters.includes(cluster) === true ? versions.get(release.data.version) : undefined;
  }

  targets(): Iterable<TargetState> {
    return this.#targets.values();
  }

  hasTarget(id: TargetId): boolean {
    return this.#targets.has(id);
  }

  /** The target; created when it is read for the first time. */
  target(id: TargetId): TargetState {
    const known = this.#targets.get(id);
    return known ?? this.#put(newTarget(id));
  }

  *targetsOn(cluster: string): Iterable<TargetState> {
    for (const target of this.#targets.values()) if (target.cluster === cluster) yield target;
  }

  /** The oldest plan that was requested for a target and not computed yet. */
  nextPlan(target: TargetId): PlanJob | undefined {
    return this.#plans.get(target)?.values().next().value;
  }

  /** Drops a plan that is too old to be computed. */
  dropPlan({ target, eventId }: PlanJob): void {
    this.#plans.get(target)?.delete(eventId);
  }

  onApplication(event: ApplicationEvent): void {
    const { application } = event.data;
    const before = this.application(application);
    if (event.type === 'ApplicationDeclared') this.#removals.delete(application);
    if (event.type === 'ApplicationRemoved' && before !== undefined) {
      this.#removals.set(application, {
        ...causeOf(event),
        mode: event.data.mode,
        suspended: before.suspended !== undefined,
      });
      // A later application of the same name starts without a release.
      for (const { name } of before.spec.environments) {
        const environment = this.#environments.get(`${application}/${name}`);
        if (environment !== undefined) environment.release = undefined;
      }
    }
    this.#views.apply(event);
    this.#touch(this.#targetsOf(application));
  }

  onCluster(event: ClusterEvent): void {
    this.#views.apply(event);
    // Read models report Unknown from now on: the health has to be reported again after a reconnect.
    if (event.type === 'ClusterUnreachable')
      for (const target of this.targetsOn(event.data.cluster)) target.health = undefined;
    this.#touchedClusters = true;
  }

  onRendered(event: EventOf<'VersionRendered'>): void {
    this.#views.apply(event);
    const { application, environment, version, renderDigest, sourcesDigest, namespace, createNamespace } = event.data;
    this.#environment(`${application}/${environment}`).versions.set(version, {
      version,
      renderDigest: renderDigest as Digest,
      sourcesDigest: sourcesDigest as Digest,
      createNamespace,
      ...(namespace === undefined ? {} : { namespace }),
    });
  }

  onReleased(event: EventOf<'VersionReleased'>): void {
    this.#views.apply(event);
    const { application, environment, clusters, generation } = event.data;
    const state = this.#environment(`${application}/${environment}`);
    const { release } = state;
    if (release !== undefined && release.data.generation >= generation && release.position > event.position) return;
    for (const cluster of [...(release?.data.clusters ?? []), ...clusters])
      this.#touch([this.target(TargetId.of(application, environment, cluster))]);
    this.#touch(this.#targetsOf(application).filter((target) => target.environment === environment));
    state.release = { ...causeOf(event), data: event.data };
  }

  onSyncRequested(event: EventOf<'SyncRequested'>): void {
    const { application, environment, cluster, confirmPrune } = event.data;
    for (const target of this.#targetsOf(application)) {
      if (environment !== undefined && target.environment !== environment) continue;
      if (cluster !== undefined && target.cluster !== cluster) continue;
      target.request = { ...causeOf(event), confirmPrune };
      this.#touch([target]);
    }
  }

  onPlanRequested(event: EventOfAny<'PlanRequested' | 'ApprovalRequested'>): void {
    const { application, environment, version } = event.data;
    const cause = causeOf(event);
    for (const wanted of this.application(application)?.spec.environments ?? []) {
      if (environment !== undefined && wanted.name !== environment) continue;
      for (const cluster of selectedClusters(wanted.clusters, this.clusters())) {
        const target = this.target(TargetId.of(application, wanted.name, cluster.name));
        this.#addPlan({ ...cause, target: target.id, version });
        this.#touch([target]);
      }
    }
  }

  onTarget(event: TargetEvent): void {
    const { application, environment, cluster } = event.data;
    const target = this.target(TargetId.of(application, environment, cluster));
    this.#views.apply(event);
    target.position = event.position;
    target.revision = event.revision;
    foldTarget(target, event);
    if (event.type === 'PlanComputed' || event.type === 'PlanFailed')
      this.#plans.get(target.id)?.delete(event.causationId);
    this.#touch([target]);
  }

  /** Returns the targets and clusters that events concerned since the last call. */
  takeTouched(): Touched {
    const touched = { targets: this.#touchedTargets, clusters: this.#touchedClusters };
    this.#touchedTargets = new Set();
    this.#touchedClusters = false;
    return touched;
  }

  /** Returns the contents as JSON values that later events do not change. */
  snapshot(): FleetSnapshot {
    const environments = [...this.#environments];
    return {
      views: this.#views.snapshot(),
      removals: [...this.#removals],
      releases: environments.flatMap(([, { release }]) => release ?? []),
      versions: environments.flatMap(([key, { versions }]) =>
        [...versions.values()].map((version) => [key, version] as const),
      ),
      targets: [...this.#targets.values()].map(savedTarget),
      plans: [...this.#plans.values()].flatMap((jobs) => [...jobs.values()]),
    };
  }

  /** Replaces the contents by those of a {@link snapshot}. @throws InvariantError if the read models do not fit */
  restore(state: unknown): void {
    const { views, removals, releases, versions, targets, plans } = state as FleetSnapshot;
    this.#views.restore(views);
    for (const map of [this.#removals, this.#environments, this.#targets, this.#byApplication, this.#plans])
      map.clear();
    for (const [application, removal] of removals) this.#removals.set(application, removal);
    for (const [key, version] of versions) this.#environment(key).versions.set(version.version, version);
    for (const release of releases)
      this.#environment(`${release.data.application}/${release.data.environment}`).release = release;
    for (const target of targets) this.#put(restoredTarget(target));
    for (const job of plans) this.#addPlan(job);
  }

  #touch(targets: Iterable<TargetState>): void {
    for (const { id } of targets) this.#touchedTargets.add(id);
  }

  #environment(key: string): MutableEnvironment {
    let state = this.#environments.get(key);
    if (state === undefined) {
      state = { release: undefined, versions: new Map() };
      this.#environments.set(key, state);
    }
    return state;
  }

  #targetsOf(application: string): readonly TargetState[] {
    return [...(this.#byApplication.get(application) ?? [])];
  }

  #put(target: TargetState): TargetState {
    this.#targets.set(target.id, target);
    const siblings = this.#byApplication.get(target.application);
    if (siblings === undefined) this.#byApplication.set(target.application, new Set([target]));
    else siblings.add(target);
    return target;
  }

  #addPlan(job: PlanJob): void {
    const jobs = this.#plans.get(job.target) ?? new Map<string, PlanJob>();
    this.#plans.set(job.target, jobs.set(job.eventId, job));
  }
}
