// SPDX-License-Identifier: Apache-2.0
import { derivedId, Digest, InvariantError, messageOf, NotFoundError, uuidv7 } from '@plumbline/core';
import type { EventData, NewEvent, ObjectChange, SyncCause } from '@plumbline/events';
import { verifyRelease } from '@plumbline/manifest';
import type { ClusterSession } from '../clusters/cluster-session.js';
import { changeList, summary } from '../domain/changes.js';
import type { Decision } from '../domain/decide.js';
import type { Release, RenderedVersion } from '../domain/fleet-state.js';
import { type Cause, healthSignature, type TargetState } from '../domain/target-state.js';
import { intendedInventory, type Inventory } from '../domain/inventory.js';
import type { Marks } from '../domain/ownership.js';
import { type PreparedSet, prepareSet } from '../sync/prepare.js';
import { PruneRun } from '../sync/prune.js';
import { findCycle, planSync, runSync, type SyncOutcome, type SyncPlan } from '../sync/run-sync.js';
import type { SyncJob } from '../sync/tools.js';
import { BLIND, observeHealth } from './observe.js';
import type { RunnerDeps } from './runner-deps.js';

type SyncDecision = Extract<Decision, { readonly type: 'sync' }>;
type ResumeDecision = Extract<Decision, { readonly type: 'resume' }>;
type RemoveDecision = Extract<Decision, { readonly type: 'remove' }>;
type RefuseDecision = Extract<Decision, { readonly type: 'refuse' }>;

const DEFAULT_SPEC = { prune: true, selfHeal: true, timeout: '5m', allowEmpty: false, atomic: false } as const;

/** One run as its intent names it. */
interface Run {
  readonly syncId: string;
  readonly cause: SyncCause;
  readonly trigger: Pick<Cause, 'eventId' | 'correlationId'>;
  readonly version: number;
  readonly renderDigest: string;
  readonly releaseId: string;
  readonly generation: number;
  readonly startedMs: number;
}

/** The runs of one target: intent, writes, outcome. */
export class TargetSyncs {
  readonly #deps: RunnerDeps;
  readonly #marks: Marks;

  constructor(deps: RunnerDeps, marks: Marks) {
    this.#deps = deps;
    this.#marks = marks;
  }

  /** Verifies the release and the bytes, says what may come to exist, writes, says what came of it. */
  async sync(target: TargetState, session: ClusterSession, decision: SyncDecision): Promise<void> {
    const { release } = decision;
    const { data } = release;
    const version = this.#deps.fleet.environment(target.application, target.environment).versions.get(data.version);
    const wrong = this.#wrongRelease(release, version);
    if (wrong !== undefined || version === undefined) {
      await this.refuse(target, {
        type: 'refuse',
        trigger: decision.trigger,
        release,
        ...(wrong ?? { reason: 'UnknownVersion', message: `version ${data.version} is not in the log` }),
      });
      return;
    }
    await this.#deps.slots(target.cluster).run(() => this.#sync(target, session, decision, version));
  }

  async #sync(
    target: TargetState,
    session: ClusterSession,
    decision: SyncDecision,
    version: RenderedVersion,
  ): Promise<void> {
    const { data } = decision.release;
    const tools = this.#deps.tools(session);
    const inventory = await this.#deps.inventories.of(target);
    const job = this.#job(target, {
      version,
      inventory,
      confirmPrune: decision.confirmPrune,
      releaseId: data.releaseId,
    });
    const ready = await this.#prepared(target, session, job, decision);
    if (ready === undefined) return;
    const { plan } = ready;
    if (decision.cause === 'SelfHeal' && plan.writes.length === 0 && plan.prune.length === 0) return;
    const run: Run = {
      syncId: uuidv7(this.#deps.clock.nowMs()),
      cause: decision.cause,
      trigger: decision.trigger,
      version: data.version,
      renderDigest: data.renderDigest,
      releaseId: data.releaseId,
      generation: data.generation,
      startedMs: this.#deps.clock.nowMs(),
    };
    await this.#start(target, run, intendedInventory(inventory, plan.writes));
    await this.#complete(target, session, run, await runSync(tools, job, plan), plan);
  }

  /** Does a run again whose intent is in the log without an outcome, under its old id. */
  async resume(target: TargetState, session: ClusterSession, { running, superseded }: ResumeDecision): Promise<void> {
    const { data } = running;
    const run: Run = {
      syncId: data.syncId,
      cause: data.cause,
      trigger: { eventId: running.causedBy, correlationId: running.correlationId },
      version: data.version,
      renderDigest: data.renderDigest,
      releaseId: data.releaseId,
      generation: data.generation,
      startedMs: running.timeMs,
    };
    const inventory = await this.#deps.inventories.of(target);
    const version = this.#deps.fleet.environment(target.application, target.environment).versions.get(data.version);
    if (superseded || data.cause === 'Removal' || version === undefined) {
      const reason = superseded || data.cause === 'Removal' ? 'Superseded' : 'UnknownVersion';
      await this.#complete(target, session, run, {
        result: 'Failed',
        reason,
        message: 'interrupted by a restart; what comes next takes over',
        retryable: data.cause === 'Removal',
        changes: [],
        inventory,
      });
      return;
    }
    const job = this.#job(target, {
      version,
      inventory,
      confirmPrune: running.confirmPrune,
      releaseId: data.releaseId,
    });
    await this.#deps.slots(target.cluster).run(async () => {
      const tools = this.#deps.tools(session);
      const prepared = await prepareSet(tools, version);
      const plan = await planSync(tools, job, prepared);
      await this.#complete(target, session, run, await runSync(tools, job, plan), plan);
    });
  }

  /** Deletes, or lets go of, everything that the target has. */
  async remove(target: TargetState, session: ClusterSession | undefined, decision: RemoveDecision): Promise<void> {
    const inventory = await this.#deps.inventories.of(target);
    if (!decision.touch || inventory.size === 0 || session === undefined) {
      const changes = [...inventory.values()].map(({ key, apiVersion }): ObjectChange => ({
        key,
        apiVersion,
        action: 'Released',
        reason: 'LeftAlone',
      }));
      await this.#removed(target, decision, changes, session);
      return;
    }
    const { last } = target;
    const release = this.#deps.fleet.environment(target.application, target.environment).release?.data;
    const run: Run = {
      syncId: uuidv7(this.#deps.clock.nowMs()),
      cause: 'Removal',
      trigger: decision.trigger,
      version: last?.version ?? release?.version ?? 0,
      renderDigest:
        last?.renderDigest !== undefined && last.renderDigest !== ''
          ? last.renderDigest
          : (release?.renderDigest ?? Digest.of('')),
      releaseId: last?.releaseId ?? release?.releaseId ?? 'removal',
      generation: Math.max(0, last?.generation ?? release?.generation ?? 0),
      startedMs: this.#deps.clock.nowMs(),
    };
    await this.#deps.slots(target.cluster).run(async () => {
      await this.#start(target, run, inventory);
      const version: RenderedVersion = {
        version: run.version,
        renderDigest: Digest.parse(run.renderDigest),
        sourcesDigest: Digest.parse(run.renderDigest),
        createNamespace: false,
      };
      const job = this.#job(target, { version, inventory, confirmPrune: false, releaseId: run.releaseId });
      const pruned = await new PruneRun(this.#deps.tools(session), job, decision.mode).run([...inventory.values()]);
      if (pruned.kept.length === 0) {
        await this.#removed(target, decision, pruned.changes, session);
        return;
      }
      const pending = pruned.changes.find(({ action }) => action === 'PendingDeletion' || action === 'Failed');
      await this.#complete(target, session, run, {
        result: 'Partial',
        reason: pruned.retryable ? 'PruneFailed' : 'PendingDeletion',
        message: `${summary(pruned.changes)}. ${pending?.key ?? ''} ${pending?.message ?? ''}`,
        retryable: pruned.retryable,
        changes: pruned.changes,
        inventory: new Map(pruned.kept.map((entry) => [entry.key, entry])),
      });
    });
  }

  /** Says that nothing was written, and why. */
  async refuse(
    target: TargetState,
    { trigger, release, reason, message }: RefuseDecision,
    objects: readonly ObjectChange[] = [],
  ): Promise<void> {
    const { application, environment, cluster } = target;
    const { version, releaseId } = release.data;
    const data = {
      application,
      environment,
      cluster,
      version,
      releaseId,
      reason,
      message: message.slice(0, 4_000),
      objects: changeList(objects).list.inline,
    };
    await this.#deps.log.target(target, { type: 'SyncRefused', data }, { cause: trigger });
    this.#deps.metrics.refused(data);
    this.#deps.logger.warn('a sync was refused', { target: target.id, version, reason, message });
  }

  #wrongRelease(
    { data }: Release,
    version: RenderedVersion | undefined,
  ): { readonly reason: string; readonly message: string } | undefined {
    const { keyId, signature, ...statement } = data;
    if (!verifyRelease(statement, { keyId, signature }, this.#deps.config.releaseKeys)) {
      return {
        reason: 'SignatureInvalid',
        message: `release ${data.releaseId} is not signed by a key that this applier trusts (key ${keyId}): nothing is applied`,
      };
    }
    if (version !== undefined && version.renderDigest !== data.renderDigest) {
      return {
        reason: 'DigestMismatch',
        message: `release ${data.releaseId} permits ${Digest.short(data.renderDigest)}, but version ${data.version} was rendered as ${Digest.short(version.renderDigest)}`,
      };
    }
    return undefined;
  }

  /** The plan of a run; undefined when the set as a whole was refused. */
  async #prepared(
    target: TargetState,
    session: ClusterSession,
    job: SyncJob,
    decision: SyncDecision,
  ): Promise<{ readonly plan: SyncPlan } | undefined> {
    const tools = this.#deps.tools(session);
    const refuse = async (
      reason: string,
      message: string,
      objects: readonly ObjectChange[] = [],
    ): Promise<undefined> => {
      await this.refuse(
        target,
        { type: 'refuse', trigger: decision.trigger, release: decision.release, reason, message },
        objects,
      );
      return undefined;
    };
    let prepared: PreparedSet;
    try {
      prepared = await prepareSet(tools, job.version);
    } catch (error) {
      if (error instanceof InvariantError)
        return refuse('DigestMismatch', `the stored objects are not what was released: ${messageOf(error)}`);
      if (error instanceof NotFoundError)
        return refuse('ContentMissing', `the released objects are not in the object store: ${messageOf(error)}`);
      throw error;
    }
    const [first] = prepared.refused;
    if (first !== undefined)
      return refuse(
        first.reason ?? 'InvalidSet',
        prepared.refused.map(({ message }) => message ?? '').join('; '),
        prepared.refused,
      );
    this.#deps.wants(target.id, job.version.renderDigest, new Set(prepared.wanted.map(({ key }) => key)));
    const plan = await planSync(tools, job, prepared);
    const cycle = await findCycle(tools, plan);
    if (cycle.length > 0)
      return refuse('DependencyCycle', `objects depend on each other in a circle: ${cycle.join(' → ')}`);
    return { plan };
  }

  #job(
    target: TargetState,
    given: {
      readonly version: RenderedVersion;
      readonly inventory: Inventory;
      readonly confirmPrune: boolean;
      readonly releaseId: string;
    },
  ): SyncJob {
    const { fleet } = this.#deps;
    return {
      target: target.id,
      marks: this.#marks,
      version: given.version,
      inventory: given.inventory,
      confirmPrune: given.confirmPrune,
      spec: fleet.syncSpec(target.application, target.environment) ?? DEFAULT_SPEC,
      superseded: () => {
        const release = fleet.environment(target.application, target.environment).release?.data;
        return (
          release !== undefined && release.releaseId !== given.releaseId && release.clusters.includes(target.cluster)
        );
      },
      heldElsewhere: (owner) => this.#deps.heldElsewhere(owner, target.cluster),
      wantedElsewhere: (keys) => this.#deps.wantedElsewhere(target.id, keys),
    };
  }

  async #start(target: TargetState, run: Run, intended: Inventory): Promise<void> {
    const { application, environment, cluster } = target;
    const before = target.inventoryDigest;
    const blob = this.#deps.inventories.encode(target, intended);
    // An update of what is there intends nothing new.
    if (blob.digest !== before) await this.#deps.store.put([blob]);
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
      inventoryDigest: blob.digest,
      objectCount: intended.size,
    };
    await this.#deps.log.target(target, { type: 'SyncStarted', data }, { cause: run.trigger });
  }

  async #complete(
    target: TargetState,
    session: ClusterSession,
    run: Run,
    outcome: SyncOutcome,
    plan?: SyncPlan,
  ): Promise<void> {
    const { application, environment, cluster } = target;
    const { list, blob } = changeList(outcome.changes);
    const inventory = this.#deps.inventories.encode(target, outcome.inventory);
    await this.#deps.store.put([blob, inventory]);
    const { syncId, version, renderDigest, cause } = run;
    const data: EventData<'SyncCompleted'> = {
      application,
      environment,
      cluster,
      syncId,
      version,
      renderDigest,
      cause,
      result: outcome.result,
      reason: outcome.reason,
      message: outcome.message.slice(0, 4_000),
      changes: list,
      inventoryDigest: inventory.digest,
      objectCount: outcome.inventory.size,
      durationMs: Math.max(0, Math.round(this.#deps.clock.nowMs() - run.startedMs)),
      retryable: outcome.retryable,
    };
    const events: NewEvent[] = [...(await this.#health(target, session, outcome)), { type: 'SyncCompleted', data }];
    await this.#deps.log.target(target, events, {
      cause: run.trigger,
      requestId: derivedId(run.startedMs, 'SyncCompleted', syncId),
    });
    this.#deps.metrics.completed(data);
    this.#deps.logger.info('sync completed', {
      target: target.id,
      version,
      cause,
      result: outcome.result,
      reason: outcome.reason,
      durationMs: data.durationMs,
    });
    this.#free(
      target,
      session,
      [...(plan?.prepared.wanted ?? []), ...(plan?.prune ?? [])]
        .map(({ key }) => key)
        .filter((key) => !outcome.inventory.has(key)),
    );
  }

  /**
   * The health that the writes have led to, in the same append as the outcome and before it: whoever sees a version as synced must not
   * see the health of the version before it.
   */
  async #health(target: TargetState, session: ClusterSession, outcome: SyncOutcome): Promise<readonly NewEvent[]> {
    const seen = await observeHealth(this.#deps.tools(session), outcome.inventory);
    const report = seen?.report ?? BLIND;
    if (healthSignature(report) === target.health?.signature) return [];
    const { application, environment, cluster } = target;
    return [{ type: 'HealthChanged', data: { application, environment, cluster, ...report } }];
  }

  async #removed(
    target: TargetState,
    decision: RemoveDecision,
    changes: readonly ObjectChange[],
    session: ClusterSession | undefined,
  ): Promise<void> {
    const { application, environment, cluster } = target;
    const { list, blob } = changeList(changes);
    await this.#deps.store.put([blob]);
    const data: EventData<'TargetRemoved'> = { application, environment, cluster, mode: decision.mode, changes: list };
    await this.#deps.log.target(target, { type: 'TargetRemoved', data }, { cause: decision.trigger });
    this.#deps.logger.info('target removed', { target: target.id, mode: decision.mode });
    if (session !== undefined)
      this.#free(
        target,
        session,
        [...session.claims].filter(([, owner]) => owner === target.id).map(([key]) => key),
      );
  }

  /** Gives up claims; whoever waits for them is told. */
  #free(target: TargetState, session: ClusterSession, keys: readonly string[]): void {
    const freed = keys.filter((key) => session.claims.get(key) === target.id);
    for (const key of freed) session.claims.delete(key);
    if (freed.length > 0) this.#deps.freed(target.cluster, freed);
  }
}
