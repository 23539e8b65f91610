// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { ChangeResult, PlanResult, RollbackResult } from '@plumbline/api-contract';
import { NotFoundError, StreamName } from '@plumbline/core';
import { versionKey } from '@plumbline/read-models';
import { request, requireApplication } from './request.js';
import { notFound, noVersion } from '../read-side/read-model.js';
import type { Principal } from '../state/access-book.js';
import { type Accepted, LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { waitForOutcome } from '../state/outcome-wait.js';
import { collectPlans, collectRollback } from './outcomes.js';
import { expectedTargets } from './expected-targets.js';

/** What to plan. */
export interface PlanInput {
  readonly application: string;
  readonly environment?: string | undefined;
  readonly version?: number | undefined;
  readonly timeoutMs: number;
}

/** What to sync. */
export interface SyncInput {
  readonly application: string;
  readonly environment?: string | undefined;
  readonly cluster?: string | undefined;
  readonly confirmPrune: boolean;
}

/** The version to roll back to. */
export interface RollbackInput {
  readonly application: string;
  readonly toVersion: number;
  readonly environment?: string | undefined;
  readonly reason?: string | undefined;
  readonly timeoutMs: number;
}

/** Appends requests of callers as events, and waits for the outcome that the deciding service appends. */
@Injectable()
export class ActionsService {
  readonly #access: LogAccess;

  constructor(@Inject(LOG_ACCESS) access: LogAccess) {
    this.#access = access;
  }

  async plan(principal: Principal, input: PlanInput): Promise<PlanResult> {
    const application = await requireApplication(this.#access, input.application, input.environment);
    const expected = expectedTargets(this.#access.state.views, application, input);
    const { environment, version } = input;
    const accepted = await request(this.#access, principal, StreamName.application(application.id), {
      type: 'PlanRequested',
      data: {
        application: application.id,
        ...(environment === undefined ? {} : { environment }),
        ...(version === undefined ? {} : { version }),
      },
    });
    const plans = collectPlans(expected);
    if (!plans.settled)
      await waitForOutcome(this.#access, {
        accepted,
        timeoutMs: input.timeoutMs,
        onOutcome: (event) => plans.add(event),
      });
    return { ...accepted, complete: plans.complete, plans: plans.all };
  }

  async sync(principal: Principal, input: SyncInput): Promise<Accepted> {
    const application = await requireApplication(this.#access, input.application, input.environment);
    const { environment, cluster, confirmPrune } = input;
    if (cluster !== undefined) {
      const targets = [...this.#access.state.views.scan('target', `${application.id}/`)].map(([, target]) => target);
      const known = targets.some(
        (target) => target.cluster === cluster && (environment === undefined || target.environment === environment),
      );
      if (!known)
        throw new NotFoundError(
          'PLB-3108',
          `application "${application.id}" has no target on cluster "${cluster}"${environment === undefined ? '' : ` in ${environment}`}`,
        );
    }
    return request(this.#access, principal, StreamName.application(application.id), {
      type: 'SyncRequested',
      data: {
        application: application.id,
        confirmPrune,
        ...(environment === undefined ? {} : { environment }),
        ...(cluster === undefined ? {} : { cluster }),
      },
    });
  }

  async rollback(principal: Principal, input: RollbackInput): Promise<RollbackResult> {
    const application = await requireApplication(this.#access, input.application, input.environment);
    const { environment, reason, toVersion } = input;
    if ([...this.#access.state.views.scan('version', versionKey(application.id, toVersion, ''))].length === 0)
      throw noVersion(application.id, toVersion);
    const accepted = await request(this.#access, principal, StreamName.application(application.id), {
      type: 'RollbackRequested',
      data: {
        application: application.id,
        toVersion,
        ...(environment === undefined ? {} : { environment }),
        ...(reason === undefined ? {} : { reason }),
      },
    });
    const answer = collectRollback();
    await waitForOutcome(this.#access, {
      accepted,
      timeoutMs: input.timeoutMs,
      onOutcome: (event) => answer.add(event),
    });
    return { ...accepted, ...answer.result };
  }

  async suspend(principal: Principal, id: string, reason: string | undefined): Promise<ChangeResult> {
    const application = await requireApplication(this.#access, id);
    if (application.suspended !== undefined) return { action: 'unchanged', position: this.#access.position };
    const { position } = await request(this.#access, principal, StreamName.application(application.id), {
      type: 'ApplicationSuspended',
      data: { application: application.id, ...(reason === undefined ? {} : { reason }) },
    });
    return { action: 'suspended', position };
  }

  async resume(principal: Principal, id: string): Promise<ChangeResult> {
    const application = await requireApplication(this.#access, id);
    if (application.suspended === undefined) return { action: 'unchanged', position: this.#access.position };
    const { position } = await request(this.#access, principal, StreamName.application(application.id), {
      type: 'ApplicationResumed',
      data: { application: application.id },
    });
    return { action: 'resumed', position };
  }

  async refresh(principal: Principal, repository: string): Promise<Accepted> {
    await this.#access.refresh();
    if (this.#access.state.views.get('repository', repository) === undefined) throw notFound('repository', repository);
    return request(this.#access, principal, StreamName.repository(repository), {
      type: 'RefreshRequested',
      data: { repository, source: 'User' },
    });
  }
}
