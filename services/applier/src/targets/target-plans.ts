// SPDX-License-Identifier: Apache-2.0
import { derivedId, messageOf, PlumblineError } from '@plumbline/core';
import type { ClusterSession } from '../clusters/cluster-session.js';
import { changeList } from '../domain/changes.js';
import type { PlanJob, RenderedVersion } from '../domain/fleet-state.js';
import type { TargetState } from '../domain/target-state.js';
import type { Marks } from '../domain/ownership.js';
import { computePlan } from '../sync/plan.js';
import { prepareSet } from '../sync/prepare.js';
import type { RunnerDeps } from './runner-deps.js';

/** Plans older than this are not computed any more: nobody waits, and the log would not recognise a repeat. */
const MAX_AGE_MS = 7 * 24 * 3_600_000;

/** Answers the plans that somebody asked for. */
export class TargetPlans {
  readonly #deps: RunnerDeps;
  readonly #marks: Marks;

  constructor(deps: RunnerDeps, marks: Marks) {
    this.#deps = deps;
    this.#marks = marks;
  }

  /** Answers the oldest open plan; false when there is none. */
  async next(target: TargetState, session: ClusterSession): Promise<boolean> {
    const jobs = this.#deps.fleet.plans.get(target.id);
    const job = jobs?.values().next().value;
    if (jobs === undefined || job === undefined) return false;
    if (this.#deps.clock.nowMs() - job.timeMs > MAX_AGE_MS) {
      jobs.delete(job.eventId);
      return true;
    }
    await this.#answer(target, session, job);
    jobs.delete(job.eventId);
    return true;
  }

  async #answer(target: TargetState, session: ClusterSession, job: PlanJob): Promise<void> {
    const { application, environment, cluster } = target;
    const state = this.#deps.fleet.environment(application, environment);
    const number = job.version ?? state.latest ?? 0;
    const version = state.versions.get(number);
    const context = { cause: job, requestId: derivedId(job.timeMs, 'plan', job.eventId, target.id) };
    const fail = async (reason: string, message: string): Promise<void> => {
      await this.#deps.log.target(
        target,
        {
          type: 'PlanFailed',
          data: { application, environment, cluster, version: number, reason, message: message.slice(0, 4_000) },
        },
        context,
      );
    };
    if (version === undefined)
      return fail(
        'UnknownVersion',
        job.version === undefined
          ? `nothing is rendered for ${environment} yet`
          : `there is no version ${number} of ${environment}`,
      );
    try {
      const { plan, renderDigest } = await this.#compute(target, session, version);
      const { list, blob } = changeList(plan.changes);
      await this.#deps.store.put([blob]);
      const guard = plan.guard === undefined ? {} : { guard: plan.guard };
      const data = {
        application,
        environment,
        cluster,
        version: number,
        renderDigest,
        planDigest: plan.planDigest,
        partial: plan.partial,
        changes: list,
        ...guard,
      };
      await this.#deps.log.target(target, { type: 'PlanComputed', data }, context);
    } catch (error) {
      if (error instanceof PlumblineError && error.httpStatus === 409) throw error;
      session.suspect();
      await fail(error instanceof PlumblineError ? error.code : 'Error', messageOf(error));
    }
    return undefined;
  }

  async #compute(
    target: TargetState,
    session: ClusterSession,
    version: RenderedVersion,
  ): Promise<{ readonly plan: Awaited<ReturnType<typeof computePlan>>; readonly renderDigest: string }> {
    const deps = this.#deps;
    const tools = deps.tools(session);
    const spec = deps.fleet.syncSpec(target.application, target.environment) ?? {
      prune: true,
      selfHeal: true,
      timeout: '5m',
      allowEmpty: false,
      atomic: false,
    };
    const prepared = await prepareSet(tools, version);
    const plan = await computePlan(
      tools,
      {
        target: target.id,
        marks: this.#marks,
        version,
        inventory: await deps.inventories.of(target),
        spec,
        confirmPrune: false,
        superseded: () => false,
        heldElsewhere: (owner) => deps.heldElsewhere(owner, target.cluster),
        wantedElsewhere: (keys) => deps.wantedElsewhere(target.id, keys),
      },
      prepared,
    );
    return { plan, renderDigest: version.renderDigest };
  }
}
