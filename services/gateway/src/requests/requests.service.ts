// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { ApprovalResult, ChangeResult, PlanResult, RollbackResult } from '@plumbline/api-contract';
import { ConflictError, NotFoundError, StreamName } from '@plumbline/core';
import type { NewEvent } from '@plumbline/events';
import { type ApplicationView, versionKey, type VersionView } from '@plumbline/read-models';
import { actorOf } from '../api/principal.js';
import { notFound } from '../reads/read-model.js';
import type { Principal } from '../state/access-book.js';
import { type Accepted, LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { waitForOutcome } from '../state/outcome-wait.js';
import { collectApproval, collectPlans, collectRollback } from './outcomes.js';
import { expectedTargets } from './expected-targets.js';

/** Which version to approve or reject. */
export interface ApprovalInput {
  readonly application: string;
  readonly version: number;
  readonly verdict: 'Approve' | 'Reject';
  readonly environment?: string | undefined;
  readonly renderDigest?: string | undefined;
  readonly comment?: string | undefined;
  readonly timeoutMs: number;
}

export interface PlanInput {
  readonly application: string;
  readonly environment?: string | undefined;
  readonly version?: number | undefined;
  readonly timeoutMs: number;
}

export interface SyncInput {
  readonly application: string;
  readonly environment?: string | undefined;
  readonly cluster?: string | undefined;
  readonly confirmPrune: boolean;
}

export interface RollbackInput {
  readonly application: string;
  readonly toVersion: number;
  readonly environment?: string | undefined;
  readonly reason?: string | undefined;
  readonly timeoutMs: number;
}

/** Turns what people ask for into events of intent, and waits for the answers of the services that decide. */
@Injectable()
export class RequestsService {
  readonly #access: LogAccess;

  constructor(@Inject(LOG_ACCESS) access: LogAccess) {
    this.#access = access;
  }

  async plan(principal: Principal, input: PlanInput): Promise<PlanResult> {
    const application = await this.#application(input.application, input.environment);
    const expected = expectedTargets(this.#access.state.views, application, input);
    const { environment, version } = input;
    const accepted = await this.#request(principal, StreamName.application(application.id), {
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

  async submit(principal: Principal, input: ApprovalInput): Promise<ApprovalResult> {
    const application = await this.#application(input.application, input.environment);
    const version = this.#waitingVersion(application, input);
    const { environment, renderDigest: current } = version;
    const renderDigest = input.renderDigest ?? current;
    const accepted = await this.#request(principal, StreamName.version(application.id, input.version), {
      type: 'ApprovalSubmitted',
      data: {
        application: application.id,
        environment,
        version: input.version,
        verdict: input.verdict,
        renderDigest,
        ...(input.comment === undefined ? {} : { comment: input.comment }),
      },
    });
    const answer = collectApproval();
    await waitForOutcome(this.#access, {
      accepted,
      timeoutMs: input.timeoutMs,
      onOutcome: (event) => answer.add(event),
    });
    return { ...accepted, environment, version: input.version, renderDigest, ...answer.result };
  }

  async sync(principal: Principal, input: SyncInput): Promise<Accepted> {
    const application = await this.#application(input.application, input.environment);
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
    return this.#request(principal, StreamName.application(application.id), {
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
    const application = await this.#application(input.application, input.environment);
    const { environment, reason, toVersion } = input;
    if ([...this.#access.state.views.scan('version', versionKey(application.id, toVersion, ''))].length === 0)
      throw noVersion(application.id, toVersion);
    const accepted = await this.#request(principal, StreamName.application(application.id), {
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
    const application = await this.#application(id);
    if (application.suspended !== undefined) return { action: 'unchanged', position: this.#access.position };
    const { position } = await this.#request(principal, StreamName.application(application.id), {
      type: 'ApplicationSuspended',
      data: { application: application.id, ...(reason === undefined ? {} : { reason }) },
    });
    return { action: 'suspended', position };
  }

  async resume(principal: Principal, id: string): Promise<ChangeResult> {
    const application = await this.#application(id);
    if (application.suspended === undefined) return { action: 'unchanged', position: this.#access.position };
    const { position } = await this.#request(principal, StreamName.application(application.id), {
      type: 'ApplicationResumed',
      data: { application: application.id },
    });
    return { action: 'resumed', position };
  }

  async refresh(principal: Principal, repository: string): Promise<Accepted> {
    await this.#access.refresh();
    if (this.#access.state.views.get('repository', repository) === undefined) throw notFound('repository', repository);
    return this.#request(principal, StreamName.repository(repository), {
      type: 'RefreshRequested',
      data: { repository, source: 'User' },
    });
  }

  #request(principal: Principal, stream: string, event: NewEvent): Promise<Accepted> {
    return this.#access.append({
      actor: actorOf(principal),
      items: [{ stream, expected: { type: 'any' }, events: [event] }],
    });
  }

  async #application(id: string, environment?: string): Promise<ApplicationView> {
    await this.#access.refresh();
    const application = this.#access.state.views.get('application', id);
    if (application === undefined) throw notFound('application', id);
    if (environment !== undefined && application.environments[environment] === undefined) {
      throw new NotFoundError(
        'PLB-3107',
        `application "${id}" has no environment "${environment}"; it has ${Object.keys(application.environments).join(', ')}`,
      );
    }
    return application;
  }

  /** The environment is taken from the state only when there is one answer; whether the version may be approved, policy decides. */
  #waitingVersion(application: ApplicationView, { version, environment }: ApprovalInput): VersionView {
    const { views } = this.#access.state;
    const everywhere = [...views.scan('version', versionKey(application.id, version, ''))].map(
      ([, document]) => document,
    );
    if (everywhere.length === 0) throw noVersion(application.id, version);
    if (environment !== undefined) {
      const found = everywhere.find((document) => document.environment === environment);
      if (found === undefined) throw noVersion(application.id, version, environment);
      return found;
    }
    const waiting = everywhere.filter(({ decision }) => decision.state === 'WaitingApproval');
    const [only] = waiting;
    if (only !== undefined && waiting.length === 1) return only;
    const found =
      waiting.length === 0
        ? 'in no environment'
        : `in several environments (${waiting.map((document) => document.environment).join(', ')}): say in which`;
    throw new ConflictError('PLB-4703', `version ${version} of "${application.id}" waits for approval ${found}`);
  }
}

/** The answer for a version that does not exist. */
export function noVersion(application: string, version: number, environment?: string): NotFoundError {
  const where = environment === undefined ? '' : ` in environment "${environment}"`;
  return new NotFoundError('PLB-3102', `application "${application}" has no version ${version}${where}`, {
    details: { application, version },
  });
}
