// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { approveVersion, listApprovals, rejectVersion } from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { ApprovalsService } from './approvals.service.js';

/** Approvals over REST. */
@Controller()
export class ApprovalsController {
  readonly #approvals: ApprovalsService;

  constructor(@Inject(ApprovalsService) approvals: ApprovalsService) {
    this.#approvals = approvals;
  }

  @Serve(listApprovals)
  list(@Input() { query }: InputOf<typeof listApprovals>) {
    return this.#approvals.list(query);
  }

  @Serve(approveVersion)
  approve(@Input() { principal, params, body }: InputOf<typeof approveVersion>) {
    return this.#approvals.submit(principal, {
      ...body,
      application: `${params.project}/${params.name}`,
      version: params.version,
      verdict: 'Approve',
    });
  }

  @Serve(rejectVersion)
  reject(@Input() { principal, params, body }: InputOf<typeof rejectVersion>) {
    return this.#approvals.submit(principal, {
      ...body,
      application: `${params.project}/${params.name}`,
      version: params.version,
      verdict: 'Reject',
    });
  }
}
