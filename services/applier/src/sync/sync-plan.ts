// SPDX-License-Identifier: Apache-2.0
import type { ObjectChange } from '@plumbline/events';
import { partsOf, type WantedObject } from '../domain/identity.js';
import type { InventoryEntry } from '../domain/inventory.js';
import { applyOrder } from '../domain/order.js';
import type { PreparedSet } from '../ownership/prepared-set.js';
import { asKubeObject, readObjects } from '../ownership/rendered-objects.js';
import { isSpentJob, isUnchanged } from './apply.js';
import type { SyncJob, SyncTools } from './tools.js';

/** The writes and deletions of a run, before anything is written. */
export interface SyncPlan {
  readonly prepared: PreparedSet;
  readonly writes: readonly WantedObject[];
  readonly unchanged: readonly WantedObject[];
  /** Objects that another target owns. */
  readonly refusals: ReadonlyMap<string, ObjectChange>;
  /** Inventory entries that are no longer in the set. */
  readonly prune: readonly InventoryEntry[];
}

/**
 * Sorts a set into unchanged objects, writes and deletions. Claims its objects for the target, and refuses those that
 * another target owns.
 */
export async function planSync(tools: SyncTools, job: SyncJob, prepared: PreparedSet): Promise<SyncPlan> {
  // Only an up-to-date watch shows which objects are unchanged.
  await Promise.all(
    [...prepared.resources.values()].map((resource) => tools.session.watch(resource, tools.limits.watchMs)),
  );
  const refusals = new Map<string, ObjectChange>();
  const writes: WantedObject[] = [];
  const unchanged: WantedObject[] = [];
  for (const wanted of prepared.wanted) {
    const owner = tools.claims.claim(wanted.key, job.target);
    if (owner !== job.target) {
      refusals.set(wanted.key, {
        key: wanted.key,
        apiVersion: wanted.apiVersion,
        action: 'Refused',
        reason: 'OwnedByAnother',
        message: `${wanted.ref.kind} ${wanted.ref.name} belongs to target ${owner}; remove it there, and this target adopts it`,
      });
      continue;
    }
    if (isUnchanged(tools, job, wanted)) unchanged.push(wanted);
    else writes.push(wanted);
  }
  const spent = new Set<string>();
  for (const { key, digest } of writes) {
    const entry = job.inventory.get(key);
    if (entry?.desiredDigest === digest && (await isSpentJob(tools, entry))) spent.add(key);
  }
  const keys = new Set(prepared.wanted.map(({ key }) => key));
  // An object that could not be resolved may be one of the inventory, which therefore stays.
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

/** Returns the keys on a loop of dependencies; empty if the set can be ordered. */
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
