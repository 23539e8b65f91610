// SPDX-License-Identifier: Apache-2.0
import type { HistoryEntry, TargetOutcome } from '@plumbline/api-contract';
import { type ApplicationView, versionKey, type VersionView, type ViewReader } from '@plumbline/read-models';

/** What history is made from: now, or as of a moment. */
export interface HistorySource {
  readonly views: ViewReader;
  readonly outcomes: { of(application: string, version: number, environment: string): readonly TargetOutcome[] };
}

/** One version in every environment that has it, in the order of the spec. */
export function versionEverywhere(
  state: Pick<HistorySource, 'views'>,
  application: ApplicationView,
  version: number,
): readonly VersionView[] {
  const order = application.spec.environments.map(({ name }) => name);
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const found = [...state.views.scan('version', versionKey(application.id, version, ''))].map(
    ([, document]) => document,
  );
  return found.sort((left, right) => rank(left.environment) - rank(right.environment));
}

/** Entries from a version downwards, newest first. */
export function historyFrom(
  state: HistorySource,
  application: ApplicationView,
  from: number,
  limit: number,
): readonly HistoryEntry[] {
  const entries: HistoryEntry[] = [];
  for (let version = from; version >= 1 && entries.length < limit; version -= 1) {
    const everywhere = versionEverywhere(state, application, version);
    const [first] = everywhere;
    if (first === undefined) continue;
    const { repository, revision, commit, renderedAt } = first;
    const environments = everywhere.map(
      ({ environment, renderDigest, objectCount, renderedAt: at, decision, verdicts, releases, approvals }) => ({
        environment,
        renderDigest,
        objectCount,
        renderedAt: at,
        decision,
        verdicts,
        releases,
        approvals: approvals?.granted ?? [],
        outcomes: state.outcomes.of(application.id, version, environment),
      }),
    );
    entries.push({ version, repository, revision, commit, renderedAt, environments });
  }
  return entries;
}
