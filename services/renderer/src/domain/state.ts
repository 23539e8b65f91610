// SPDX-License-Identifier: Apache-2.0
import type { CommitInfo, EnvironmentSpec, RecordedEvent } from '@plumbline/events';
import { UNAVAILABLE } from './failure.js';
import { type ApplicationView, versionKey, type VersionView, ViewStore } from '@plumbline/read-models';

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

interface Failure {
  readonly revision: string;
  readonly position: number;
  readonly reason: string;
}

const environmentKey = (application: string, environment: string): string => `${application}/${environment}`;

/** What the renderer knows: a fold of the log. */
export class RendererState {
  readonly views = new ViewStore();
  readonly #declared = new Map<string, Cause>();
  readonly #failures = new Map<string, Failure>();
  readonly #dirty = new Set<string>();

  /** Folds one event. */
  apply(event: RecordedEvent): void {
    this.views.apply(event);
    switch (event.type) {
      case 'ApplicationDeclared':
        this.#declared.set(event.data.application, {
          eventId: event.id,
          correlationId: event.correlationId,
          position: event.position,
        });
        this.#dirty.add(event.data.application);
        break;
      case 'ApplicationRemoved':
        this.#dirty.add(event.data.application);
        break;
      case 'RevisionObserved':
        this.#touchAll(event.data.repository, event.data.ref);
        break;
      case 'RepositoryDeclared':
        this.#touchAll(event.data.name, undefined);
        break;
      case 'RenderFailed':
        this.#failures.set(environmentKey(event.data.application, event.data.environment), {
          revision: event.data.revision,
          position: event.position,
          reason: event.data.reason,
        });
        break;
      default:
    }
  }

  #touchAll(repository: string, ref: string | undefined): void {
    for (const { id, spec } of this.views.all('application')) {
      if (spec.repository === repository && (ref === undefined || spec.ref === ref)) this.#dirty.add(id);
    }
  }

  /** Applications to look at since the last call. */
  takeDirty(): readonly string[] {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    return dirty;
  }

  /** What is to be looked at for an application; undefined while its ref has not been observed, or when it is being removed. */
  taskOf(id: string): RenderTask | undefined {
    const application = this.views.get('application', id);
    const declared = this.#declared.get(id);
    if (application === undefined || declared === undefined || application.removal !== undefined) return undefined;
    const ref = this.views.get('repository', application.spec.repository)?.refs[application.spec.ref];
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
  newestVersion(application: string, environment: string): VersionView | undefined {
    const latest = this.views.get('application', application)?.environments[environment]?.latestVersion;
    return latest === undefined ? undefined : this.views.get('version', versionKey(application, latest, environment));
  }

  /** True when the log says that this environment failed at this revision, as it is declared now; `lasting`: in a way that only a commit or a declaration heals. */
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

/** True when a render adds nothing to the newest version: same objects, put to the same place. */
export function isSameVersion(
  newest: VersionView | undefined,
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
