// SPDX-License-Identifier: Apache-2.0
import { type EnvironmentSpec, type NewEvent, selectedClusters, type Verdict } from '@plumbline/events';
import { type ApplicationView, type ClusterView, versionKey, type VersionView } from '@plumbline/read-models';
import { waitsFor } from './after.js';
import { isAllowed, shortened } from './checks.js';
import type { PolicyViews } from './policy-views.js';

/** What a release says, before it is signed and given an id. */
export interface ReleaseDraft {
  readonly version: VersionView;
  readonly generation: number;
  readonly kind: 'Automatic' | 'Approved' | 'Rollback';
  readonly clusters: readonly string[];
  readonly approvals: readonly string[];
  readonly reason?: string;
}

/** One thing to append on a version's stream: an event as it is, or a release that is still to be signed. */
export type Decision =
  | { readonly type: 'event'; readonly version: number; readonly event: NewEvent }
  | { readonly type: 'release'; readonly draft: ReleaseDraft };

/** Runs the checks for a version; the service provides it, since checks read rendered objects. */
export type EvaluateVersion = (application: ApplicationView, version: VersionView) => Promise<readonly Verdict[]>;

/** Clusters that an environment selects now, by name, sorted. */
export function clustersOf(views: PolicyViews, environment: EnvironmentSpec): readonly ClusterView[] {
  const clusters = [...views.scan('cluster', '')].map(([, cluster]) => cluster);
  return selectedClusters(environment.clusters, clusters);
}

/** What is due for an application, from the folded state alone: the same state gives the same decisions. */
export async function decideApplication(
  views: PolicyViews,
  application: ApplicationView,
  evaluate: EvaluateVersion,
): Promise<readonly Decision[]> {
  if (application.removal !== undefined) return [];
  const decisions: Decision[] = [];
  for (const environment of application.spec.environments) {
    decisions.push(...superseded(views, application, environment.name));
    const latest = latestOf(views, application, environment.name);
    if (latest !== undefined)
      decisions.push(...(await decideVersion({ views, application, environment, evaluate }, latest)));
    decisions.push(...membershipChanged({ views, application, environment, evaluate }));
  }
  return decisions;
}

interface Scope {
  readonly views: PolicyViews;
  readonly application: ApplicationView;
  readonly environment: EnvironmentSpec;
  readonly evaluate: EvaluateVersion;
}

function latestOf(views: PolicyViews, application: ApplicationView, environment: string): VersionView | undefined {
  const number = application.environments[environment]?.latestVersion;
  return number === undefined ? undefined : views.get('version', versionKey(application.id, number, environment));
}

const OPEN = new Set(['Pending', 'Waiting', 'WaitingApproval']);

/** Older versions that still wait make room for the newest one. */
function superseded(views: PolicyViews, application: ApplicationView, environment: string): readonly Decision[] {
  const { latestVersion: by, released } = application.environments[environment] ?? {};
  if (by === undefined) return [];
  const decisions: Decision[] = [];
  for (const [, version] of views.scan('version', `${application.id}/`)) {
    if (version.environment !== environment || version.version >= by || !OPEN.has(version.decision.state)) continue;
    // A released version that waits again (its clusters changed) is still what runs: nothing has taken its place.
    if (version.version === released?.version) continue;
    decisions.push(
      on(version, {
        type: 'VersionSuperseded',
        data: { application: application.id, environment, version: version.version, by },
      }),
    );
  }
  return decisions;
}

async function decideVersion(scope: Scope, version: VersionView): Promise<readonly Decision[]> {
  switch (version.decision.state) {
    case 'Pending':
      return firstLook(scope, version);
    case 'Waiting':
      return gates(scope, version);
    case 'Blocked':
      return version.decision.reason === 'PolicyDenied' ? secondLook(scope, version) : [];
    case 'WaitingApproval':
    case 'Released':
    case 'Rejected':
    case 'Superseded':
      return [];
  }
}

async function firstLook(scope: Scope, version: VersionView): Promise<readonly Decision[]> {
  const verdicts = await scope.evaluate(scope.application, version);
  const allowed = isAllowed(verdicts);
  const evaluated = evaluatedEvent(version, verdicts, allowed);
  return allowed ? [evaluated, ...gates(scope, version)] : [evaluated, blocked(version, verdicts)];
}

/** A blocked version gets another look when the rules changed; nothing is appended while the answer is the same. */
async function secondLook(scope: Scope, version: VersionView): Promise<readonly Decision[]> {
  const verdicts = await scope.evaluate(scope.application, version);
  return isAllowed(verdicts) ? [evaluatedEvent(version, verdicts, true), ...gates(scope, version)] : [];
}

function evaluatedEvent(version: VersionView, verdicts: readonly Verdict[], allowed: boolean): Decision {
  return on(version, {
    type: 'PolicyEvaluated',
    data: { ...at(version), renderDigest: version.renderDigest, verdicts, allowed },
  });
}

const MAX_MESSAGE = 7_000;

function blocked(version: VersionView, verdicts: readonly Verdict[]): Decision {
  const message = verdicts
    .filter((v) => v.result === 'Deny' || v.result === 'Error')
    .map((v) => `${v.check}: ${v.message}`)
    .join('; ');
  return on(version, {
    type: 'VersionBlocked',
    data: { ...at(version), reason: 'PolicyDenied', message: shortened(message, MAX_MESSAGE) },
  });
}

/** The gates behind the checks: clusters to go to, earlier environments, a rollback that holds, approvals. */
function gates(scope: Scope, version: VersionView): readonly Decision[] {
  const { views, application, environment } = scope;
  const clusters = clustersOf(views, environment).map(({ name }) => name);
  if (clusters.length === 0)
    return waiting(version, 'NoClusters', `environment "${environment.name}" selects no declared cluster`);
  const held = heldByRollback(application, version);
  if (held !== undefined) return waiting(version, 'HeldByRollback', held);
  const before = waitsFor(views, application, version);
  if (before !== undefined) return waiting(version, before.reason, before.message);
  const required = environment.approvals?.required ?? 0;
  if (required > 0) return [approvalRequested(scope, version, required)];
  return [
    {
      type: 'release',
      draft: {
        version,
        generation: nextGeneration(application, environment.name),
        kind: 'Automatic',
        clusters,
        approvals: [],
      },
    },
  ];
}

/** After a rollback, versions from before it are not released by themselves; a newer commit is. */
function heldByRollback(application: ApplicationView, version: VersionView): string | undefined {
  const released = application.environments[version.environment]?.released;
  if (released?.kind !== 'Rollback' || version.position > released.position) return undefined;
  return `rolled back to version ${released.version} after this version was rendered: release it with a rollback to ${version.version}, or push a new commit`;
}

function waiting(version: VersionView, reason: string, message: string): readonly Decision[] {
  const { decision } = version;
  if (decision.state === 'Waiting' && decision.reason === reason && decision.message === message) return [];
  return [on(version, { type: 'VersionWaiting', data: { ...at(version), reason, message } })];
}

function approvalRequested(
  { views, application, environment }: Scope,
  version: VersionView,
  required: number,
): Decision {
  const excluded = environment.approvals?.excludeAuthors === false ? [] : authorsSince(views, application, version);
  return on(version, {
    type: 'ApprovalRequested',
    data: { ...at(version), renderDigest: version.renderDigest, required, excluded },
  });
}

/** E-mail addresses of everybody whose commit is in the version but not in what is released: they may not approve. */
export function authorsSince(
  views: PolicyViews,
  application: ApplicationView,
  version: VersionView,
): readonly string[] {
  const released = application.environments[version.environment]?.released?.version ?? 0;
  const emails = new Set<string>();
  for (const [, other] of views.scan('version', `${application.id}/`)) {
    if (other.environment !== version.environment || other.version <= released || other.version > version.version)
      continue;
    for (const { email } of [other.commit.author, other.commit.committer, ...other.commit.coAuthors])
      emails.add(email.toLowerCase());
  }
  return [...emails].sort();
}

/** The generation of the next release of an environment. */
export function nextGeneration(application: ApplicationView, environment: string): number {
  return (application.environments[environment]?.released?.generation ?? 0) + 1;
}

/**
 * A cluster joined or left the environment: the released version goes on as a new release; a grown set needs its
 * approvals again.
 */
function membershipChanged({ views, application, environment }: Scope): readonly Decision[] {
  const released = application.environments[environment.name]?.released;
  if (released === undefined) return [];
  const clusters = clustersOf(views, environment).map(({ name }) => name);
  if (clusters.join() === released.clusters.join()) return [];
  const version = views.get('version', versionKey(application.id, released.version, environment.name));
  if (version === undefined || version.decision.state === 'WaitingApproval') return [];
  const grown = clusters.some((name) => !released.clusters.includes(name));
  const required = environment.approvals?.required ?? 0;
  if (grown && required > 0) {
    return [
      on(version, {
        type: 'ApprovalRequested',
        data: {
          ...at(version),
          renderDigest: version.renderDigest,
          required,
          excluded: version.approvals?.excluded ?? [],
        },
      }),
    ];
  }
  const approvals = (version.approvals?.granted ?? []).map(({ eventId }) => eventId);
  const kind = released.kind;
  return [
    {
      type: 'release',
      draft: {
        version,
        generation: released.generation + 1,
        kind,
        clusters,
        approvals,
        reason: 'the clusters of the environment changed',
      },
    },
  ];
}

/** Where an event about a version belongs. */
export function at(version: VersionView): { application: string; environment: string; version: number } {
  return { application: version.application, environment: version.environment, version: version.version };
}

/** An event on the stream of a version. */
export function on(version: VersionView, event: NewEvent): Decision {
  return { type: 'event', version: version.version, event };
}
