// SPDX-License-Identifier: Apache-2.0
import { derivedId, messageOf, PlumblineError } from '@plumbline/core';
import { traced } from '@plumbline/reactor';
import type { ClusterSession } from '../clusters/cluster-session.js';
import { changeList } from '../domain/changes.js';
import type { PlanJob, RenderedVersion } from '../domain/fleet.js';
import type { TargetState } from '../domain/target-state.js';
import type { Marks } from '../domain/owner-marks.js';
import { type ComputedPlan, computePlan } from '../sync/dry-run.js';
import { prepareSet } from '../ownership/prepared-set.js';
import { syncJob } from './sync-job.js';
import { spanAttributes, type TargetContext } from './target-context.js';

/** Older plans are dropped: their requesters have given up, and the log does not deduplicate requests of this age. */
const MAX_AGE_MS = 7 * 24 * 3_600_000;

/** Computes the requested plans of one target. */
export class TargetPlans {
  readonly #context: TargetContext;
  readonly #marks: Marks;

  constructor(context: TargetContext, marks: Marks) {
    this.#context = context;
    this.#marks = marks;
  }

  /** Computes the oldest requested plan. Returns false if there is none. */
  async next(target: TargetState, session: ClusterSession): Promise<boolean> {
    const { fleet, clock } = this.#context;
    const job = fleet.nextPlan(target.id);
    if (job === undefined) return false;
    if (clock.nowMs() - job.timeMs <= MAX_AGE_MS) await this.#compute(target, session, job);
    fleet.dropPlan(job);
    return true;
  }

  async #compute(target: TargetState, session: ClusterSession, job: PlanJob): Promise<void> {
    const { application, environment, cluster } = target;
    const { fleet } = this.#context;
    const number = job.version ?? fleet.latestVersion(application, environment) ?? 0;
    const version = fleet.environment(application, environment).versions.get(number);
    const context = { cause: job, requestId: derivedId(job.timeMs, 'plan', job.eventId, target.id) };
    const fail = async (reason: string, message: string): Promise<void> => {
      await this.#context.log.target(
        target,
        {
          type: 'PlanFailed',
          data: { application, environment, cluster, version: number, reason, message: message.slice(0, 4_000) },
        },
        context,
      );
      this.#context.metrics.planned(cluster, 'failed');
    };
    if (version === undefined)
      return fail(
        'UnknownVersion',
        job.version === undefined
          ? `no version of ${application} is rendered for ${environment} yet`
          : `${application} has no version ${number} for ${environment}`,
      );
    try {
      const { correlationId } = job;
      const attributes = spanAttributes(target, number);
      const plan = await traced(this.#context.tracer, { name: 'plan', correlationId, attributes }, async () =>
        this.#plan(target, session, version),
      );
      const { list, blob } = changeList(plan.changes);
      await this.#context.store.put([blob]);
      const guard = plan.guard === undefined ? {} : { guard: plan.guard };
      const data = {
        application,
        environment,
        cluster,
        version: number,
        renderDigest: version.renderDigest,
        planDigest: plan.planDigest,
        partial: plan.partial,
        changes: list,
        ...guard,
      };
      await this.#context.log.target(target, { type: 'PlanComputed', data }, context);
      this.#context.metrics.planned(cluster, 'computed');
    } catch (error) {
      if (error instanceof PlumblineError && error.httpStatus === 409) throw error;
      session.suspect();
      await fail(error instanceof PlumblineError ? error.code : 'Error', messageOf(error));
    }
    return undefined;
  }

  async #plan(target: TargetState, session: ClusterSession, version: RenderedVersion): Promise<ComputedPlan> {
    const tools = this.#context.tools(session);
    const prepared = await prepareSet(tools, version);
    const inventory = await this.#context.inventories.of(target);
    const job = syncJob(this.#context, target, { marks: this.#marks, version, inventory, confirmPrune: false });
    return computePlan(tools, job, prepared);
  }
}
