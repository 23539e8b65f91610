// SPDX-License-Identifier: Apache-2.0
import { ApplicationId } from '@plumbline/core';
import type { EventOf, PlumblineEvent } from '@plumbline/events';
import type { ApplicationFacts } from './application-facts.js';
import type { ApplicationView, EnvironmentView, ViewChange, ViewReader } from './documents.js';
import { provenanceOf } from './evolve-declared.js';
import { targetKey } from './keys.js';

/** Applications: declarations, suspension, removal, and the newest and the released version of each environment. */
export function evolveApplication(
  views: ViewReader,
  event: PlumblineEvent,
  facts: ApplicationFacts,
): readonly ViewChange[] {
  switch (event.type) {
    case 'ApplicationDeclared':
      return [changed(declared(views, event, facts))];
    case 'ApplicationRemoved':
      return update(views, event.data.application, (before) => {
        const removal = { mode: event.data.mode, at: event.recordedAt, by: event.actor, position: event.position };
        return facts.holdsObjects(before.id) ? { ...before, removal } : undefined;
      });
    case 'TargetRemoved':
      return update(views, event.data.application, (before) => {
        const key = targetKey(before.id, event.data.environment, event.data.cluster);
        return before.removal !== undefined && !facts.holdsObjects(before.id, key) ? undefined : before;
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
      return withoutStaleErrors(views, event.data);
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

function declared(views: ViewReader, event: EventOf<'ApplicationDeclared'>, facts: ApplicationFacts): ApplicationView {
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
    // Version numbers are never reused, not even for an application that is declared again after its removal.
    latestVersion: before?.latestVersion ?? facts.highestVersion(id),
    environments,
    ...(before?.suspended === undefined ? {} : { suspended: before.suspended }),
  };
}

/** Drops render errors of older revisions: the new revision has not been rendered yet. */
function withoutStaleErrors(
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
