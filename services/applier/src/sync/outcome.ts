// SPDX-License-Identifier: Apache-2.0
import type { EventData, ObjectChange } from '@plumbline/events';
import { summary } from '../domain/changes.js';
import type { GuardVerdict } from '../domain/guard.js';
import { partsOf, type WantedObject } from '../domain/identity.js';
import type { Inventory } from '../domain/inventory.js';
import { sourcesOf } from '../ownership/prepared-set.js';
import type { ApplyResults } from './apply.js';
import type { PruneResults } from './prune.js';
import type { SyncPlan } from './sync-plan.js';
import type { SyncJob, SyncTools } from './tools.js';

/** The result of a run. */
export interface SyncOutcome {
  readonly result: EventData<'SyncCompleted'>['result'];
  readonly reason: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly changes: readonly ObjectChange[];
  readonly inventory: Inventory;
}

/** Returns the change of an object that needs no write. */
export function unchangedOf(job: SyncJob, wanted: WantedObject): ObjectChange {
  const uid = job.inventory.get(wanted.key)?.uid;
  return { key: wanted.key, apiVersion: wanted.apiVersion, action: 'Unchanged', ...(uid === undefined ? {} : { uid }) };
}

/** Adds the file that declares it to each failed object. */
export async function withSources(
  tools: SyncTools,
  job: SyncJob,
  plan: SyncPlan,
  changes: readonly ObjectChange[],
): Promise<readonly ObjectChange[]> {
  if (!changes.some(({ action, source }) => action === 'Failed' && source === undefined)) return changes;
  const sources =
    plan.prepared.sources.size > 0 ? plan.prepared.sources : await sourcesOf(tools, job.version.sourcesDigest);
  const renderedKeys = new Map(plan.prepared.wanted.map(({ key, renderedKey }) => [key, renderedKey]));
  return changes.map((change) => {
    const source = change.action === 'Failed' ? sources.get(renderedKeys.get(change.key) ?? change.key) : undefined;
    return source === undefined ? change : { ...change, source };
  });
}

/** The parts of a run that its result follows from. */
export interface Conclusion {
  readonly applied: ApplyResults;
  readonly pruned: PruneResults;
  readonly plan: SyncPlan;
  readonly all: readonly ObjectChange[];
  readonly guard: GuardVerdict | undefined;
}

/** Returns result, reason and message of a run. */
export function conclude({
  applied,
  pruned,
  plan,
  all,
  guard,
}: Conclusion): Pick<SyncOutcome, 'result' | 'reason' | 'message' | 'retryable'> {
  const counts = summary(all);
  const retryable = applied.retryable || pruned.retryable || plan.prepared.undetermined;
  if (applied.superseded)
    return {
      result: 'Failed',
      reason: 'Superseded',
      message: `stopped because a newer release supersedes it: ${counts}`,
      retryable: false,
    };
  const failed = all.filter(({ action }) => action === 'Failed');
  const [first] = failed;
  if (first !== undefined) {
    const { kind, namespace, name } = partsOf(first.key);
    const where = first.source === undefined ? '' : ` (${first.source})`;
    const result = all.some(({ action }) => action !== 'Failed' && action !== 'Skipped') ? 'Partial' : 'Failed';
    const reason = failed.every((change) => change.reason === 'ClusterUnreachable')
      ? 'ClusterUnreachable'
      : failed.length === 1
        ? (first.reason ?? 'ObjectsFailed')
        : 'ObjectsFailed';
    return {
      result,
      reason,
      message:
        `${counts}. ${kind} ${namespace === '' ? '' : `${namespace}/`}${name}${where}: ${first.message ?? ''}`.slice(
          0,
          4_000,
        ),
      retryable,
    };
  }
  if (guard !== undefined) return { result: 'Partial', reason: guard.reason, message: guard.message, retryable: false };
  const refused = all.find(({ reason }) => reason === 'OwnedByAnother' || reason === 'HeldElsewhere');
  if (refused !== undefined)
    return {
      result: 'Partial',
      reason: 'OwnedByAnother',
      message: `${counts}. ${refused.message ?? ''}`,
      retryable: false,
    };
  const pending = all.find(({ action }) => action === 'PendingDeletion');
  if (pending !== undefined)
    return {
      result: 'Partial',
      reason: 'PendingDeletion',
      message: `${counts}. ${pending.key} ${pending.message ?? ''}`,
      retryable: false,
    };
  return { result: 'Succeeded', reason: 'Applied', message: counts, retryable: false };
}
