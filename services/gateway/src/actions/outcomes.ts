// SPDX-License-Identifier: Apache-2.0
import type { Accepted, RollbackResult, TargetPlan } from '@plumbline/api-contract';
import type { EventOf, RecordedEvent } from '@plumbline/events';
import type { ExpectedTarget } from './expected-targets.js';

/** Collects answers to a request; `add` is true when there is nothing more to wait for. */
export interface Collector {
  add(event: RecordedEvent): boolean;
}

/**
 * Collects the plans of the targets named; plans of others that come along are kept as well. Nobody waits for a
 * cluster that is away.
 */
export function collectPlans(
  expected: readonly ExpectedTarget[],
): Collector & { readonly complete: boolean; readonly settled: boolean; readonly all: readonly TargetPlan[] } {
  const plans = new Map<string, TargetPlan>();
  for (const { environment, cluster, unreachable } of expected) {
    const why =
      unreachable === undefined
        ? {}
        : { reason: 'ClusterUnreachable', message: `the plan comes when the cluster is back: ${unreachable}` };
    plans.set(`${environment}/${cluster}`, { environment, cluster, state: 'Pending', ...why });
  }
  const pending = (): readonly TargetPlan[] => [...plans.values()].filter(({ state }) => state === 'Pending');
  const settled = (): boolean => pending().every(({ reason }) => reason !== undefined);
  return {
    add(event) {
      if (event.type === 'PlanComputed' || event.type === 'PlanFailed')
        plans.set(`${event.data.environment}/${event.data.cluster}`, targetPlan(event));
      return settled();
    },
    get complete() {
      return pending().length === 0;
    },
    get settled() {
      return settled();
    },
    get all() {
      return [...plans.values()];
    },
  };
}

function targetPlan(event: EventOf<'PlanComputed'> | EventOf<'PlanFailed'>): TargetPlan {
  const { environment, cluster, version } = event.data;
  if (event.type === 'PlanFailed')
    return { environment, cluster, version, state: 'Failed', reason: event.data.reason, message: event.data.message };
  const { renderDigest, planDigest, partial, changes, guard } = event.data;
  return {
    environment,
    cluster,
    version,
    state: 'Computed',
    renderDigest,
    planDigest,
    partial,
    changes,
    ...(guard === undefined ? {} : { guard }),
  };
}

type Answer<Result> = Omit<Result, keyof Accepted>;
/** Answer of policy to a rollback. */
export type RollbackAnswer = Answer<RollbackResult>;

/** Collects what policy answers to a rollback: its releases come in one append. */
export function collectRollback(): Collector & { readonly result: RollbackAnswer } {
  let result: RollbackAnswer = { outcome: 'Pending', releases: [] };
  return {
    add(event) {
      if (event.type === 'VersionReleased') {
        const { environment, version, releaseId, generation, clusters } = event.data;
        result = {
          outcome: 'Released',
          releases: [...result.releases, { environment, version, releaseId, generation, clusters }],
        };
      } else if (event.type === 'RollbackRefused' && result.outcome === 'Pending') {
        result = { outcome: 'Refused', releases: [], reason: event.data.reason, message: event.data.message };
      }
      return result.outcome !== 'Pending';
    },
    get result() {
      return result;
    },
  };
}
