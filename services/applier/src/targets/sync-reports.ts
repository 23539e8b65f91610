// SPDX-License-Identifier: Apache-2.0
import { derivedId } from '@plumbline/core';
import type { EventData, NewEvent, ObjectChange, SyncCause } from '@plumbline/events';
import type { ClusterSession } from '../clusters/cluster-session.js';
import type { Cause } from '../domain/cause.js';
import { changeList } from '../domain/changes.js';
import type { Decision } from '../domain/decide.js';
import type { Inventory } from '../domain/inventory.js';
import { healthSignature, type TargetState } from '../domain/target-state.js';
import type { SyncOutcome } from '../sync/outcome.js';
import type { SyncPlan } from '../sync/sync-plan.js';
import { NOT_WATCHED, observeHealth } from './observe.js';
import type { TargetContext } from './target-context.js';

/** A decision to refuse a sync. */
export type RefuseDecision = Extract<Decision, { readonly type: 'refuse' }>;
/** A decision to remove a target. */
export type RemoveDecision = Extract<Decision, { readonly type: 'remove' }>;

/** One run as its SyncStarted event describes it. */
export interface Run {
  readonly syncId: string;
  readonly cause: SyncCause;
  readonly trigger: Pick<Cause, 'eventId' | 'correlationId'>;
  readonly version: number;
  readonly renderDigest: string;
  readonly releaseId: string;
  readonly generation: number;
  readonly startedMs: number;
}

/** Records the runs of targets in the log: start, outcome, refusal and removal. */
export class SyncReports {
  readonly #context: TargetContext;

  constructor(context: TargetContext) {
    this.#context = context;
  }

  /**
   * Records that a run starts, with every object that may exist afterwards. Must resolve before the first write of
   * the run.
   */
  async started(target: TargetState, run: Run, intended: Inventory): Promise<void> {
    const { application, environment, cluster } = target;
    const before = target.inventoryDigest;
    const content = this.#context.inventories.encode(target, intended);
    // An update of existing objects does not change the intended inventory.
    if (content.digest !== before) await this.#context.store.put([content]);
    const { syncId, version, releaseId, generation, renderDigest, cause } = run;
    const data: EventData<'SyncStarted'> = {
      application,
      environment,
      cluster,
      syncId,
      version,
      releaseId,
      generation,
      renderDigest,
      cause,
      inventoryDigest: content.digest,
      objectCount: intended.size,
    };
    await this.#context.log.target(target, { type: 'SyncStarted', data }, { cause: run.trigger });
  }

  /**
   * Records the outcome of a run and the health after it, and drops the ownership of objects that are no longer in
   * the inventory.
   */
  async completed(
    target: TargetState,
    session: ClusterSession,
    run: Run,
    { outcome, plan }: { readonly outcome: SyncOutcome; readonly plan?: SyncPlan },
  ): Promise<void> {
    const { application, environment, cluster } = target;
    const { list, blob } = changeList(outcome.changes);
    const inventory = this.#context.inventories.encode(target, outcome.inventory);
    await this.#context.store.put([blob, inventory]);
    const { syncId, version, renderDigest, cause } = run;
    const { result, reason, retryable } = outcome;
    const data: EventData<'SyncCompleted'> = {
      application,
      environment,
      cluster,
      syncId,
      version,
      renderDigest,
      cause,
      result,
      reason,
      message: outcome.message.slice(0, 4_000),
      changes: list,
      inventoryDigest: inventory.digest,
      objectCount: outcome.inventory.size,
      durationMs: Math.max(0, Math.round(this.#context.clock.nowMs() - run.startedMs)),
      retryable,
    };
    const events: NewEvent[] = [...(await this.#health(target, session, outcome)), { type: 'SyncCompleted', data }];
    await this.#context.log.target(target, events, {
      cause: run.trigger,
      requestId: derivedId(run.startedMs, 'SyncCompleted', syncId),
    });
    this.#context.metrics.completed(data);
    const { durationMs } = data;
    this.#context.logger.info('sync completed', { target: target.id, version, cause, result, reason, durationMs });
    const planned = [...(plan?.prepared.wanted ?? []), ...(plan?.prune ?? [])].map(({ key }) => key);
    this.#drop(
      target,
      session,
      planned.filter((key) => !outcome.inventory.has(key)),
    );
  }

  /** Records that a sync was refused before any write. */
  async refused(
    target: TargetState,
    { trigger, release, reason, message }: RefuseDecision,
    objects: readonly ObjectChange[] = [],
  ): Promise<void> {
    const { application, environment, cluster } = target;
    const { version, releaseId } = release.data;
    const data: EventData<'SyncRefused'> = {
      application,
      environment,
      cluster,
      version,
      releaseId,
      reason,
      message: message.slice(0, 4_000),
      objects: changeList(objects).list.inline,
    };
    await this.#context.log.target(target, { type: 'SyncRefused', data }, { cause: trigger });
    this.#context.metrics.refused(data);
    this.#context.logger.warn('a sync was refused', { target: target.id, version, reason, message });
  }

  /** Records that a target is removed, and drops the ownership of all its objects. */
  async removed(
    target: TargetState,
    session: ClusterSession | undefined,
    decision: RemoveDecision,
    changes: readonly ObjectChange[],
  ): Promise<void> {
    const { application, environment, cluster } = target;
    const { list, blob } = changeList(changes);
    await this.#context.store.put([blob]);
    const data: EventData<'TargetRemoved'> = { application, environment, cluster, mode: decision.mode, changes: list };
    await this.#context.log.target(target, { type: 'TargetRemoved', data }, { cause: decision.trigger });
    this.#context.logger.info('target removed', { target: target.id, mode: decision.mode });
    if (session === undefined) return;
    this.#drop(target, session, this.#context.ownership.claimsOf(session).keysOf(target.id));
  }

  /**
   * Returns the event with the health after the writes. It is appended before the outcome in the same request: a
   * reader that sees a
   * version as synced must not see the health of the version before it.
   */
  async #health(target: TargetState, session: ClusterSession, outcome: SyncOutcome): Promise<readonly NewEvent[]> {
    const observed = await observeHealth(this.#context.tools(session), outcome.inventory);
    const report = observed?.report ?? NOT_WATCHED;
    if (healthSignature(report) === target.health?.signature) return [];
    const { application, environment, cluster } = target;
    return [{ type: 'HealthChanged', data: { application, environment, cluster, ...report } }];
  }

  #drop(target: TargetState, session: ClusterSession, keys: readonly string[]): void {
    const dropped = this.#context.ownership.claimsOf(session).drop(target.id, keys);
    if (dropped.length > 0) this.#context.onKeysDropped(target.cluster, dropped);
  }
}
