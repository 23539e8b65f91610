// SPDX-License-Identifier: Apache-2.0
import type { SyncCause } from '@plumbline/events';
import { backoff } from '@plumbline/reactor';
import type { Cause } from './cause.js';
import type { Fleet, Release } from './fleet.js';
import type { RunningSync, TargetState } from './target-state.js';

/** Facts about the cluster at the time of the decision, which are not in the log. */
export interface LiveFacts {
  readonly nowMs: number;
  /** The cluster is declared, connected, and its identity is the pinned one. */
  readonly ready: boolean;
  /** Time of the last connection after a loss. */
  readonly connectedAtMs: number;
  /** An object whose deletion was pending no longer exists. */
  readonly deletionDone: boolean;
  /** An object that another target owned is free now. */
  readonly claimFree: boolean;
  /** A kind that was unknown at the last sync is served now. */
  readonly kindArrived: boolean;
}

/** An action on a target. */
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

const EAGER_ATTEMPTS = 5;
const RETRY = { firstMs: 2_000, maxMs: 300_000 };
const HEAL = { firstMs: 300, maxMs: 300_000 };
const NONE: Decision = { type: 'none' };

/** Returns what to do with a target next: a function of the fold and of what the cluster shows. */
export function decide(fleet: Fleet, target: TargetState, facts: LiveFacts): Decision {
  const { application } = target;
  if (fleet.application(application) === undefined && fleet.removal(application) === undefined) return NONE;
  const removal = removalOf(fleet, target);
  const suspended = isSuspended(fleet, target);
  const { release } = fleet.environment(target.application, target.environment);
  // A target is worked on by one worker at a time: a run without an outcome was interrupted.
  if (target.running !== undefined) {
    if (!facts.ready) return NONE;
    return resume(target.running, removal === undefined && !suspended ? release : undefined);
  }
  if (removal !== undefined) return remove(target, removal, facts);
  if (release === undefined || !release.data.clusters.includes(target.cluster)) return NONE;
  if (suspended) return refuseSuspended(target, release);
  if (!facts.ready) return NONE;
  return syncDue({ fleet, target, release, facts });
}

interface Removal {
  readonly trigger: Cause;
  readonly mode: 'Delete' | 'Orphan';
  /** False if nothing on the cluster may be changed. */
  readonly touch: boolean;
}

function isSuspended(fleet: Fleet, { application }: TargetState): boolean {
  return fleet.removal(application) === undefined && fleet.application(application)?.suspended !== undefined;
}

function removalOf(fleet: Fleet, target: TargetState): Removal | undefined {
  if (target.removed) return undefined;
  const removal = fleet.removal(target.application);
  const clusterGone = fleet.cluster(target.cluster) === undefined;
  if (removal !== undefined) {
    // The objects of a suspended application are orphaned: deleting is a write too.
    const touch = !removal.suspended && !clusterGone;
    return { trigger: removal, mode: touch ? removal.mode : 'Orphan', touch };
  }
  if (target.revision < 0) return undefined;
  const { release } = fleet.environment(target.application, target.environment);
  const declared = fleet.syncSpec(target.application, target.environment) !== undefined;
  if (declared && (release === undefined || release.data.clusters.includes(target.cluster))) return undefined;
  if (isSuspended(fleet, target)) return undefined;
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
    // The last removal left objects: continue once they no longer exist, or after a delay.
    if (last?.cause === 'Removal' && !facts.deletionDone) {
      if (!last.retryable) return NONE;
      const untilMs = last.atMs + retryDelayMs(last);
      if (facts.nowMs < untilMs) return { type: 'wait', untilMs };
    }
  }
  return { type: 'remove', ...removal };
}

function resume(running: RunningSync, release: Release | undefined): Decision {
  const superseded = running.data.cause !== 'Removal' && release?.data.releaseId !== running.data.releaseId;
  return { type: 'resume', running, release, superseded };
}

function refuseSuspended(target: TargetState, release: Release): Decision {
  const { request } = target;
  if (request === undefined) return NONE;
  return {
    type: 'refuse',
    trigger: request,
    release,
    reason: 'Suspended',
    message: `application ${target.application} is suspended; resume it to sync`,
  };
}

interface SyncInput {
  readonly fleet: Fleet;
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
    // A release for further clusters does not sync targets again that run the same render.
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
  // A change on the cluster is acted on at once, unless several attempts failed already.
  if ((facts.deletionDone || facts.claimFree || facts.kindArrived) && last.attempts <= EAGER_ATTEMPTS) return sync();
  if (!last.retryable && !facts.deletionDone && !facts.claimFree && !facts.kindArrived) return NONE;
  if (last.reason === 'ClusterUnreachable' && facts.connectedAtMs > last.atMs) return sync();
  const untilMs = last.atMs + retryDelayMs(last);
  return facts.nowMs < untilMs ? { type: 'wait', untilMs } : sync();
}

function heal(fleet: Fleet, target: TargetState, facts: LiveFacts, sync: (trigger: Cause) => Decision): Decision {
  if (target.driftCause === undefined || fleet.syncSpec(target.application, target.environment)?.selfHeal !== true)
    return NONE;
  const detectedMs = target.driftCause.timeMs;
  const delayMs = Math.min(
    ...target.drift.map(({ key }) => healDelayMs(target.driftMemory.get(key)?.count ?? 1, target.driftCause)),
  );
  const untilMs = detectedMs + delayMs;
  return facts.nowMs < untilMs ? { type: 'wait', untilMs } : sync(target.driftCause);
}

/** Delay before the next attempt. */
function retryDelayMs({ attempts, syncId }: NonNullable<TargetState['last']>): number {
  return backoff(RETRY, attempts, jitterOf(syncId));
}

/** Delay before drift is healed. The first two times it is short; later ones slow down a fight with another writer. */
function healDelayMs(occurrences: number, cause: Cause | undefined): number {
  return backoff(HEAL, occurrences - 1, jitterOf(cause?.eventId ?? ''));
}

/** Returns a number from 0 to 1 that is always the same for an id: a decision must not change with each evaluation. */
function jitterOf(id: string): number {
  const digits = /[0-9a-f]{8}$/.exec(id)?.[0];
  return digits === undefined ? 1 : Number.parseInt(digits, 16) / 0xffff_ffff;
}
