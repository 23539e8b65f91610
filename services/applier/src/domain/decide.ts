// SPDX-License-Identifier: Apache-2.0
import type { SyncCause } from '@plumbline/events';
import { healDelayMs, retryDelayMs } from './backoff.js';
import type { ApplicationState, FleetState, Release } from './fleet-state.js';
import type { Cause, RunningSync, TargetState } from './target-state.js';

/** What only the live cluster knows, at the time of the decision. */
export interface LiveFacts {
  readonly nowMs: number;
  /** The cluster is declared, connected, and its identity is the pinned one. */
  readonly ready: boolean;
  /** When the cluster was last reached again after it was lost. */
  readonly connectedAtMs: number;
  /** An object that waited for its finalizers is gone. */
  readonly deletionDone: boolean;
  /** An object that another target owned is free now. */
  readonly claimFree: boolean;
  /** A kind that was unknown at the last sync is served now. */
  readonly kindArrived: boolean;
}

/** What to do with a target now. */
export type Decision =
  | { readonly type: 'none' }
  | { readonly type: 'wait'; readonly untilMs: number }
  | {
      readonly type: 'sync';
      readonly cause: SyncCause;
      readonly trigger: Cause;
      readonly release: Release;
      readonly confirmPrune: boolean;
    }
  | {
      readonly type: 'resume';
      readonly running: RunningSync;
      readonly release: Release | undefined;
      readonly superseded: boolean;
    }
  | { readonly type: 'remove'; readonly trigger: Cause; readonly mode: 'Delete' | 'Orphan'; readonly touch: boolean }
  | {
      readonly type: 'refuse';
      readonly trigger: Cause;
      readonly release: Release;
      readonly reason: string;
      readonly message: string;
    };

const EAGER_TRIES = 5;
const NONE: Decision = { type: 'none' };

/** The to-do of one target as a function of the folded log and of what the cluster shows. */
export function decide(fleet: FleetState, target: TargetState, facts: LiveFacts): Decision {
  const application = fleet.applications.get(target.application);
  if (application === undefined) return NONE;
  const removal = removalOf(fleet, target, application);
  const { release } = fleet.environment(target.application, target.environment);
  // The one who decides does one thing at a time: a run without an outcome was cut off.
  if (target.running !== undefined) {
    if (!facts.ready) return NONE;
    return resume(target.running, removal === undefined && !application.suspended ? release : undefined);
  }
  if (removal !== undefined) return remove(target, removal, facts);
  if (release === undefined || !release.data.clusters.includes(target.cluster)) return NONE;
  if (application.suspended) return suspended(target, release);
  if (!facts.ready) return NONE;
  return syncDue({ fleet, target, release, facts });
}

interface Removal {
  readonly trigger: Cause;
  readonly mode: 'Delete' | 'Orphan';
  /** False when nothing on the cluster may be touched. */
  readonly touch: boolean;
}

function removalOf(fleet: FleetState, target: TargetState, application: ApplicationState): Removal | undefined {
  if (target.removed) return undefined;
  const { removal } = application;
  const clusterGone = !fleet.clusters.has(target.cluster);
  if (removal !== undefined) {
    // A paused application is let go of as it stands: deleting is a write too.
    const touch = !removal.suspended && !clusterGone;
    return { trigger: removal, mode: touch ? removal.mode : 'Orphan', touch };
  }
  if (target.revision < 0) return undefined;
  const { release } = fleet.environment(target.application, target.environment);
  const declared = fleet.syncSpec(target.application, target.environment) !== undefined;
  if (declared && (release === undefined || release.data.clusters.includes(target.cluster))) return undefined;
  if (application.suspended) return undefined;
  const trigger = release ?? target.running ?? target.driftCause;
  if (trigger === undefined && target.last === undefined) return undefined;
  const cause: Cause = trigger ?? {
    eventId: target.last?.syncId ?? '',
    correlationId: target.last?.syncId ?? '',
    timeMs: target.last?.atMs ?? 0,
    position: target.position,
  };
  return { trigger: cause, mode: clusterGone ? 'Orphan' : 'Delete', touch: !clusterGone };
}

function remove(target: TargetState, removal: Removal, facts: LiveFacts): Decision {
  if (removal.touch && target.inventoryDigest !== undefined) {
    if (!facts.ready) return NONE;
    const { last } = target;
    // The last try to remove everything left something: go on when it is gone, or after a while.
    if (last?.cause === 'Removal' && !facts.deletionDone) {
      if (!last.retryable) return NONE;
      const untilMs = last.atMs + retryDelayMs(last.attempts);
      if (facts.nowMs < untilMs) return { type: 'wait', untilMs };
    }
  }
  return { type: 'remove', ...removal };
}

function resume(running: RunningSync, release: Release | undefined): Decision {
  const superseded = running.data.cause !== 'Removal' && release?.data.releaseId !== running.data.releaseId;
  return { type: 'resume', running, release, superseded };
}

function suspended(target: TargetState, release: Release): Decision {
  const { request } = target;
  if (request === undefined) return NONE;
  return {
    type: 'refuse',
    trigger: request,
    release,
    reason: 'Suspended',
    message: `application ${target.application} is suspended: resume it to sync`,
  };
}

interface SyncInput {
  readonly fleet: FleetState;
  readonly target: TargetState;
  readonly release: Release;
  readonly facts: LiveFacts;
}

function syncDue({ fleet, target, release, facts }: SyncInput): Decision {
  const { last, request } = target;
  const sync = (cause: SyncCause, trigger: Cause, confirmPrune = false): Decision => ({
    type: 'sync',
    cause,
    trigger,
    release,
    confirmPrune,
  });
  if (request !== undefined) return sync('Request', request, request.confirmPrune);
  if (last === undefined || last.releaseId !== release.data.releaseId) {
    // A new generation for other clusters leaves a target that has this very render alone.
    const same =
      last?.result === 'Succeeded' &&
      last.renderDigest === release.data.renderDigest &&
      last.version === release.data.version;
    if (!same) return sync(release.data.kind === 'Rollback' ? 'Rollback' : 'Release', release);
  }
  const healing = heal(fleet, target, facts, (trigger) => sync('SelfHeal', trigger));
  if (last === undefined || last.result === 'Succeeded') return healing;
  return sooner(
    retry(last, facts, () => sync('Retry', release, last.releaseId === release.data.releaseId && last.confirmPrune)),
    healing,
  );
}

function sooner(a: Decision, b: Decision): Decision {
  if (a.type === 'wait' && b.type === 'wait') return a.untilMs <= b.untilMs ? a : b;
  return a.type === 'none' || (a.type === 'wait' && b.type !== 'none') ? b : a;
}

function retry(last: NonNullable<TargetState['last']>, facts: LiveFacts, sync: () => Decision): Decision {
  // What changed on the cluster is acted on at once, unless it keeps leading nowhere.
  if ((facts.deletionDone || facts.claimFree || facts.kindArrived) && last.attempts <= EAGER_TRIES) return sync();
  if (!last.retryable && !facts.deletionDone && !facts.claimFree && !facts.kindArrived) return NONE;
  if (last.reason === 'ClusterUnreachable' && facts.connectedAtMs > last.atMs) return sync();
  const untilMs = last.atMs + retryDelayMs(last.attempts);
  return facts.nowMs < untilMs ? { type: 'wait', untilMs } : sync();
}

function heal(fleet: FleetState, target: TargetState, facts: LiveFacts, sync: (trigger: Cause) => Decision): Decision {
  if (target.driftCause === undefined || fleet.syncSpec(target.application, target.environment)?.selfHeal !== true)
    return NONE;
  const detectedMs = target.driftCause.timeMs;
  const delayMs = Math.min(...target.drift.map(({ key }) => healDelayMs(target.driftMemory.get(key)?.count ?? 1)));
  const untilMs = detectedMs + delayMs;
  return facts.nowMs < untilMs ? { type: 'wait', untilMs } : sync(target.driftCause);
}
