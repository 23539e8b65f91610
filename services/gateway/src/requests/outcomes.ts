// SPDX-License-Identifier: Apache-2.0
import type { EventOf, RecordedEvent } from '@plumbline/events';
import type { Accepted } from '../state/log-access.js';
import type { ExpectedTarget, TargetName } from './expected-targets.js';

/** The plan of one target; `Pending` when it did not come in time. */
export interface TargetPlan extends TargetName {
  readonly state: 'Computed' | 'Failed' | 'Pending';
  readonly version?: number;
  readonly renderDigest?: string;
  readonly planDigest?: string;
  readonly partial?: boolean;
  readonly changes?: EventOf<'PlanComputed'>['data']['changes'];
  readonly guard?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface PlanResult extends Accepted {
  readonly complete: boolean;
  readonly plans: readonly TargetPlan[];
}

/** Collects answers to a request; `add` is true when there is nothing more to wait for. */
export interface Collector {
  add(event: RecordedEvent): boolean;
}

/** Collects the plans of the targets named; plans of others that come along are kept as well. Nobody waits for a cluster that is away. */
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

export interface ApprovalAnswer {
  readonly outcome: 'Granted' | 'Refused' | 'Rejected' | 'Pending';
  readonly granted?: number;
  readonly required?: number;
  readonly reason?: string;
  readonly message?: string;
}

export interface ApprovalResult extends Accepted, ApprovalAnswer {
  readonly environment: string;
  readonly version: number;
  readonly renderDigest: string;
}

/** Collects what policy answers to an approval or a rejection. */
export function collectApproval(): Collector & { readonly result: ApprovalAnswer } {
  let result: ApprovalAnswer = { outcome: 'Pending' };
  return {
    add(event) {
      if (event.type === 'ApprovalGranted')
        result = { outcome: 'Granted', granted: event.data.granted, required: event.data.required };
      else if (event.type === 'ApprovalRefused')
        result = { outcome: 'Refused', reason: event.data.reason, message: event.data.message };
      else if (event.type === 'VersionRejected') result = { outcome: 'Rejected' };
      return result.outcome !== 'Pending';
    },
    get result() {
      return result;
    },
  };
}

export interface RollbackAnswer {
  readonly outcome: 'Released' | 'Refused' | 'Pending';
  readonly releases: readonly {
    readonly environment: string;
    readonly version: number;
    readonly releaseId: string;
    readonly generation: number;
    readonly clusters: readonly string[];
  }[];
  readonly reason?: string;
  readonly message?: string;
}

export interface RollbackResult extends Accepted, RollbackAnswer {}

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
