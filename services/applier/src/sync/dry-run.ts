// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, Digest } from '@plumbline/core';
import type { ObjectChange } from '@plumbline/events';
import {
  type ApiResource,
  type ApplyResult,
  isFieldManagerConflict,
  isNotFound,
  type KubeObject,
  refKey,
} from '@plumbline/kube';
import { diffObjects, type ManifestObject, parseObject, scrubObject } from '@plumbline/manifest';
import { pruneGuard } from '../domain/guard.js';
import { refOfKey, type WantedObject } from '../domain/identity.js';
import { forEachOf } from '../domain/concurrency.js';
import { ownerOf, OWNER_ANNOTATION, TARGET_LABEL } from '../domain/owner-marks.js';
import { clearObject } from '../ownership/rendered-objects.js';
import { refusedFor, isUnchanged } from './apply.js';
import { contentsNote } from './contents.js';
import { failureOf, withRetries } from './failure.js';
import { kindId, type PreparedSet } from '../ownership/prepared-set.js';
import { droppedNote, applyWithOptOut } from './validation-opt-out.js';
import type { SyncJob, SyncTools } from './tools.js';

/** The effect that releasing a set would have on a target. */
export interface ComputedPlan {
  readonly changes: readonly ObjectChange[];
  /** True if an object could not be tried because its namespace or kind does not exist yet. */
  readonly partial: boolean;
  readonly planDigest: Digest;
  /** Why deletions would need a confirmation. */
  readonly guard: string | undefined;
}

const OWN_MARKS = new Set([`metadata.labels["${TARGET_LABEL}"]`, `metadata.annotations["${OWNER_ANNOTATION}"]`]);

/** Tries every object that differs as a dry run, without any change on the cluster. */
export async function computePlan(tools: SyncTools, job: SyncJob, prepared: PreparedSet): Promise<ComputedPlan> {
  const writes = prepared.wanted.filter((wanted) => !isUnchanged(tools, job, wanted));
  const contents = await tools.store.getMany(writes.map(({ digest }) => digest));
  const changes = new Map<string, ObjectChange>();
  for (const wanted of prepared.wanted)
    changes.set(wanted.key, { key: wanted.key, apiVersion: wanted.apiVersion, action: 'Unchanged' });
  for (const change of [...prepared.unresolved, ...prepared.refused]) changes.set(change.key, change);
  await forEachOf(writes, tools.limits.perTarget, async (wanted) => {
    const content = contents.get(wanted.digest);
    const base = { key: wanted.key, apiVersion: wanted.apiVersion };
    if (content === undefined)
      changes.set(wanted.key, {
        ...base,
        action: 'Failed',
        reason: 'ContentMissing',
        message: 'the rendered content is not in the object store',
      });
    else
      changes.set(wanted.key, {
        ...base,
        ...(await tryObject({ tools, job, prepared }, wanted, parseObject(content))),
      });
  });
  const prune = await planPrune(tools, job, prepared);
  const all = [...changes.values(), ...prune].sort((a, b) => (a.key < b.key ? -1 : 1));
  const guard = pruneGuard({
    wanted: prepared.wanted.length + prepared.unresolved.length,
    before: job.inventory.size,
    prune: prune.filter(({ action }) => action === 'Pruned').map(({ key }) => refOfKey(key)),
    allowEmpty: job.spec.allowEmpty,
    confirmed: false,
  });
  const digested = all.map(({ key, action, fields }) => ({ key, action, fields: fields ?? [] }));
  return {
    changes: all,
    partial: all.some(({ action }) => action === 'Unverified'),
    guard:
      guard === undefined
        ? undefined
        : `${guard.message}${await contentsNote(
            tools,
            prune.filter(({ action }) => action === 'Pruned').flatMap(({ key }) => job.inventory.get(key) ?? []),
          )}`,
    planDigest: Digest.of(canonicalJson({ renderDigest: job.version.renderDigest, changes: digested })),
  };
}

async function planPrune(tools: SyncTools, job: SyncJob, prepared: PreparedSet): Promise<ObjectChange[]> {
  if (!job.spec.prune || prepared.undetermined) return [];
  const keys = new Set(prepared.wanted.map(({ key }) => key));
  const gone = [...job.inventory.values()].filter(({ key }) => !keys.has(key));
  const elsewhere = gone.length === 0 ? new Set<string>() : await job.wantedElsewhere(gone.map(({ key }) => key));
  return gone.map(({ key, apiVersion, uid }) => {
    const base = { key, apiVersion, ...(uid === undefined ? {} : { uid }) };
    return elsewhere.has(key)
      ? { ...base, action: 'Released', reason: 'WantedElsewhere' }
      : { ...base, action: 'Pruned' };
  });
}

/** The input of a dry run. */
export interface PlanContext {
  readonly tools: SyncTools;
  readonly job: SyncJob;
  readonly prepared: PreparedSet;
}

/** The result of a dry run. */
export type PlannedChange = Omit<ObjectChange, 'key' | 'apiVersion'>;

/** Returns the effect of writing one object, tried as a dry run. */
export async function tryObject(
  { tools, job, prepared }: PlanContext,
  wanted: WantedObject,
  manifest: ManifestObject,
): Promise<PlannedChange> {
  const resource = prepared.resources.get(kindId(wanted.apiVersion, wanted.ref.kind));
  if (resource === undefined)
    return unverified(`needs the CustomResourceDefinition of ${wanted.ref.kind}, which is in the same set`);
  const claimed = tools.claims.ownerOf(wanted.key);
  if (claimed !== undefined && claimed !== job.target)
    return { action: 'Refused', reason: 'OwnedByAnother', message: `belongs to target ${claimed}` };
  const { namespace, name } = wanted.ref;
  try {
    const { client } = tools.session;
    const live = await withRetries(() => client.get(resource, namespace, name));
    const owner = ownerOf(live?.metadata.annotations?.[OWNER_ANNOTATION], wanted.key);
    if (owner !== undefined && job.heldElsewhere(owner)) return refusedFor(owner);
    const body = job.marks.mark(clearObject(manifest, tools.sealKey), wanted.key, namespace);
    const { result, dropped } = await applyWithOptOut(body, (sendable) => dryRun(tools, resource, sendable));
    const note = droppedNote(dropped);
    return { ...planned(job, wanted, { live, ...result }), ...(note === undefined ? {} : { message: note }) };
  } catch (error) {
    if (
      isNotFound(error) &&
      namespace !== undefined &&
      tools.session.cache.get(refKey({ group: '', kind: 'Namespace', name: namespace })) === undefined
    ) {
      return unverified(`needs Namespace ${namespace}, which does not exist yet`);
    }
    const { reason, message } = failureOf(error);
    return { action: 'Failed', reason, message: message.slice(0, 4_000) };
  }
}

function unverified(needs: string): PlannedChange {
  return { action: 'Unverified', reason: 'CannotDryRun', message: `would be created; ${needs}` };
}

async function dryRun(
  tools: SyncTools,
  resource: ApiResource,
  body: KubeObject,
): Promise<{ readonly result: ApplyResult; readonly takenOver: readonly string[] }> {
  const { client } = tools.session;
  try {
    return { result: await withRetries(() => client.apply(resource, body, { dryRun: true })), takenOver: [] };
  } catch (error) {
    if (!isFieldManagerConflict(error)) throw error;
    const takenOver = error.conflicts.map(({ manager, field }) => `${manager}: ${field}`);
    return { result: await withRetries(() => client.apply(resource, body, { dryRun: true, force: true })), takenOver };
  }
}

function planned(
  job: SyncJob,
  wanted: WantedObject,
  found: { readonly live: KubeObject | undefined; readonly result: ApplyResult; readonly takenOver: readonly string[] },
): PlannedChange {
  const { live, result, takenOver } = found;
  if (live === undefined) return { action: 'Created' };
  const known = job.inventory.get(wanted.key)?.uid === live.metadata.uid;
  const fields = diffObjects(comparable(live), comparable(result.object))
    .map(({ path }) => path)
    .filter((path) => !OWN_MARKS.has(path));
  const taken = takenOver.length > 0 ? { takenOver } : {};
  if (!known) return { action: 'Adopted', fields, ...taken };
  return fields.length === 0 ? { action: 'Unchanged' } : { action: 'Configured', fields, ...taken };
}

/** Returns the object without the fields that every dry run changes. */
function comparable(object: KubeObject): ManifestObject {
  return scrubObject(parseObject(JSON.stringify(object)));
}
