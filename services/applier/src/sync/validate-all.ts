// SPDX-License-Identifier: Apache-2.0
import type { ObjectChange } from '@plumbline/events';
import { summary } from '../domain/changes.js';
import { forEachOf } from '../domain/concurrency.js';
import { readObjects } from '../ownership/rendered-objects.js';
import { tryObject } from './dry-run.js';
import { type SyncOutcome, unchangedOf, withSources } from './outcome.js';
import type { SyncPlan } from './sync-plan.js';
import type { SyncJob, SyncTools } from './tools.js';

/**
 * Tries every object as a dry run. Returns the outcome of a run that writes nothing if an object fails, otherwise
 * undefined.
 */
export async function validateAll(tools: SyncTools, job: SyncJob, plan: SyncPlan): Promise<SyncOutcome | undefined> {
  const contents = await readObjects(
    tools.store,
    plan.writes.map(({ digest }) => digest),
  );
  const tried = await forEachOf(plan.writes, tools.limits.perTarget, async (wanted): Promise<ObjectChange> => {
    const manifest = contents.get(wanted.digest);
    const base = { key: wanted.key, apiVersion: wanted.apiVersion };
    if (manifest === undefined)
      return {
        ...base,
        action: 'Failed',
        reason: 'ContentMissing',
        message: 'the rendered content is not in the object store',
      };
    return { ...base, ...(await tryObject({ tools, job, prepared: plan.prepared }, wanted, manifest)) };
  });
  const bad = [
    ...plan.refusals.values(),
    ...plan.prepared.unresolved,
    ...tried.filter(({ action }) => action === 'Failed' || action === 'Refused'),
  ];
  const [first] = bad;
  if (first === undefined) return undefined;
  const badKeys = new Set(bad.map(({ key }) => key));
  const skipped = plan.writes
    .filter(({ key }) => !badKeys.has(key))
    .map(({ key, apiVersion }): ObjectChange => ({
      key,
      apiVersion,
      action: 'Skipped',
      reason: 'Atomic',
      message: 'not written because another object of the set cannot be written',
    }));
  const changes = await withSources(tools, job, plan, [
    ...plan.unchanged.map((wanted) => unchangedOf(job, wanted)),
    ...bad,
    ...skipped,
  ]);
  const retryable = tried.some(({ action, reason }) => action === 'Failed' && RETRYABLE.has(reason ?? ''));
  return {
    result: 'Failed',
    reason: 'ValidationFailed',
    message: `nothing was written: ${summary(changes)}. ${first.key}: ${first.message ?? ''}`.slice(0, 4_000),
    retryable,
    changes,
    inventory: job.inventory,
  };
}

const RETRYABLE: ReadonlySet<string> = new Set([
  'ClusterUnreachable',
  'ServerError',
  'QuotaExceeded',
  'TooManyRequests',
  'NamespaceTerminating',
  'Forbidden',
]);
