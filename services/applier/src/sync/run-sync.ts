// SPDX-License-Identifier: Apache-2.0
import type { ObjectChange } from '@plumbline/events';
import { type GuardVerdict, pruneGuard } from '../domain/guard.js';
import { refOfKey } from '../domain/identity.js';
import type { Inventory, InventoryEntry } from '../domain/inventory.js';
import { type ApplyResults, ApplyRun } from './apply.js';
import { contentsNote } from './contents.js';
import { conclude, type SyncOutcome, unchangedOf, withSources } from './outcome.js';
import { type PruneResults, PruneRun } from './prune.js';
import type { SyncPlan } from './sync-plan.js';
import type { SyncJob, SyncTools } from './tools.js';
import { validateAll } from './validate-all.js';

/**
 * Writes the objects of a plan, deletes those that left the set if every write succeeded and the prune guard permits
 * it, and returns the outcome.
 */
export async function runSync(tools: SyncTools, job: SyncJob, plan: SyncPlan): Promise<SyncOutcome> {
  const invalid = job.spec.atomic ? await validateAll(tools, job, plan) : undefined;
  if (invalid !== undefined) return invalid;
  const applied = await new ApplyRun(tools, job, plan.prepared).run(plan.writes, plan.refusals);
  const changes = new Map<string, ObjectChange>(plan.unchanged.map((wanted) => [wanted.key, unchangedOf(job, wanted)]));
  for (const change of plan.prepared.unresolved) changes.set(change.key, change);
  for (const [key, change] of applied.changes) changes.set(key, change);
  const broken = [...changes.values()].some(({ action }) => action === 'Failed' || action === 'Skipped');
  const guard = broken ? undefined : await guardOf(tools, job, plan);
  const pruned = await prune(tools, job, plan, { byFailure: broken, byGuard: guard !== undefined });
  const kept = new Map(pruned.kept.map((entry) => [entry.key, entry]));
  const inventory = settledInventory(job, plan, applied, kept);
  const all = await withSources(tools, job, plan, [...changes.values(), ...pruned.changes]);
  return { ...conclude({ applied, pruned, plan, all, guard }), changes: all, inventory };
}

async function guardOf(tools: SyncTools, job: SyncJob, plan: SyncPlan): Promise<GuardVerdict | undefined> {
  if (!job.spec.prune) return undefined;
  const verdict = pruneGuard({
    wanted: plan.prepared.wanted.length + plan.prepared.unresolved.length,
    before: job.inventory.size,
    prune: plan.prune.map(({ key }) => refOfKey(key)),
    allowEmpty: job.spec.allowEmpty,
    confirmed: job.confirmPrune,
  });
  return verdict === undefined
    ? undefined
    : { ...verdict, message: `${verdict.message}${await contentsNote(tools, plan.prune)}`.slice(0, 4_000) };
}

async function prune(
  tools: SyncTools,
  job: SyncJob,
  plan: SyncPlan,
  blocked: { readonly byFailure: boolean; readonly byGuard: boolean },
): Promise<PruneResults> {
  if (plan.prune.length === 0) return { changes: [], kept: [], retryable: false };
  const kept = (reason: string, message: string, action: 'Skipped' | 'Refused'): PruneResults => ({
    changes: plan.prune.map(({ key, apiVersion }) => ({ key, apiVersion, action, reason, message })),
    kept: plan.prune,
    retryable: false,
  });
  if (!job.spec.prune) return kept('PruneDisabled', 'left the set; sync.prune is off', 'Skipped');
  if (blocked.byFailure) return kept('NotFullyApplied', 'is deleted once all other objects are applied', 'Skipped');
  if (blocked.byGuard) return kept('NeedsConfirmation', 'left the set; its deletion needs a confirmation', 'Refused');
  return new PruneRun(tools, job, 'Delete').run(plan.prune);
}

function settledInventory(
  job: SyncJob,
  plan: SyncPlan,
  applied: ApplyResults,
  kept: ReadonlyMap<string, InventoryEntry>,
): Inventory {
  const settled = new Map<string, InventoryEntry>(kept);
  const pruned = new Set(plan.prune.map(({ key }) => key));
  // Entries that are neither wanted nor deleted belong to objects that could not be resolved: they stay.
  for (const [key, entry] of job.inventory) if (!pruned.has(key) && !plan.refusals.has(key)) settled.set(key, entry);
  for (const { key, apiVersion } of plan.writes) {
    const entry = applied.entries.get(key);
    if (entry !== undefined) settled.set(key, entry);
    else if (applied.uncertain.has(key)) settled.set(key, job.inventory.get(key) ?? { key, apiVersion });
    // Rejected with certainty and never applied before: the object does not exist.
    else if (job.inventory.get(key)?.uid === undefined) settled.delete(key);
  }
  return settled;
}
