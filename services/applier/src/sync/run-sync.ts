// SPDX-License-Identifier: Apache-2.0
import type { EventData, ObjectChange } from '@plumbline/events';
import { summary } from '../domain/changes.js';
import { type GuardVerdict, pruneGuard } from '../domain/guard.js';
import { partsOf, refOfKey, type WantedObject } from '../domain/identity.js';
import type { Inventory, InventoryEntry } from '../domain/inventory.js';
import { forEachOf } from '../domain/limits.js';
import { applyOrder } from '../domain/order.js';
import { asKubeObject, readObjects } from '../targets/object-reader.js';
import { type ApplyResults, ApplyRun, isSpentJob, isUnchanged } from './apply.js';
import { contentsNote } from './contents.js';
import { tryObject } from './plan.js';
import { type PreparedSet, sourcesOf } from './prepare.js';
import { type PruneResults, PruneRun } from './prune.js';
import type { SyncJob, SyncTools } from './tools.js';

/** What a run is going to do, before anything is written. */
export interface SyncPlan {
  readonly prepared: PreparedSet;
  readonly writes: readonly WantedObject[];
  readonly unchanged: readonly WantedObject[];
  /** Objects that another target has. */
  readonly refusals: ReadonlyMap<string, ObjectChange>;
  /** Entries that the set no longer has. */
  readonly prune: readonly InventoryEntry[];
}

/** How a run ended. */
export interface SyncOutcome {
  readonly result: EventData<'SyncCompleted'>['result'];
  readonly reason: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly changes: readonly ObjectChange[];
  readonly inventory: Inventory;
}

/** Sorts a set into what is as wanted, what has to be written, and what has to go. Claims the keys for this target; others get refusals. */
export async function planSync(tools: SyncTools, job: SyncJob, prepared: PreparedSet): Promise<SyncPlan> {
  const { claims } = tools.session;
  // Unchanged is what an up-to-date watch says is unchanged.
  await Promise.all(
    [...prepared.resources.values()].map((resource) => tools.session.watch(resource, tools.limits.watchMs)),
  );
  const refusals = new Map<string, ObjectChange>();
  const writes: WantedObject[] = [];
  const unchanged: WantedObject[] = [];
  for (const wanted of prepared.wanted) {
    const owner = claims.get(wanted.key) ?? job.target;
    if (owner !== job.target) {
      refusals.set(wanted.key, {
        key: wanted.key,
        apiVersion: wanted.apiVersion,
        action: 'Refused',
        reason: 'OwnedByAnother',
        message: `${wanted.ref.kind} ${wanted.ref.name} belongs to target ${owner}: remove it there, and this target takes it over`,
      });
      continue;
    }
    claims.set(wanted.key, job.target);
    if (isUnchanged(tools, job, wanted)) unchanged.push(wanted);
    else writes.push(wanted);
  }
  const spent = new Set<string>();
  for (const { key, digest } of writes) {
    const entry = job.inventory.get(key);
    if (entry?.desiredDigest === digest && (await isSpentJob(tools, entry))) spent.add(key);
  }
  const keys = new Set(prepared.wanted.map(({ key }) => key));
  // What could not be resolved may be what the inventory has: it stays.
  const unresolved = new Set(
    prepared.unresolved.map(({ key }) => `${partsOf(key).group}/${partsOf(key).kind}/${partsOf(key).name}`),
  );
  const prune = [...job.inventory.values()].filter(({ key }) => {
    const { group, kind, name } = partsOf(key);
    return !keys.has(key) && !unresolved.has(`${group}/${kind}/${name}`);
  });
  return {
    prepared,
    refusals,
    prune,
    writes: writes.filter(({ key }) => !spent.has(key)),
    unchanged: [...unchanged, ...writes.filter(({ key }) => spent.has(key))],
  };
}

/** The keys on a loop of explicit dependencies; empty when the set can be ordered. */
export async function findCycle(tools: SyncTools, plan: SyncPlan): Promise<readonly string[]> {
  const objects = await readObjects(
    tools.store,
    plan.writes.map(({ digest }) => digest),
  );
  const nodes = plan.writes.flatMap((wanted) => {
    const manifest = objects.get(wanted.digest);
    return manifest === undefined ? [] : [{ key: wanted.key, ref: wanted.ref, object: asKubeObject(manifest) }];
  });
  return applyOrder(nodes).cycle;
}

/** Writes, then deletes if all went well and nothing speaks against it, and says what came of it. */
export async function runSync(tools: SyncTools, job: SyncJob, plan: SyncPlan): Promise<SyncOutcome> {
  const invalid = job.spec.atomic ? await validateAll(tools, job, plan) : undefined;
  if (invalid !== undefined) return invalid;
  const applied = await new ApplyRun(tools, job, plan.prepared).run(plan.writes, plan.refusals);
  const changes = new Map<string, ObjectChange>(plan.unchanged.map((wanted) => [wanted.key, unchangedOf(job, wanted)]));
  for (const change of plan.prepared.unresolved) changes.set(change.key, change);
  for (const [key, change] of applied.changes) changes.set(key, change);
  const broken = [...changes.values()].some(({ action }) => action === 'Failed' || action === 'Skipped');
  const guard = broken ? undefined : await guardOf(tools, job, plan);
  const pruned = await prune(tools, job, plan, { broken, guard: guard !== undefined });
  const kept = new Map(pruned.kept.map((entry) => [entry.key, entry]));
  const inventory = settledInventory(job, plan, applied, kept);
  const all = await withSources(tools, job, plan, [...changes.values(), ...pruned.changes]);
  return { ...conclude({ applied, pruned, plan, all, guard }), changes: all, inventory };
}

function unchangedOf(job: SyncJob, wanted: WantedObject): ObjectChange {
  const uid = job.inventory.get(wanted.key)?.uid;
  return { key: wanted.key, apiVersion: wanted.apiVersion, action: 'Unchanged', ...(uid === undefined ? {} : { uid }) };
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

/** All or nothing: every object is tried as a dry run first, and with one that cannot pass nothing is written. */
async function validateAll(tools: SyncTools, job: SyncJob, plan: SyncPlan): Promise<SyncOutcome | undefined> {
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
      message: 'not written, because another object of the set cannot be',
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

async function prune(
  tools: SyncTools,
  job: SyncJob,
  plan: SyncPlan,
  why: { readonly broken: boolean; readonly guard: boolean },
): Promise<PruneResults> {
  if (plan.prune.length === 0) return { changes: [], kept: [], retryable: false };
  const kept = (reason: string, message: string, action: 'Skipped' | 'Refused'): PruneResults => ({
    changes: plan.prune.map(({ key, apiVersion }) => ({ key, apiVersion, action, reason, message })),
    kept: plan.prune,
    retryable: false,
  });
  if (!job.spec.prune) return kept('PruneDisabled', 'left the set; sync.prune is off', 'Skipped');
  if (why.broken) return kept('NotFullyApplied', 'is deleted once everything else is applied', 'Skipped');
  if (why.guard) return kept('NeedsConfirmation', 'left the set; its deletion waits for confirmation', 'Refused');
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
  // Entries that are neither wanted nor up for deletion belong to objects that could not be resolved: they stay.
  for (const [key, entry] of job.inventory) if (!pruned.has(key) && !plan.refusals.has(key)) settled.set(key, entry);
  for (const { key, apiVersion } of plan.writes) {
    const entry = applied.entries.get(key);
    if (entry !== undefined) settled.set(key, entry);
    else if (applied.uncertain.has(key)) settled.set(key, job.inventory.get(key) ?? { key, apiVersion });
    // Refused for certain, and never there before: it does not exist.
    else if (job.inventory.get(key)?.uid === undefined) settled.delete(key);
  }
  return settled;
}

async function withSources(
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

interface Conclusion {
  readonly applied: ApplyResults;
  readonly pruned: PruneResults;
  readonly plan: SyncPlan;
  readonly all: readonly ObjectChange[];
  readonly guard: GuardVerdict | undefined;
}

function conclude({
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
      message: `stopped for a newer release: ${counts}`,
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
