// SPDX-License-Identifier: Apache-2.0
import { type Digest, type HealthState, TargetId } from '@plumbline/core';
import type { EventData, EventOf, SyncCause } from '@plumbline/events';
import { type Cause, causeOf, type EventOfAny } from './cause.js';
import { UNKNOWN_KIND_REASONS } from './identity.js';

/** A sync that was started and has no outcome yet. */
export interface RunningSync extends Cause {
  readonly data: EventData<'SyncStarted'>;
  /** Id of the event that caused it. */
  readonly causedBy: string;
  /** A person has confirmed its deletions. */
  readonly confirmPrune: boolean;
}

/** The outcome of the last sync, or its refusal. */
export interface LastSync {
  readonly syncId: string;
  readonly correlationId: string;
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
  /** Consecutive attempts for the same release. */
  readonly attempts: number;
  /** A person has confirmed its deletions; a retry does not need another confirmation. */
  readonly confirmPrune: boolean;
  /** Keys that another target owns. */
  readonly claims: readonly string[];
  /** Keys that a target holds through another control plane, or through another name of the cluster. */
  readonly foreign: readonly string[];
  /** Kinds that the cluster did not serve, as `apiVersion kind`. */
  readonly unknownKinds: readonly string[];
}

/** How often an object drifted recently. */
export interface DriftMemory {
  readonly count: number;
  readonly lastMs: number;
}

/** A requested sync. */
export interface SyncRequest extends Cause {
  readonly confirmPrune: boolean;
}

/** The last health report. */
export interface ReportedHealth {
  readonly health: HealthState;
  readonly signature: string;
  /**
   * Start of the time that the target is progressing without having been healthy, or time of the last sync if that is
   * later.
   */
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
  running: RunningSync | undefined;
  last: LastSync | undefined;
  request: SyncRequest | undefined;
  /** Objects of the last DriftDetected that is not resolved. */
  drift: EventData<'DriftDetected'>['objects'];
  driftCause: Cause | undefined;
  driftMemory: Map<string, DriftMemory>;
  health: ReportedHealth | undefined;
  removed: boolean;
}

/** Drift of the same object counts as recurring for this long. */
const HEAL_MEMORY_MS = 600_000;

/** Events on the streams of targets. */
export type TargetEvent = EventOfAny<
  | 'PlanComputed'
  | 'PlanFailed'
  | 'SyncStarted'
  | 'SyncCompleted'
  | 'SyncRefused'
  | 'DriftDetected'
  | 'DriftResolved'
  | 'HealthChanged'
  | 'TargetRemoved'
>;

/** A target as a snapshot carries it. */
export interface SavedTarget extends Omit<TargetState, 'driftMemory'> {
  readonly driftMemory: readonly (readonly [key: string, memory: DriftMemory])[];
}

/** Returns a target without history. */
export function newTarget(id: TargetId): TargetState {
  return {
    id,
    ...TargetId.parts(id),
    revision: -1,
    position: -1,
    inventoryDigest: undefined,
    running: undefined,
    last: undefined,
    request: undefined,
    drift: [],
    driftCause: undefined,
    driftMemory: new Map(),
    health: undefined,
    removed: false,
  };
}

/** Returns a copy for a snapshot. */
export function savedTarget(target: TargetState): SavedTarget {
  return { ...target, driftMemory: [...target.driftMemory] };
}

/** Returns the target that {@link savedTarget} was given. */
export function restoredTarget({ driftMemory, ...saved }: SavedTarget): TargetState {
  return { ...newTarget(saved.id), ...saved, driftMemory: new Map(driftMemory) };
}

/**
 * Returns a text that is equal for equal health reports. Messages are left out: they may contain counters, which are
 * no transition.
 */
export function healthSignature(data: Pick<EventData<'HealthChanged'>, 'health' | 'reason' | 'objects'>): string {
  return JSON.stringify([
    data.health,
    data.reason,
    data.objects.map(({ key, health, reason }) => [key, health, reason]),
  ]);
}

/** Folds one event of a target's stream. */
export function foldTarget(target: TargetState, event: TargetEvent): void {
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
      endRequest(target, event.causationId);
      return;
    case 'SyncCompleted':
      foldCompleted(target, event);
      return;
    case 'SyncRefused': {
      const { releaseId, version, reason } = event.data;
      target.running = undefined;
      endRequest(target, event.causationId);
      target.last = {
        syncId: event.id,
        correlationId: event.correlationId,
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
      for (const { key } of event.data.objects) recordDrift(target, key, Date.parse(event.recordedAt));
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

function reportedHealth(target: TargetState, event: EventOf<'HealthChanged'>): ReportedHealth {
  const { health, reason } = event.data;
  const progressing = health === 'Progressing' || reason === NOT_HEALTHY_IN_TIME;
  const progressingSinceMs = progressing
    ? (target.health?.progressingSinceMs ?? Date.parse(event.recordedAt))
    : undefined;
  return { health, signature: healthSignature(event.data), progressingSinceMs };
}

function confirmed(target: TargetState, causedBy: string, releaseId: string): boolean {
  if (target.request?.eventId === causedBy) return target.request.confirmPrune;
  // A retry has the release as its cause, like the attempt before it.
  const { last } = target;
  return last !== undefined && last.result !== 'Succeeded' && last.releaseId === releaseId && last.confirmPrune;
}

/**
 * Ends a request with the event that names it as its cause: other events may have been appended before the request
 * was read.
 */
function endRequest(target: TargetState, causedBy: string): void {
  if (target.request?.eventId === causedBy) target.request = undefined;
}

function foldCompleted(target: TargetState, event: EventOf<'SyncCompleted'>): void {
  const { data } = event;
  const { running, last } = target;
  const releaseId = running?.data.releaseId ?? last?.releaseId ?? '';
  const failed = data.result !== 'Succeeded';
  const again = failed && last !== undefined && last.result !== 'Succeeded' && last.releaseId === releaseId;
  target.last = {
    syncId: data.syncId,
    correlationId: event.correlationId,
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
  target.running = undefined;
  // Objects that still drift after an attempt are reported again, with a longer delay before the next attempt.
  target.driftCause = undefined;
  if (!failed) target.drift = [];
  // Written objects get the whole timeout to become healthy.
  if (target.health?.progressingSinceMs !== undefined)
    target.health = { ...target.health, progressingSinceMs: Date.parse(event.recordedAt) };
}

function recordDrift(target: TargetState, key: string, nowMs: number): void {
  const before = target.driftMemory.get(key);
  const recurring = before !== undefined && nowMs - before.lastMs < HEAL_MEMORY_MS;
  target.driftMemory.set(key, { count: recurring ? before.count + 1 : 1, lastMs: nowMs });
}
