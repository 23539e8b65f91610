// SPDX-License-Identifier: Apache-2.0
import { ApplicationId } from '@plumbline/core';
import type { CommitInfo, EnvironmentSpec, EventOf } from '@plumbline/events';
import { type ApplicationView, type RepositoryView, ViewStore, type ViewStoreSnapshot } from '@plumbline/read-models';
import { UNAVAILABLE } from './failure.js';

/** The event that a render answers. */
export interface Cause {
  readonly eventId: string;
  readonly correlationId: string;
  readonly position: number;
}

/** An application at the revision that its ref leads to now. */
export interface RenderTask {
  readonly application: ApplicationView;
  readonly repository: string;
  readonly revision: string;
  readonly commit: CommitInfo;
  /** The later of the declaration and the observation. */
  readonly cause: Cause;
  readonly nextVersion: number;
}

/** The newest version of an environment, as far as a render is compared with it. */
export interface NewestVersion {
  readonly version: number;
  readonly inputDigest: string;
  readonly renderDigest: string;
  readonly namespace?: string | undefined;
  readonly createNamespace: boolean;
  readonly position: number;
}

interface Failure {
  readonly revision: string;
  readonly position: number;
  readonly reason: string;
}

interface Snapshot {
  readonly views: ViewStoreSnapshot;
  readonly declared: readonly (readonly [string, Cause])[];
  readonly newest: readonly (readonly [string, NewestVersion])[];
  readonly failures: readonly (readonly [string, Failure])[];
}

const environmentKey = (application: string, environment: string): string => `${application}/${environment}`;

/** Repositories, applications, and what was rendered for them last: a fold of the log. */
export class RendererState {
  readonly #views = new ViewStore({ kinds: ['repository', 'application'] });
  readonly #declared = new Map<string, Cause>();
  readonly #newest = new Map<string, NewestVersion>();
  readonly #failures = new Map<string, Failure>();
  readonly #dirtyApplications = new Set<string>();
  readonly #dirtyRepositories = new Set<string>();

  repositoryChanged(event: EventOf<'RepositoryDeclared'> | EventOf<'RepositoryRemoved'>): void {
    this.#views.apply(event);
    this.#touchAll(event.data.name, undefined);
  }

  revisionObserved(event: EventOf<'RevisionObserved'>): void {
    this.#views.apply(event);
    this.#touchAll(event.data.repository, event.data.ref);
  }

  resourcesChanged(
    event:
      | EventOf<'ResourcesRead'>
      | EventOf<'ResourcesUnreadable'>
      | EventOf<'ResourcesApplied'>
      | EventOf<'ResourcesRefused'>,
  ): void {
    this.#views.apply(event);
    this.#dirtyRepositories.add(event.data.repository);
  }

  applicationDeclared(event: EventOf<'ApplicationDeclared'>): void {
    this.#views.apply(event);
    const { id: eventId, correlationId, position, data } = event;
    const id = ApplicationId.parse(data.application);
    this.#declared.set(id, { eventId, correlationId, position });
    this.#dirtyApplications.add(id);
  }

  applicationRemoved(event: EventOf<'ApplicationRemoved'>): void {
    this.#views.apply(event);
    this.#dirtyApplications.add(event.data.application);
  }

  versionRendered(event: EventOf<'VersionRendered'>): void {
    this.#views.apply(event);
    const { application, environment, version, inputDigest, renderDigest, namespace, createNamespace } = event.data;
    this.#newest.set(environmentKey(application, environment), {
      version,
      inputDigest,
      renderDigest,
      createNamespace,
      position: event.position,
      ...(namespace === undefined ? {} : { namespace }),
    });
  }

  renderFailed(event: EventOf<'RenderFailed'>): void {
    this.#views.apply(event);
    const { application, environment, revision, reason } = event.data;
    this.#failures.set(environmentKey(application, environment), { revision, position: event.position, reason });
  }

  /** Whether targets hold objects decides when a removed application is gone. */
  targetChanged(event: EventOf<'SyncStarted'> | EventOf<'SyncCompleted'> | EventOf<'TargetRemoved'>): void {
    this.#views.apply(event);
  }

  snapshot(): Snapshot {
    return {
      views: this.#views.snapshot(),
      declared: [...this.#declared],
      newest: [...this.#newest],
      failures: [...this.#failures],
    };
  }

  restore(state: unknown): void {
    const { views, declared, newest, failures } = state as Snapshot;
    this.#views.restore(views);
    for (const map of [this.#declared, this.#newest, this.#failures]) map.clear();
    for (const [id, cause] of declared) this.#declared.set(id, cause);
    for (const [key, version] of newest) this.#newest.set(key, version);
    for (const [key, failure] of failures) this.#failures.set(key, failure);
    this.#dirtyApplications.clear();
    this.#dirtyRepositories.clear();
  }

  /** Ids of all applications. */
  get applications(): readonly string[] {
    return [...this.#views.all('application')].map(({ id }) => id);
  }

  /** Names of all repositories. */
  get repositories(): readonly string[] {
    return [...this.#views.all('repository')].map(({ name }) => name);
  }

  repository(name: string): RepositoryView | undefined {
    return this.#views.get('repository', name);
  }

  /** Applications that events have changed since the last call. */
  takeDirtyApplications(): readonly string[] {
    return taken(this.#dirtyApplications);
  }

  /** Repositories that events have changed since the last call. */
  takeDirtyRepositories(): readonly string[] {
    return taken(this.#dirtyRepositories);
  }

  /**
   * What is to be rendered for an application; undefined while its ref has not been observed, or when it is being
   * removed.
   */
  taskOf(id: string): RenderTask | undefined {
    const application = this.#views.get('application', id);
    const declared = this.#declared.get(id);
    if (application === undefined || declared === undefined || application.removal !== undefined) return undefined;
    const ref = this.repository(application.spec.repository)?.refs[application.spec.ref];
    if (ref === undefined) return undefined;
    const observed = { eventId: ref.eventId, correlationId: ref.correlationId, position: ref.position };
    return {
      application,
      repository: application.spec.repository,
      revision: ref.revision,
      commit: ref.commit,
      cause: declared.position > observed.position ? declared : observed,
      nextVersion: application.latestVersion + 1,
    };
  }

  /** The newest version of an environment. */
  newestVersion(application: string, environment: string): NewestVersion | undefined {
    // An application that comes back under the name of a removed one has no version yet.
    const latest = this.#views.get('application', application)?.environments[environment]?.latestVersion;
    const newest = this.#newest.get(environmentKey(application, environment));
    return latest === undefined || newest?.version !== latest ? undefined : newest;
  }

  /**
   * True when the log says that this environment failed at this revision, as it is declared now; `lasting`: in a way
   * that only a commit
   * or a declaration changes.
   */
  hasFailed(task: RenderTask, environment: string, kind: 'any' | 'lasting'): boolean {
    const failure = this.#failures.get(environmentKey(task.application.id, environment));
    const declared = this.#declared.get(task.application.id);
    const newest = this.newestVersion(task.application.id, environment);
    if (failure === undefined || (kind === 'lasting' && failure.reason === UNAVAILABLE)) return false;
    return (
      failure.revision === task.revision &&
      failure.position > (declared?.position ?? -1) &&
      failure.position > (newest?.position ?? -1)
    );
  }

  #touchAll(repository: string, ref: string | undefined): void {
    this.#dirtyRepositories.add(repository);
    for (const { id, spec } of this.#views.all('application')) {
      if (spec.repository === repository && (ref === undefined || spec.ref === ref)) this.#dirtyApplications.add(id);
    }
  }
}

function taken(dirty: Set<string>): readonly string[] {
  const keys = [...dirty];
  dirty.clear();
  return keys;
}

/** Settings of a version that are not in its objects, but change what reaches the cluster. */
export interface VersionSettings {
  readonly namespace: string | undefined;
  readonly createNamespace: boolean;
}

/** Namespace settings of an environment. */
export function settingsOf(application: ApplicationView, environment: EnvironmentSpec): VersionSettings {
  return {
    namespace: environment.namespace ?? application.spec.namespace,
    createNamespace: application.spec.createNamespace,
  };
}

/** True when a render adds nothing to the newest version: the same objects, put to the same place. */
export function isSameVersion(
  newest: NewestVersion | undefined,
  rendered: { readonly renderDigest: string },
  settings: VersionSettings,
): boolean {
  return (
    newest !== undefined &&
    newest.renderDigest === rendered.renderDigest &&
    newest.namespace === settings.namespace &&
    newest.createNamespace === settings.createNamespace
  );
}
