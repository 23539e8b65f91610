// SPDX-License-Identifier: Apache-2.0
import {
  type ApiResource,
  type ApplyResult,
  FIELD_MANAGER,
  type FieldsV1,
  isConflict,
  type KubeObject,
  type ManagedFieldsEntry,
} from '@plumbline/kube';
import { withRetries } from './failure.js';
import type { SyncTools } from './tools.js';

/**
 * Field manager of `kubectl apply` without `--server-side`. Fields of other managers, such as `kubectl edit`, are not
 * touched.
 */
const CLIENT_SIDE = 'kubectl-client-side-apply';
/** Each attempt is two quick requests; another writer in a tight loop does not win thirty in a row. */
const TRIES = 30;

function isClientSide(entry: ManagedFieldsEntry): boolean {
  return entry.manager === CLIENT_SIDE && entry.operation === 'Update' && (entry.subresource ?? '') === '';
}

function isOurs(entry: ManagedFieldsEntry): boolean {
  return entry.manager === FIELD_MANAGER && entry.operation === 'Apply' && (entry.subresource ?? '') === '';
}

/** Returns the union of two field sets. */
export function unionOf(a: FieldsV1, b: FieldsV1): FieldsV1 {
  const union: Record<string, FieldsV1> = { ...a };
  for (const [step, fields] of Object.entries(b))
    union[step] = union[step] === undefined ? fields : unionOf(union[step], fields);
  return union;
}

/**
 * Returns the managers with the fields of client-side apply moved to our Apply entry; undefined if there are no such
 * fields.
 */
export function withoutClientSide(managers: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] | undefined {
  const theirs = managers.filter(isClientSide);
  const ours = managers.find(isOurs);
  if (theirs.length === 0 || ours === undefined) return undefined;
  const fieldsV1 = theirs.reduce((fields, entry) => unionOf(fields, entry.fieldsV1 ?? {}), ours.fieldsV1 ?? {});
  return managers
    .filter((entry) => !isClientSide(entry))
    .map((entry) => (entry === ours ? { ...ours, fieldsV1 } : entry));
}

/**
 * Ends the co-ownership of `kubectl apply` on an object that was just adopted: otherwise a field that is removed from
 * Git would stay. The
 * resourceVersion is a precondition, so that no concurrent update is lost. Returns the resulting object, or undefined
 * if nothing was changed.
 */
export async function takeOverClientSide(
  tools: SyncTools,
  resource: ApiResource,
  body: KubeObject,
  applied: ApplyResult,
): Promise<ApplyResult | undefined> {
  const { client } = tools.session;
  const { name, namespace } = body.metadata;
  let current: KubeObject | undefined = applied.object;
  for (let attempt = 1; current !== undefined; attempt += 1) {
    const managedFields = withoutClientSide(current.metadata.managedFields ?? []);
    if (managedFields === undefined)
      return attempt === 1 ? undefined : withRetries(() => client.apply(resource, body, { force: true }));
    const json = [
      { op: 'test', path: '/metadata/resourceVersion', value: current.metadata.resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: managedFields },
    ];
    try {
      await withRetries(() => client.patch(resource, { namespace, name }, { json }));
      // Fields that we own now and do not want, such as last-applied, are removed by the next apply.
      return await withRetries(() => client.apply(resource, body, { force: true }));
    } catch (error) {
      if (attempt >= TRIES || !isMoved(error)) throw error;
      current = await client.get(resource, namespace, name);
    }
  }
  return undefined;
}

/** True for a concurrent write: a failed `test` of a JSON patch is a 422 without a field, a conflict is a 409. */
function isMoved(error: unknown): boolean {
  if (isConflict(error)) return true;
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 422;
}
