// SPDX-License-Identifier: Apache-2.0
import { Digest, uuidv7 } from '@plumbline/core';
import type { ObjectChange } from '@plumbline/events';
import type { ClusterSession } from '../clusters/cluster-session.js';
import { summary } from '../domain/changes.js';
import type { RenderedVersion } from '../domain/fleet.js';
import type { Inventory } from '../domain/inventory.js';
import type { Marks } from '../domain/owner-marks.js';
import type { TargetState } from '../domain/target-state.js';
import { PruneRun } from '../sync/prune.js';
import { syncJob } from './sync-job.js';
import type { RemoveDecision, Run, SyncReports } from './sync-reports.js';
import type { TargetContext } from './target-context.js';

/** Deletes or orphans all objects of targets that are removed. */
export class TargetRemoval {
  readonly #context: TargetContext;
  readonly #marks: Marks;
  readonly #reports: SyncReports;

  constructor(context: TargetContext, marks: Marks, reports: SyncReports) {
    this.#context = context;
    this.#marks = marks;
    this.#reports = reports;
  }

  /**
   * Removes a target: at once if it has no objects or its cluster must not be touched, otherwise with a run that may
   * leave objects for a retry.
   */
  async remove(target: TargetState, session: ClusterSession | undefined, decision: RemoveDecision): Promise<void> {
    const inventory = await this.#context.inventories.of(target);
    if (!decision.touch || inventory.size === 0 || session === undefined) {
      const changes = [...inventory.values()].map(({ key, apiVersion }): ObjectChange => ({
        key,
        apiVersion,
        action: 'Released',
        reason: 'LeftAlone',
      }));
      await this.#reports.removed(target, session, decision, changes);
      return;
    }
    await this.#prune(target, session, decision, inventory);
  }

  async #prune(
    target: TargetState,
    session: ClusterSession,
    decision: RemoveDecision,
    inventory: Inventory,
  ): Promise<void> {
    const run = this.#run(target, decision);
    await this.#reports.started(target, run, inventory);
    const version: RenderedVersion = {
      version: run.version,
      renderDigest: Digest.parse(run.renderDigest),
      sourcesDigest: Digest.parse(run.renderDigest),
      createNamespace: false,
    };
    const job = syncJob(this.#context, target, {
      marks: this.#marks,
      version,
      inventory,
      confirmPrune: false,
      releaseId: run.releaseId,
    });
    const pruned = await new PruneRun(this.#context.tools(session), job, decision.mode).run([...inventory.values()]);
    if (pruned.kept.length === 0) {
      await this.#reports.removed(target, session, decision, pruned.changes);
      return;
    }
    const pending = pruned.changes.find(({ action }) => action === 'PendingDeletion' || action === 'Failed');
    await this.#reports.completed(target, session, run, {
      outcome: {
        result: 'Partial',
        reason: pruned.retryable ? 'PruneFailed' : 'PendingDeletion',
        message: `${summary(pruned.changes)}. ${pending?.key ?? ''} ${pending?.message ?? ''}`,
        retryable: pruned.retryable,
        changes: pruned.changes,
        inventory: new Map(pruned.kept.map((entry) => [entry.key, entry])),
      },
    });
  }

  #run(target: TargetState, { trigger }: RemoveDecision): Run {
    const { last } = target;
    const release = this.#context.fleet.environment(target.application, target.environment).release?.data;
    const nowMs = this.#context.clock.nowMs();
    return {
      syncId: uuidv7(nowMs),
      cause: 'Removal',
      trigger,
      version: last?.version ?? release?.version ?? 0,
      renderDigest:
        last?.renderDigest !== undefined && last.renderDigest !== ''
          ? last.renderDigest
          : (release?.renderDigest ?? Digest.of('')),
      releaseId: last?.releaseId ?? release?.releaseId ?? 'removal',
      generation: Math.max(0, last?.generation ?? release?.generation ?? 0),
      startedMs: nowMs,
    };
  }
}
