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
import { patiently } from './failure.js';
import type { SyncTools } from './tools.js';

/** Who `kubectl apply` writes as without `--server-side`. What `kubectl edit` and others own is not touched. */
const CLIENT_SIDE = 'kubectl-client-side-apply';
/** Each try is two quick requests; whoever writes in a tight loop wins some of them, never thirty in a row. */
const TRIES = 30;

function isClientSide(entry: ManagedFieldsEntry): boolean {
  return entry.manager === CLIENT_SIDE && entry.operation === 'Update' && (entry.subresource ?? '') === '';
}

function isOurs(entry: ManagedFieldsEntry): boolean {
  return entry.manager === FIELD_MANAGER && entry.operation === 'Apply' && (entry.subresource ?? '') === '';
}

/** The fields of both. */
export function unionOf(a: FieldsV1, b: FieldsV1): FieldsV1 {
  const union: Record<string, FieldsV1> = { ...a };
  for (const [step, fields] of Object.entries(b))
    union[step] = union[step] === undefined ? fields : unionOf(union[step], fields);
  return union;
}

/** The managers with what client-side apply owned given to our Apply entry; undefined when there is nothing to give. */
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
 * Ends the co-ownership of `kubectl apply` on an object that was just adopted: without it, a field that leaves Git would survive. Guarded by the
 * resourceVersion, so no concurrent update is lost. Gives the object as it is afterwards, or undefined when there was nothing to do.
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
      return attempt === 1 ? undefined : patiently(() => client.apply(resource, body, { force: true }));
    const json = [
      { op: 'test', path: '/metadata/resourceVersion', value: current.metadata.resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: managedFields },
    ];
    try {
      await patiently(() => client.patch(resource, { namespace, name }, { json }));
      // What we own now and do not want goes with the next apply, last-applied among it.
      return await patiently(() => client.apply(resource, body, { force: true }));
    } catch (error) {
      if (attempt >= TRIES || !isMoved(error)) throw error;
      current = await client.get(resource, namespace, name);
    }
  }
  return undefined;
}

/** A failed `test` of a JSON patch is a 422 without a field; a write in between is a 409. */
function isMoved(error: unknown): boolean {
  if (isConflict(error)) return true;
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 422;
}
