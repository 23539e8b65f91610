// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import {
  type ApiResource,
  FIELD_MANAGER,
  healthOf,
  type KubeObject,
  type ObjectHealth,
  refKey,
  refOf,
} from '@plumbline/kube';
import type { Observed } from '../domain/drift.js';
import { OWNER_ANNOTATION, TARGET_LABEL } from '../domain/owner-marks.js';

/** The cached state of an object. */
export interface LiveObject extends Observed {
  readonly resourceVersion: string;
  readonly finalizers: readonly string[];
  readonly deletedAt: string | undefined;
  readonly health: ObjectHealth;
  /** The complete object; kept only while its health may change by time alone, or is needed after its deletion. */
  readonly object: KubeObject | undefined;
}

/** Digest of the fields that our Apply entry owns; `none` if it owns no fields. */
export function ownedDigestOf(object: KubeObject): string {
  const mine = object.metadata.managedFields?.find(
    (entry) => entry.manager === FIELD_MANAGER && entry.operation === 'Apply' && (entry.subresource ?? '') === '',
  );
  if (mine?.fieldsV1 === undefined) return 'none';
  return createHash('sha256').update(JSON.stringify(mine.fieldsV1)).digest('hex').slice(0, 32);
}

function keepsWhole(object: KubeObject, health: ObjectHealth): boolean {
  return health.state === 'Progressing' || (object.kind === 'Job' && object.apiVersion.startsWith('batch/'));
}

/** Reduces an object to the state that drift and health need. */
export function toLive(object: KubeObject, resource: ApiResource, nowMs: number): LiveObject {
  const { metadata } = object;
  const health = healthOf(object, { nowMs, hasStatus: resource.subresources.includes('status') });
  const { managedFields: _, ...slim } = metadata;
  return {
    key: refKey(refOf(object)),
    uid: metadata.uid ?? '',
    ownedDigest: ownedDigestOf(object),
    label: metadata.labels?.[TARGET_LABEL],
    owner: metadata.annotations?.[OWNER_ANNOTATION],
    deleting: metadata.deletionTimestamp !== undefined,
    deletedAt: metadata.deletionTimestamp,
    finalizers: metadata.finalizers ?? [],
    resourceVersion: metadata.resourceVersion ?? '',
    health,
    object: keepsWhole(object, health) ? { ...object, metadata: slim } : undefined,
  };
}

/** Returns the health of a cached object, evaluated again where it depends on time. */
export function currentHealth(live: LiveObject, resource: ApiResource, nowMs: number): ObjectHealth {
  if (live.object === undefined || live.health.state !== 'Progressing') return live.health;
  return healthOf(live.object, { nowMs, hasStatus: resource.subresources.includes('status') });
}

/**
 * True if version `a` is newer than `b`. Versions of one API server are rising numbers; any other version counts as
 * newer.
 */
export function isNewer(a: string, b: string): boolean {
  if (/^\d+$/.test(a) && /^\d+$/.test(b)) return a.length !== b.length ? a.length > b.length : a > b;
  return a !== b;
}
