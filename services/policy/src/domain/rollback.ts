// SPDX-License-Identifier: Apache-2.0
import type { EventOf } from '@plumbline/events';
import type { ApplicationView, VersionView } from '@plumbline/read-models';
import { versionUpTo } from './after.js';
import { clustersOf, nextGeneration, type ReleaseDraft } from './decide.js';
import type { PolicyViews } from './policy-views.js';

/** The releases that a rollback request leads to, or why there are none. */
export type RollbackAnswer =
  | { readonly type: 'release'; readonly drafts: readonly ReleaseDraft[] }
  | { readonly type: 'refuse'; readonly environment: string; readonly reason: string; readonly message: string };

/** A rollback is a new release of a stored version: only of one that was released in the environment before. */
export function answerRollback(views: PolicyViews, request: EventOf<'RollbackRequested'>): RollbackAnswer {
  const { application: id, environment: only, toVersion, reason } = request.data;
  const application = views.get('application', id);
  const refuse = (why: string, message: string, environment = only ?? ''): RollbackAnswer => ({
    type: 'refuse',
    environment,
    reason: why,
    message,
  });
  if (application === undefined || application.removal !== undefined)
    return refuse('NotFound', `application "${id}" does not exist`);
  const names = only === undefined ? application.spec.environments.map(({ name }) => name) : [only];
  if (only !== undefined && application.environments[only] === undefined)
    return refuse('NotFound', `application "${id}" has no environment "${only}"`);
  const drafts: ReleaseDraft[] = [];
  for (const name of names) {
    const version = versionUpTo(views, { application: id, environment: name, version: toVersion });
    const released = application.environments[name]?.released;
    if (version === undefined || version.releases.length === 0) {
      if (only === undefined) continue;
      return refuse('NeverReleased', `version ${toVersion} was never released in "${name}"`);
    }
    if (released?.version === version.version) continue;
    if (only === undefined && (released === undefined || released.version < version.version)) continue;
    drafts.push(draftOf({ views, application, version, ...(reason === undefined ? {} : { reason }) }));
  }
  if (drafts.length === 0)
    return refuse(
      'NothingToDo',
      `no environment of "${id}" runs something other than version ${toVersion} that was released there before`,
    );
  return { type: 'release', drafts };
}

function draftOf(at: {
  readonly views: PolicyViews;
  readonly application: ApplicationView;
  readonly version: VersionView;
  readonly reason?: string;
}): ReleaseDraft {
  const { views, application, version } = at;
  const environment = application.spec.environments.find(({ name }) => name === version.environment);
  return {
    version,
    generation: nextGeneration(application, version.environment),
    kind: 'Rollback',
    clusters: environment === undefined ? [] : clustersOf(views, environment).map(({ name }) => name),
    approvals: (version.approvals?.granted ?? []).map(({ eventId }) => eventId),
    ...(at.reason === undefined ? {} : { reason: at.reason }),
  };
}
