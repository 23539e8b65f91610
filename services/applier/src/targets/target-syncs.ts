// SPDX-License-Identifier: Apache-2.0
import { Digest, InvariantError, messageOf, NotFoundError, uuidv7 } from '@plumbline/core';
import type { ObjectChange } from '@plumbline/events';
import { verifyRelease } from '@plumbline/manifest';
import { traced } from '@plumbline/reactor';
import type { ClusterSession } from '../clusters/cluster-session.js';
import type { Decision } from '../domain/decide.js';
import type { Release, RenderedVersion } from '../domain/fleet.js';
import { intendedInventory } from '../domain/inventory.js';
import type { Marks } from '../domain/owner-marks.js';
import type { TargetState } from '../domain/target-state.js';
import { type PreparedSet, prepareSet } from '../ownership/prepared-set.js';
import { runSync } from '../sync/run-sync.js';
import { findCycle, planSync, type SyncPlan } from '../sync/sync-plan.js';
import type { SyncJob } from '../sync/tools.js';
import { syncJob } from './sync-job.js';
import type { Run, SyncReports } from './sync-reports.js';
import { spanAttributes, type TargetContext } from './target-context.js';

type SyncDecision = Extract<Decision, { readonly type: 'sync' }>;
type ResumeDecision = Extract<Decision, { readonly type: 'resume' }>;

/** The syncs of one target. */
export class TargetSyncs {
  readonly #context: TargetContext;
  readonly #marks: Marks;
  readonly #reports: SyncReports;

  constructor(context: TargetContext, marks: Marks, reports: SyncReports) {
    this.#context = context;
    this.#marks = marks;
    this.#reports = reports;
  }

  /**
   * Verifies the release and its objects, records every object that may exist afterwards, writes, and records the
   * outcome.
   */
  async sync(target: TargetState, session: ClusterSession, decision: SyncDecision): Promise<void> {
    const { release, trigger } = decision;
    const { data } = release;
    const { versions } = this.#context.fleet.environment(target.application, target.environment);
    const version = versions.get(data.version);
    const wrong = this.#wrongRelease(release, version);
    if (wrong === undefined && version !== undefined) return this.#sync(target, session, decision, version);
    const unknown = { reason: 'UnknownVersion', message: `version ${data.version} is not in the log` };
    return this.#reports.refused(target, { type: 'refuse', trigger, release, ...(wrong ?? unknown) });
  }

  async #sync(
    target: TargetState,
    session: ClusterSession,
    decision: SyncDecision,
    version: RenderedVersion,
  ): Promise<void> {
    const { data } = decision.release;
    const inventory = await this.#context.inventories.of(target);
    const { confirmPrune } = decision;
    const { releaseId } = data;
    const job = syncJob(this.#context, target, { marks: this.#marks, version, inventory, confirmPrune, releaseId });
    const { correlationId } = decision.trigger;
    const { tracer } = this.#context;
    const attributes = spanAttributes(target, data.version);
    const plan = await traced(tracer, { name: 'plan', correlationId, attributes }, async () =>
      this.#planned(target, session, job, decision),
    );
    if (plan === undefined) return;
    if (decision.cause === 'SelfHeal' && plan.writes.length === 0 && plan.prune.length === 0) return;
    const startedMs = this.#context.clock.nowMs();
    const run: Run = {
      syncId: uuidv7(startedMs),
      cause: decision.cause,
      trigger: decision.trigger,
      version: data.version,
      renderDigest: data.renderDigest,
      releaseId,
      generation: data.generation,
      startedMs,
    };
    await this.#reports.started(target, run, intendedInventory(inventory, plan.writes));
    await this.#apply(target, session, { run, job, plan });
  }

  /** Repeats a run that was started and has no outcome, under the same id. */
  async resume(target: TargetState, session: ClusterSession, { running, superseded }: ResumeDecision): Promise<void> {
    const { data, confirmPrune } = running;
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
    const inventory = await this.#context.inventories.of(target);
    const { versions } = this.#context.fleet.environment(target.application, target.environment);
    const version = versions.get(data.version);
    const isSuperseded = superseded || data.cause === 'Removal';
    if (isSuperseded || version === undefined) {
      await this.#reports.completed(target, session, run, {
        outcome: {
          result: 'Failed',
          reason: isSuperseded ? 'Superseded' : 'UnknownVersion',
          message: 'interrupted by a restart of the applier; the next sync replaces it',
          retryable: data.cause === 'Removal',
          changes: [],
          inventory,
        },
      });
      return;
    }
    const { releaseId } = data;
    const job = syncJob(this.#context, target, { marks: this.#marks, version, inventory, confirmPrune, releaseId });
    const tools = this.#context.tools(session);
    const plan = await planSync(tools, job, await prepareSet(tools, version));
    await this.#apply(target, session, { run, job, plan });
  }

  async #apply(
    target: TargetState,
    session: ClusterSession,
    { run, job, plan }: { readonly run: Run; readonly job: SyncJob; readonly plan: SyncPlan },
  ): Promise<void> {
    const { correlationId } = run.trigger;
    const attributes = { ...spanAttributes(target, run.version), 'plumbline.sync': run.syncId };
    await traced(this.#context.tracer, { name: 'apply', correlationId, attributes }, async (span) => {
      const outcome = await runSync(this.#context.tools(session), job, plan);
      span.setAttribute('plumbline.result', outcome.result);
      await this.#reports.completed(target, session, run, { outcome, plan });
    });
  }

  #wrongRelease(
    { data }: Release,
    version: RenderedVersion | undefined,
  ): { readonly reason: string; readonly message: string } | undefined {
    const { keyId, signature, ...statement } = data;
    if (!verifyRelease(statement, { keyId, signature }, this.#context.config.releaseKeys)) {
      return {
        reason: 'SignatureInvalid',
        message: `release ${data.releaseId} is not signed by a key that this applier trusts (key ${keyId}); nothing is applied`,
      };
    }
    if (version !== undefined && version.renderDigest !== data.renderDigest) {
      return {
        reason: 'DigestMismatch',
        message: `release ${data.releaseId} permits ${Digest.short(data.renderDigest)}, but version ${data.version} was rendered as ${Digest.short(version.renderDigest)}; nothing is applied`,
      };
    }
    return undefined;
  }

  /** Returns the plan of a run, or refuses the sync and returns undefined. */
  async #planned(
    target: TargetState,
    session: ClusterSession,
    job: SyncJob,
    { trigger, release }: SyncDecision,
  ): Promise<SyncPlan | undefined> {
    const tools = this.#context.tools(session);
    const refuse = async (reason: string, message: string, objects?: readonly ObjectChange[]): Promise<undefined> => {
      await this.#reports.refused(target, { type: 'refuse', trigger, release, reason, message }, objects);
      return undefined;
    };
    let prepared: PreparedSet;
    try {
      prepared = await prepareSet(tools, job.version);
    } catch (error) {
      if (error instanceof InvariantError)
        return refuse('DigestMismatch', `the stored objects are not the released objects: ${messageOf(error)}`);
      if (error instanceof NotFoundError)
        return refuse('ContentMissing', `the released objects are not in the object store: ${messageOf(error)}`);
      throw error;
    }
    const [first] = prepared.refused;
    if (first !== undefined) {
      const messages = prepared.refused.map(({ message }) => message ?? '').join('; ');
      return refuse(first.reason ?? 'InvalidSet', messages, prepared.refused);
    }
    const wanted = new Set(prepared.wanted.map(({ key }) => key));
    this.#context.ownership.recordWanted(target.id, job.version.renderDigest, wanted);
    const plan = await planSync(tools, job, prepared);
    const cycle = await findCycle(tools, plan);
    if (cycle.length > 0)
      return refuse('DependencyCycle', `objects depend on each other in a circle: ${cycle.join(' → ')}`);
    return plan;
  }
}
