// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { ApprovalResult, Page } from '@plumbline/api-contract';
import { ConflictError, StreamName } from '@plumbline/core';
import { type ApplicationView, type ApprovalView, versionKey, type VersionView } from '@plumbline/read-models';
import { request, requireApplication } from '../actions/request.js';
import { type ListQuery, noVersion, ReadModel } from '../read-side/read-model.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { waitForOutcome } from '../state/outcome-wait.js';
import { collectApproval } from './approval-outcome.js';

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

/** Lists versions that wait for approvals, and submits approvals and rejections to the policy service. */
@Injectable()
export class ApprovalsService {
  readonly #reads: ReadModel;
  readonly #access: LogAccess;

  constructor(@Inject(ReadModel) reads: ReadModel, @Inject(LOG_ACCESS) access: LogAccess) {
    this.#reads = reads;
    this.#access = access;
  }

  list(input: ListQuery & { readonly application?: string | undefined }): Promise<Page<ApprovalView>> {
    const { application, ...query } = input;
    return this.#reads.list('approval', {
      ...query,
      keyPrefix: application === undefined ? undefined : `${application}/`,
    });
  }

  async submit(principal: Principal, input: ApprovalInput): Promise<ApprovalResult> {
    const application = await requireApplication(this.#access, input.application, input.environment);
    const version = this.#waitingVersion(application, input);
    const { environment, renderDigest: current } = version;
    const renderDigest = input.renderDigest ?? current;
    const accepted = await request(this.#access, principal, StreamName.version(application.id, input.version), {
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

  /**
   * The environment is taken from the state only when there is one answer; whether the version may be approved,
   * policy decides.
   */
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
