// SPDX-License-Identifier: Apache-2.0
import type { ApplicationItem, EnvironmentStatus } from '@plumbline/api-contract';
import { type Condition, type HealthState, type SyncState, worstHealth } from '@plumbline/core';
import {
  type ApplicationView,
  type EnvironmentView,
  type TargetView,
  versionKey,
  type VersionView,
  type ViewReader,
} from '@plumbline/read-models';

// From best to worst. Unknown is worse than a known lag, and better than a known failure.
const SYNC_ORDER: readonly SyncState[] = ['Synced', 'Waiting', 'Syncing', 'OutOfSync', 'Unknown', 'Refused', 'Failed'];

/** The application with its summary. */
export function applicationItem(views: ViewReader, application: ApplicationView): ApplicationItem {
  const environments = environmentsOf(views, application).map(
    ({ latest: _, released: __, targets: ___, ...summary }) => summary,
  );
  const since = application.declared.at;
  const none = {
    state: 'Unknown' as const,
    reason: 'NoEnvironments',
    message: 'the application has no environment',
    since,
  };
  const health = environments.map((environment) => environment.health);
  return {
    ...application,
    summary: {
      sync: worstSync(environments.map(({ sync }) => sync)) ?? none,
      health: worst(health) ?? none,
      environments,
    },
  };
}

/** Every environment of the spec, in its order; then those that left the spec but still have targets. */
export function environmentsOf(views: ViewReader, application: ApplicationView): readonly EnvironmentStatus[] {
  const targets = new Map<string, TargetView[]>();
  for (const [, target] of views.scan('target', `${application.id}/`)) {
    const list = targets.get(target.environment) ?? [];
    list.push(target);
    targets.set(target.environment, list);
  }
  const names = new Set([...application.spec.environments.map(({ name }) => name), ...targets.keys()]);
  return [...names].map((name) =>
    environmentStatus(views, application, application.environments[name] ?? { name }, targets.get(name) ?? []),
  );
}

function environmentStatus(
  views: ViewReader,
  application: ApplicationView,
  environment: EnvironmentView,
  targets: readonly TargetView[],
): EnvironmentStatus {
  const { name, latestVersion, renderError } = environment;
  const versionOf = (version: number | undefined): VersionView | undefined =>
    version === undefined ? undefined : views.get('version', versionKey(application.id, version, name));
  const latest = versionOf(latestVersion);
  const released = versionOf(environment.released?.version);
  const since = application.declared.at;
  return {
    name,
    ...(latestVersion === undefined ? {} : { latestVersion }),
    ...(environment.released === undefined ? {} : { releasedVersion: environment.released.version }),
    ...(latest === undefined ? {} : { decision: latest.decision, latest }),
    ...(released === undefined ? {} : { released }),
    ...(renderError === undefined ? {} : { renderError }),
    sync: environmentSync({ latest, renderError, targets, since }),
    health: worst(targets.map((target) => target.health)) ?? {
      state: 'Unknown',
      reason: 'NoTargets',
      message: 'nothing is deployed',
      since,
    },
    targetCount: targets.length,
    targets,
  };
}

interface EnvironmentFacts {
  readonly latest: VersionView | undefined;
  readonly renderError: EnvironmentView['renderError'];
  readonly targets: readonly TargetView[];
  readonly since: string;
}

function environmentSync({ latest, renderError, targets, since }: EnvironmentFacts): Condition<SyncState> {
  const fromTargets = worstSync(targets.map((target) => target.sync));
  if (fromTargets !== undefined && fromTargets.state !== 'Synced') return fromTargets;
  const decision = latest?.decision;
  if (decision?.state === 'WaitingApproval' || decision?.state === 'Waiting') return { ...decision, state: 'Waiting' };
  if (decision?.state === 'Blocked') return { ...decision, state: 'Refused' };
  if (fromTargets !== undefined) return fromTargets;
  if (decision === undefined && renderError !== undefined)
    return { state: 'Failed', reason: renderError.reason, message: renderError.message, since: renderError.at };
  if (decision?.state === 'Pending') return { ...decision, state: 'Waiting' };
  if (decision === undefined)
    return { state: 'Unknown', reason: 'NotRenderedYet', message: 'no version was rendered yet', since };
  return { state: 'Unknown', reason: 'NoTargets', message: 'no cluster is selected', since: decision.since };
}

function worstSync(conditions: readonly Condition<SyncState>[]): Condition<SyncState> | undefined {
  let found: Condition<SyncState> | undefined;
  for (const condition of conditions) {
    if (found === undefined || SYNC_ORDER.indexOf(condition.state) > SYNC_ORDER.indexOf(found.state)) found = condition;
  }
  return found;
}

function worst(conditions: readonly Condition<HealthState>[]): Condition<HealthState> | undefined {
  const state = worstHealth(conditions.map((condition) => condition.state));
  return conditions.find((condition) => condition.state === state);
}
