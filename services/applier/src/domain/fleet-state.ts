// SPDX-License-Identifier: Apache-2.0
import { type Digest, TargetId } from '@plumbline/core';
import type {
  ApplicationSpec,
  RecordedClusterSpec,
  EventData,
  PlumblineEvent,
  RecordedEvent,
  SyncSpec,
} from '@plumbline/events';
import { type Cause, causeOf, foldTarget, type TargetState } from './target-state.js';

/** A version as rendered. */
export interface RenderedVersion {
  readonly version: number;
  readonly renderDigest: Digest;
  readonly sourcesDigest: Digest;
  readonly namespace?: string;
  readonly createNamespace: boolean;
}

/** The newest release of an environment. */
export interface Release extends Cause {
  readonly data: EventData<'VersionReleased'>;
}

/** One environment of one application. */
export interface EnvironmentState {
  release: Release | undefined;
  readonly versions: Map<number, RenderedVersion>;
  latest: number | undefined;
}

/** An application as declared. */
export interface ApplicationState {
  spec: ApplicationSpec;
  suspended: boolean;
  removal: (Cause & { readonly mode: 'Delete' | 'Orphan'; readonly suspended: boolean }) | undefined;
}

/** A cluster as declared and as last reported. */
export interface ClusterState {
  readonly name: string;
  labels: Readonly<Record<string, string>>;
  spec: RecordedClusterSpec;
  /** Identity that the first connection found; another one under this name is refused. */
  uid: string | undefined;
  kubernetesVersion: string | undefined;
  apisDigest: string | undefined;
  connection: 'Connected' | 'Unreachable' | 'Unknown';
  /** Reason of the last ClusterUnreachable. */
  reason: string | undefined;
  declaredBy: Cause;
}

/** A plan that somebody waits for. */
export interface PlanJob extends Cause {
  readonly target: TargetId;
  readonly version: number | undefined;
}

/** What a fold touched. */
export interface Touched {
  readonly targets: ReadonlySet<TargetId>;
  readonly clusters: ReadonlySet<string>;
}

/** Everything that the applier knows from the log: a fold, no more. */
export class FleetState {
  readonly applications = new Map<string, ApplicationState>();
  readonly environments = new Map<string, EnvironmentState>();
  readonly clusters = new Map<string, ClusterState>();
  readonly targets = new Map<TargetId, TargetState>();
  /** Per target, by cause event. */
  readonly plans = new Map<TargetId, Map<string, PlanJob>>();

  /** Folds one event. */
  apply(event: RecordedEvent): Touched {
    const touched = { targets: new Set<TargetId>(), clusters: new Set<string>() };
    switch (event.type) {
      case 'ApplicationDeclared':
      case 'ApplicationRemoved':
      case 'ApplicationSuspended':
      case 'ApplicationResumed':
        this.#application(event);
        this.#touchApplication(event.data.application, touched.targets);
        break;
      case 'ClusterDeclared':
      case 'ClusterRemoved':
      case 'ClusterConnected':
      case 'ClusterUnreachable':
        touched.clusters.add(this.#cluster(event));
        break;
      case 'VersionRendered':
        this.#rendered(event.data);
        break;
      case 'VersionReleased':
        this.#released(event, touched.targets);
        break;
      case 'SyncRequested':
        this.#requested(event, touched.targets);
        break;
      case 'PlanRequested':
      case 'ApprovalRequested':
        this.#planned(event, touched.targets);
        break;
      case 'PlanComputed':
      case 'PlanFailed':
      case 'SyncStarted':
      case 'SyncCompleted':
      case 'SyncRefused':
      case 'DriftDetected':
      case 'DriftResolved':
      case 'HealthChanged':
      case 'TargetRemoved':
        touched.targets.add(this.#target(event).id);
        break;
      default:
        break;
    }
    return touched;
  }

  environment(application: string, environment: string): EnvironmentState {
    const key = `${application}/${environment}`;
    let state = this.environments.get(key);
    if (state === undefined) {
      state = { release: undefined, versions: new Map(), latest: undefined };
      this.environments.set(key, state);
    }
    return state;
  }

  /** How an environment is to be synced; undefined when the application no longer has it. */
  syncSpec(application: string, environment: string): SyncSpec | undefined {
    return this.applications.get(application)?.spec.environments.find(({ name }) => name === environment)?.sync;
  }

  target(id: TargetId): TargetState {
    let state = this.targets.get(id);
    if (state === undefined) {
      const { application, environment, cluster } = TargetId.parts(id);
      state = {
        id,
        application,
        environment,
        cluster,
        revision: -1,
        position: -1,
        inventoryDigest: undefined,
        objectCount: 0,
        running: undefined,
        last: undefined,
        request: undefined,
        drift: [],
        driftCause: undefined,
        driftMemory: new Map(),
        health: undefined,
        removed: false,
      };
      this.targets.set(id, state);
    }
    return state;
  }

  #application(
    event: PlumblineEvent & {
      type: 'ApplicationDeclared' | 'ApplicationRemoved' | 'ApplicationSuspended' | 'ApplicationResumed';
    },
  ): void {
    const known = this.applications.get(event.data.application);
    if (event.type === 'ApplicationDeclared') {
      if (known === undefined)
        this.applications.set(event.data.application, { spec: event.data.spec, suspended: false, removal: undefined });
      else Object.assign(known, { spec: event.data.spec, removal: undefined });
    } else if (known === undefined) return;
    else if (event.type === 'ApplicationRemoved') {
      known.removal = { ...causeOf(event), mode: event.data.mode, suspended: known.suspended };
      known.suspended = false;
      // A later application of the same name starts without a release.
      for (const { name } of known.spec.environments)
        this.environment(event.data.application, name).release = undefined;
    } else known.suspended = event.type === 'ApplicationSuspended';
  }

  #cluster(
    event: PlumblineEvent & { type: 'ClusterDeclared' | 'ClusterRemoved' | 'ClusterConnected' | 'ClusterUnreachable' },
  ): string {
    if (event.type === 'ClusterDeclared') {
      const { name, labels, spec } = event.data;
      const known = this.clusters.get(name);
      if (known !== undefined) Object.assign(known, { labels, spec, declaredBy: causeOf(event) });
      else
        this.clusters.set(name, {
          name,
          labels,
          spec,
          uid: undefined,
          kubernetesVersion: undefined,
          apisDigest: undefined,
          connection: 'Unknown',
          reason: undefined,
          declaredBy: causeOf(event),
        });
      return name;
    }
    if (event.type === 'ClusterRemoved') {
      this.clusters.delete(event.data.name);
      return event.data.name;
    }
    const known = this.clusters.get(event.data.cluster);
    if (known !== undefined && event.type === 'ClusterConnected') {
      const { uid, kubernetesVersion, apisDigest } = event.data;
      Object.assign(known, { uid, kubernetesVersion, apisDigest, connection: 'Connected', reason: undefined });
    } else if (known !== undefined && event.type === 'ClusterUnreachable') {
      Object.assign(known, { connection: 'Unreachable', reason: event.data.reason });
      // Views say Unknown now: what comes back has to be said again.
      for (const target of this.targets.values()) if (target.cluster === known.name) target.health = undefined;
    }
    return event.data.cluster;
  }

  #rendered(data: EventData<'VersionRendered'>): void {
    const environment = this.environment(data.application, data.environment);
    environment.versions.set(data.version, {
      version: data.version,
      renderDigest: data.renderDigest as Digest,
      sourcesDigest: data.sourcesDigest as Digest,
      createNamespace: data.createNamespace,
      ...(data.namespace === undefined ? {} : { namespace: data.namespace }),
    });
    environment.latest = Math.max(environment.latest ?? 0, data.version);
  }

  #released(event: PlumblineEvent & { type: 'VersionReleased' }, touched: Set<TargetId>): void {
    const { application, environment, clusters, generation } = event.data;
    const state = this.environment(application, environment);
    if (
      state.release !== undefined &&
      state.release.data.generation >= generation &&
      state.release.position > event.position
    )
      return;
    for (const cluster of [...(state.release?.data.clusters ?? []), ...clusters])
      touched.add(this.target(TargetId.of(application, environment, cluster)).id);
    for (const target of this.targets.values())
      if (target.application === application && target.environment === environment) touched.add(target.id);
    state.release = { ...causeOf(event), data: event.data };
  }

  #requested(event: PlumblineEvent & { type: 'SyncRequested' }, touched: Set<TargetId>): void {
    const { application, environment, cluster, confirmPrune } = event.data;
    for (const target of this.targets.values()) {
      if (target.application !== application) continue;
      if (environment !== undefined && target.environment !== environment) continue;
      if (cluster !== undefined && target.cluster !== cluster) continue;
      target.request = { ...causeOf(event), confirmPrune };
      touched.add(target.id);
    }
  }

  #planned(event: PlumblineEvent & { type: 'PlanRequested' | 'ApprovalRequested' }, touched: Set<TargetId>): void {
    const { application, environment, version } = event.data;
    const spec = this.applications.get(application)?.spec;
    const cause = causeOf(event);
    for (const wanted of spec?.environments ?? []) {
      if (environment !== undefined && wanted.name !== environment) continue;
      for (const cluster of this.clusters.values()) {
        if (!selects(wanted.clusters, cluster)) continue;
        const target = TargetId.of(application, wanted.name, cluster.name);
        const jobs = this.plans.get(target) ?? new Map<string, PlanJob>();
        jobs.set(cause.eventId, { ...cause, target, version });
        this.plans.set(target, jobs);
        this.target(target);
        touched.add(target);
      }
    }
  }

  #touchApplication(application: string, touched: Set<TargetId>): void {
    for (const target of this.targets.values()) if (target.application === application) touched.add(target.id);
  }

  #target(
    event: PlumblineEvent & { data: { application: string; environment: string; cluster: string } },
  ): TargetState {
    const { application, environment, cluster } = event.data;
    const target = this.target(TargetId.of(application, environment, cluster));
    // Our own appends are folded at once and come again with the log.
    if (event.position <= target.position) return target;
    target.position = event.position;
    target.revision = event.revision;
    foldTarget(target, event);
    if (event.type === 'PlanComputed' || event.type === 'PlanFailed')
      this.plans.get(target.id)?.delete(event.causationId);
    return target;
  }
}

function selects(selector: ApplicationSpec['environments'][number]['clusters'], cluster: ClusterState): boolean {
  if (selector.names !== undefined && !selector.names.includes(cluster.name)) return false;
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => cluster.labels[key] === value);
}
