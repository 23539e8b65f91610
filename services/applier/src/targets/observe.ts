// SPDX-License-Identifier: Apache-2.0
import { type HealthState, worstHealth } from '@plumbline/core';
import { durationMs, type EventData } from '@plumbline/events';
import { FIELD_MANAGER, type ObjectHealth } from '@plumbline/kube';
import { currentHealth, toLive } from '../clusters/live-object.js';
import { type DriftKind, driftOf, lostFields } from '../domain/drift.js';
import { withoutFields } from '../domain/field-path.js';
import { partsOf, refOfKey } from '../domain/identity.js';
import type { Inventory, InventoryEntry } from '../domain/inventory.js';
import { type Marks, OWNER_ANNOTATION, TARGET_LABEL } from '../domain/owner-marks.js';
import { NOT_HEALTHY_IN_TIME, type TargetState } from '../domain/target-state.js';
import { isSpentJob } from '../sync/apply.js';
import type { SyncTools } from '../sync/tools.js';
import { clearObject, readObjects } from '../ownership/rendered-objects.js';

/** Drifted objects as the event carries them. */
export type DriftedObjects = EventData<'DriftDetected'>['objects'];
/** Health as the event carries it. */
export type HealthReport = Pick<EventData<'HealthChanged'>, 'health' | 'reason' | 'message' | 'objects'>;

const MAX_LISTED = 50;
const MAX_BYTES = 24_000;

/**
 * Returns the objects of a target that drifted: compares the watched state with the inventory, and confirms each
 * difference with a read from the cluster.
 */
export async function observeDrift(tools: SyncTools, marks: Marks, inventory: Inventory): Promise<DriftedObjects> {
  const { cache } = tools.session;
  const found: DriftedObjects[number][] = [];
  for (const entry of inventory.values()) {
    if (!cache.isLive(entry.key)) continue;
    const expected = { label: marks.label, annotation: marks.annotationFor(entry.key) };
    if (driftOf(entry, cache.get(entry.key), expected) === undefined) continue;
    const confirmed = await confirmDrift(tools, marks, entry);
    if (confirmed !== undefined) found.push(confirmed);
  }
  return withinBytes(found.sort((a, b) => (a.key < b.key ? -1 : 1)));
}

/** Returns as many items as an event may carry. */
function withinBytes<Item>(items: readonly Item[]): Item[] {
  let bytes = 0;
  return items.slice(0, MAX_LISTED).filter((item) => {
    bytes += Buffer.byteLength(JSON.stringify(item));
    return bytes <= MAX_BYTES;
  });
}

async function confirmDrift(
  tools: SyncTools,
  marks: Marks,
  entry: InventoryEntry,
): Promise<DriftedObjects[number] | undefined> {
  const { cache, client } = tools.session;
  const resource = cache.resourceOf(entry.key);
  if (resource === undefined) return undefined;
  const { namespace, name } = refOfKey(entry.key);
  const live = await client.get(resource, namespace, name);
  const expected = { label: marks.label, annotation: marks.annotationFor(entry.key) };
  const observed = live === undefined ? undefined : { ...toLive(live, resource, tools.clock.nowMs()), key: entry.key };
  const kind: DriftKind | undefined = driftOf(entry, observed, expected);
  if (kind === undefined) {
    if (live !== undefined) cache.record(live);
    return undefined;
  }
  if (live === undefined)
    return (await isSpentJob(tools, entry)) ? undefined : { key: entry.key, kind, fields: [], actors: [] };
  if (entry.desiredDigest === undefined) return { key: entry.key, kind, fields: [], actors: [] };
  const manifest = (await readObjects(tools.store, [entry.desiredDigest])).get(entry.desiredDigest);
  if (manifest === undefined) return { key: entry.key, kind, fields: [], actors: [] };
  const desired = withoutFields(
    marks.mark(clearObject(manifest, tools.sealKey), entry.key, namespace),
    entry.dropped ?? [],
  );
  const { fields, actors } = lostFields(desired, live, FIELD_MANAGER);
  const marked = kind === 'Unmarked' ? markFields(live.metadata.labels, live.metadata.annotations, expected) : [];
  return { key: entry.key, kind, fields: [...new Set([...fields, ...marked])].slice(0, 40), actors };
}

function markFields(
  labels: Readonly<Record<string, string>> = {},
  annotations: Readonly<Record<string, string>> = {},
  expected: { readonly label: string; readonly annotation: string },
): string[] {
  const fields: string[] = [];
  if (labels[TARGET_LABEL] !== expected.label) fields.push(`metadata.labels["${TARGET_LABEL}"]`);
  if (annotations[OWNER_ANNOTATION] !== expected.annotation) fields.push(`metadata.annotations["${OWNER_ANNOTATION}"]`);
  return fields;
}

/** A health report; `timed` is true if time alone may change it. */
export interface HealthObservation {
  readonly report: HealthReport;
  readonly timed: boolean;
}

/**
 * Returns the health of a target, which is that of its worst object; undefined while a kind of it cannot be watched.
 */
export async function observeHealth(tools: SyncTools, inventory: Inventory): Promise<HealthObservation | undefined> {
  const { cache } = tools.session;
  const nowMs = tools.clock.nowMs();
  const unhealthy: { key: string; health: HealthState; reason: string; message: string }[] = [];
  let timed = false;
  for (const entry of inventory.values()) {
    if (entry.uid === undefined || entry.deleting === true) continue;
    if (!cache.isLive(entry.key)) return undefined;
    const resource = cache.resourceOf(entry.key);
    const live = cache.get(entry.key);
    let health: ObjectHealth;
    if (live === undefined || resource === undefined) {
      if (await isSpentJob(tools, entry)) continue;
      health = { state: 'Missing', reason: 'NotFound', message: 'the object does not exist' };
    } else health = currentHealth(live, resource, nowMs);
    if (health.state === 'Progressing' && (health.reason === 'NoStatusYet' || entry.key.startsWith('/Pod/')))
      timed = true;
    if (health.state !== 'Healthy')
      unhealthy.push({
        key: entry.key,
        health: health.state,
        reason: health.reason,
        message: health.message.slice(0, 500),
      });
  }
  return { report: summarize(unhealthy, inventory.size), timed };
}

/** The report while objects of a target cannot be watched. Unknown is not healthy. */
export const NOT_WATCHED: HealthReport = {
  health: 'Unknown',
  reason: 'NotWatched',
  message: 'objects of the target cannot be watched on the cluster',
  objects: [],
};

function summarize(unhealthy: readonly HealthReport['objects'][number][], size: number): HealthReport {
  const health = worstHealth(['Healthy', ...unhealthy.map((object) => object.health)]);
  if (health === 'Healthy')
    return { health, reason: 'AllHealthy', message: `${size} object${size === 1 ? '' : 's'}`, objects: [] };
  const worst = unhealthy.filter((object) => object.health === health).sort((a, b) => (a.key < b.key ? -1 : 1));
  const [first] = worst;
  const { kind, namespace, name } = partsOf(first?.key ?? '');
  const more = worst.length > 1 ? ` (and ${worst.length - 1} more)` : '';
  const rest = unhealthy.filter((object) => object.health !== health);
  return {
    health,
    reason: first?.reason ?? health,
    message: `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}: ${first?.message ?? ''}${more}`,
    objects: withinBytes([...worst, ...rest]),
  };
}

/**
 * Returns the report, or a degraded one with the objects that are not ready if the target has been progressing for
 * longer than `timeout`.
 */
export function overdue(
  report: HealthReport,
  target: Pick<TargetState, 'health'>,
  options: { readonly nowMs: number; readonly timeout: string },
): HealthReport {
  const sinceMs = target.health?.progressingSinceMs;
  if (report.health !== 'Progressing' || sinceMs === undefined || options.nowMs - sinceMs < durationMs(options.timeout))
    return report;
  return {
    ...report,
    health: 'Degraded',
    reason: NOT_HEALTHY_IN_TIME,
    message: `not healthy after ${options.timeout}: ${report.message}`,
  };
}
