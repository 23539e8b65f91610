// SPDX-License-Identifier: Apache-2.0
import type { Digest, HealthState, TargetId } from '@plumbline/core';
import type { EventData, PlumblineEvent, SyncCause } from '@plumbline/events';
import { HEAL_MEMORY_MS } from './backoff.js';
import { UNKNOWN_KIND_REASONS } from './identity.js';

/** The event that led to something. */
export interface Cause {
  readonly eventId: string;
  readonly correlationId: string;
  readonly timeMs: number;
  readonly position: number;
}

/** An event as the cause of what follows from it. */
export function causeOf(event: PlumblineEvent): Cause {
  return {
    eventId: event.id,
    correlationId: event.correlationId,
    timeMs: Date.parse(event.recordedAt),
    position: event.position,
  };
}

/** A sync that has an intent in the log and no outcome yet. */
export interface RunningSync extends Cause {
  readonly data: EventData<'SyncStarted'>;
  /** Id of the event that caused it. */
  readonly causedBy: string;
  /** A person has confirmed its deletions. */
  readonly confirmPrune: boolean;
}

/** How the last sync, or the refusal of one, ended. */
export interface LastSync {
  readonly syncId: string;
  readonly generation: number;
  readonly releaseId: string;
  readonly version: number;
  readonly renderDigest: string;
  readonly cause: SyncCause;
  readonly result: 'Succeeded' | 'Failed' | 'Partial' | 'Refused';
  readonly reason: string;
  readonly retryable: boolean;
  readonly atMs: number;
  readonly position: number;
  /** Tries in a row for the same release. */
  readonly attempts: number;
  /** A person had confirmed its deletions; a retry of it need not ask again. */
  readonly confirmPrune: boolean;
  /** Keys that belong to another target. */
  readonly claims: readonly string[];
  /** Keys that a target has through another control plane, or through another name of the cluster. */
  readonly foreign: readonly string[];
  /** `apiVersion kind` that the cluster did not have. */
  readonly unknownKinds: readonly string[];
}

/** How often an object drifted lately. */
export interface DriftMemory {
  readonly count: number;
  readonly lastMs: number;
}

/** What a person asked for. */
export interface SyncRequest extends Cause {
  readonly confirmPrune: boolean;
}

/** The last health report. */
export interface ReportedHealth {
  readonly health: HealthState;
  readonly signature: string;
  /** Since when it has been progressing without having become healthy in between, or since the last sync if that is later. */
  readonly progressingSinceMs: number | undefined;
}

/** Reason of a health report about objects that have been progressing for longer than `sync.timeout`. */
export const NOT_HEALTHY_IN_TIME = 'NotHealthyInTime';

/** One target. */
export interface TargetState {
  readonly id: TargetId;
  readonly application: string;
  readonly environment: string;
  readonly cluster: string;
  /** Revision of the last event of its stream; -1 before the first. */
  revision: number;
  position: number;
  inventoryDigest: Digest | undefined;
  objectCount: number;
  running: RunningSync | undefined;
  last: LastSync | undefined;
  request: SyncRequest | undefined;
  /** Keys of the DriftDetected that is not resolved yet. */
  drift: EventData<'DriftDetected'>['objects'];
  driftCause: Cause | undefined;
  driftMemory: Map<string, DriftMemory>;
  health: ReportedHealth | undefined;
  removed: boolean;
}

/** Text that is equal when two health reports mean the same. Messages may count up and do not make a transition. */
export function healthSignature(data: Pick<EventData<'HealthChanged'>, 'health' | 'reason' | 'objects'>): string {
  return JSON.stringify([
    data.health,
    data.reason,
    data.objects.map(({ key, health, reason }) => [key, health, reason]),
  ]);
}

/** Takes one event of a target's stream. */
export function foldTarget(target: TargetState, event: PlumblineEvent): void {
  switch (event.type) {
    case 'SyncStarted':
      target.removed = false;
      target.inventoryDigest = event.data.inventoryDigest as Digest;
      target.running = {
        ...causeOf(event),
        data: event.data,
        causedBy: event.causationId,
        confirmPrune: confirmed(target, event.causationId, event.data.releaseId),
      };
      answer(target, event.causationId);
      target.objectCount = event.data.objectCount;
      return;
    case 'SyncCompleted':
      foldCompleted(target, event);
      return;
    case 'SyncRefused': {
      const { releaseId, version, reason } = event.data;
      target.running = undefined;
      answer(target, event.causationId);
      target.last = {
        syncId: event.id,
        confirmPrune: false,
        generation: -1,
        releaseId,
        version,
        renderDigest: '',
        cause: 'Release',
        result: 'Refused',
        reason,
        retryable: false,
        atMs: Date.parse(event.recordedAt),
        position: event.position,
        attempts: 1,
        claims: [],
        foreign: [],
        unknownKinds: [],
      };
      return;
    }
    case 'DriftDetected':
      target.drift = event.data.objects;
      target.driftCause = causeOf(event);
      for (const { key } of event.data.objects) remember(target, key, Date.parse(event.recordedAt));
      return;
    case 'DriftResolved':
      target.drift = [];
      target.driftCause = undefined;
      return;
    case 'HealthChanged':
      target.health = reportedHealth(target, event);
      return;
    case 'TargetRemoved':
      Object.assign(target, {
        inventoryDigest: undefined,
        objectCount: 0,
        running: undefined,
        last: undefined,
        drift: [],
        driftCause: undefined,
        health: undefined,
        removed: true,
      });
      target.driftMemory.clear();
      return;
    default:
  }
}

function reportedHealth(target: TargetState, event: PlumblineEvent & { type: 'HealthChanged' }): ReportedHealth {
  const { health, reason } = event.data;
  const progressing = health === 'Progressing' || reason === NOT_HEALTHY_IN_TIME;
  const progressingSinceMs = progressing
    ? (target.health?.progressingSinceMs ?? Date.parse(event.recordedAt))
    : undefined;
  return { health, signature: healthSignature(event.data), progressingSinceMs };
}

function confirmed(target: TargetState, causedBy: string, releaseId: string): boolean {
  if (target.request?.eventId === causedBy) return target.request.confirmPrune;
  // A retry has the release as its cause, like the try before it.
  const { last } = target;
  return last !== undefined && last.result !== 'Succeeded' && last.releaseId === releaseId && last.confirmPrune;
}

/** A request is answered by what names it as the cause, not by whatever comes later: it may have been on its way unseen. */
function answer(target: TargetState, causedBy: string): void {
  if (target.request?.eventId === causedBy) target.request = undefined;
}

function foldCompleted(target: TargetState, event: PlumblineEvent & { type: 'SyncCompleted' }): void {
  const { data } = event;
  const { running, last } = target;
  const releaseId = running?.data.releaseId ?? last?.releaseId ?? '';
  const failed = data.result !== 'Succeeded';
  const again = failed && last !== undefined && last.result !== 'Succeeded' && last.releaseId === releaseId;
  target.last = {
    syncId: data.syncId,
    generation: running?.data.generation ?? -1,
    releaseId,
    version: data.version,
    renderDigest: data.renderDigest,
    cause: data.cause,
    result: data.result,
    reason: data.reason,
    retryable: data.retryable,
    atMs: Date.parse(event.recordedAt),
    position: event.position,
    attempts: again ? last.attempts + 1 : 1,
    confirmPrune: running?.confirmPrune ?? false,
    claims: data.changes.inline.filter(({ reason }) => reason === 'OwnedByAnother').map(({ key }) => key),
    foreign: data.changes.inline.filter(({ reason }) => reason === 'HeldElsewhere').map(({ key }) => key),
    unknownKinds: data.changes.inline
      .filter(({ reason }) => UNKNOWN_KIND_REASONS.has(reason ?? ''))
      .map(({ apiVersion, key }) => `${apiVersion} ${key.split('/')[1] ?? ''}`),
  };
  target.inventoryDigest = data.inventoryDigest as Digest;
  target.objectCount = data.objectCount;
  target.running = undefined;
  // What is still drifted after a try is reported anew, with a longer gap before the next one.
  target.driftCause = undefined;
  if (!failed) target.drift = [];
  // What was written needs its time again.
  if (target.health?.progressingSinceMs !== undefined)
    target.health = { ...target.health, progressingSinceMs: Date.parse(event.recordedAt) };
}

function remember(target: TargetState, key: string, nowMs: number): void {
  const before = target.driftMemory.get(key);
  const recurring = before !== undefined && nowMs - before.lastMs < HEAL_MEMORY_MS;
  target.driftMemory.set(key, { count: recurring ? before.count + 1 : 1, lastMs: nowMs });
}
