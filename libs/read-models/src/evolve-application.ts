// SPDX-License-Identifier: Apache-2.0
import { ApplicationId } from '@plumbline/core';
import type { PlumblineEvent } from '@plumbline/events';
import type { ApplicationView, EnvironmentView, ViewChange, ViewReader } from './documents.js';
import { provenanceOf } from './evolve-declared.js';

/** Applications: declarations, pauses, removal, and what is newest and released per environment. */
export function evolveApplication(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
    case 'ApplicationDeclared':
      return [changed(declared(views, event))];
    case 'ApplicationRemoved':
      return update(views, event.data.application, (before) => {
        const removal = { mode: event.data.mode, at: event.recordedAt, by: event.actor, position: event.position };
        return targetsLeft(views, before.id) ? { ...before, removal } : undefined;
      });
    case 'TargetRemoved':
      return update(views, event.data.application, (before) => {
        const key = `${before.id}/${event.data.environment}/${event.data.cluster}`;
        return before.removal !== undefined && !targetsLeft(views, before.id, key) ? undefined : before;
      });
    case 'ApplicationSuspended':
      return update(views, event.data.application, (before) => ({
        ...before,
        suspended: {
          at: event.recordedAt,
          by: event.actor,
          ...(event.data.reason === undefined ? {} : { reason: event.data.reason }),
        },
      }));
    case 'ApplicationResumed':
      return update(views, event.data.application, ({ suspended: _, ...before }) => before);
    case 'VersionRendered':
      return update(views, event.data.application, (before) => ({
        ...withEnvironment(before, event.data.environment, ({ renderError: _, ...environment }) => ({
          ...environment,
          latestVersion: event.data.version,
          latestRevision: event.data.revision,
          latestRenderDigest: event.data.renderDigest,
          latestInputDigest: event.data.inputDigest,
        })),
        latestVersion: Math.max(before.latestVersion, event.data.version),
      }));
    case 'RevisionObserved':
      return forgottenErrors(views, event.data);
    case 'RenderFailed':
      return update(views, event.data.application, (before) =>
        withEnvironment(before, event.data.environment, (environment) => ({
          ...environment,
          renderError: {
            revision: event.data.revision,
            reason: event.data.reason,
            message: event.data.message,
            at: event.recordedAt,
          },
        })),
      );
    case 'VersionReleased':
      return update(views, event.data.application, (before) =>
        withEnvironment(before, event.data.environment, (environment) => {
          const { version, releaseId, generation, kind, renderDigest, clusters } = event.data;
          return {
            ...environment,
            released: {
              version,
              releaseId,
              generation,
              kind,
              renderDigest,
              clusters,
              at: event.recordedAt,
              position: event.position,
            },
          };
        }),
      );
    default:
      return [];
  }
}

function declared(views: ViewReader, event: Extract<PlumblineEvent, { type: 'ApplicationDeclared' }>): ApplicationView {
  const id = ApplicationId.parse(event.data.application);
  const before = views.get('application', id);
  const environments: Record<string, EnvironmentView> = {};
  for (const { name } of event.data.spec.environments) environments[name] = before?.environments[name] ?? { name };
  return {
    id,
    project: ApplicationId.project(id),
    name: ApplicationId.name(id),
    labels: event.data.labels,
    spec: event.data.spec,
    declared: provenanceOf(event),
    latestVersion: before?.latestVersion ?? highestVersion(views, id),
    environments,
    ...(before?.suspended === undefined ? {} : { suspended: before.suspended }),
  };
}

/** What failed at an older revision says nothing about the new one: it may render, fail anew, or give what runs already. */
function forgottenErrors(
  views: ViewReader,
  moved: { readonly repository: string; readonly ref: string; readonly revision: string },
): readonly ViewChange[] {
  const changes: ViewChange[] = [];
  for (const [, application] of views.scan('application', '')) {
    if (application.spec.repository !== moved.repository || application.spec.ref !== moved.ref) continue;
    const stale = Object.values(application.environments).filter(
      ({ renderError }) => renderError !== undefined && renderError.revision !== moved.revision,
    );
    if (stale.length === 0) continue;
    const environments = { ...application.environments };
    for (const { renderError: _, ...environment } of stale) environments[environment.name] = environment;
    changes.push(changed({ ...application, environments }));
  }
  return changes;
}

/** Numbers are never used twice, also when an application comes back under the name of a removed one. */
function highestVersion(views: ViewReader, id: string): number {
  let highest = 0;
  for (const [, version] of views.scan('version', `${id}/`)) highest = Math.max(highest, version.version);
  return highest;
}

function targetsLeft(views: ViewReader, application: string, exceptKey?: string): boolean {
  for (const [key, target] of views.scan('target', `${application}/`)) {
    if (key !== exceptKey && (target.inventoryDigest !== undefined || target.running !== undefined)) return true;
  }
  return false;
}

function withEnvironment(
  application: ApplicationView,
  name: string,
  change: (environment: EnvironmentView) => EnvironmentView,
): ApplicationView {
  const environment = application.environments[name] ?? { name };
  return { ...application, environments: { ...application.environments, [name]: change(environment) } };
}

function changed(application: ApplicationView): ViewChange {
  return { view: 'application', key: application.id, document: application };
}

function update(
  views: ViewReader,
  id: string,
  change: (before: ApplicationView) => ApplicationView | undefined,
): readonly ViewChange[] {
  const before = views.get('application', id);
  if (before === undefined) return [];
  const after = change(before);
  if (after === before) return [];
  return [after === undefined ? { view: 'application', key: id, document: undefined } : changed(after)];
}
