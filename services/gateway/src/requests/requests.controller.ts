// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import {
  approveVersion,
  planApplication,
  refreshRepository,
  rejectVersion,
  resumeApplication,
  rollbackApplication,
  suspendApplication,
  syncApplication,
} from '@plumbline/api-contract';
import type { InputOf } from '../api/operation.js';
import { Input, Serve } from '../api/serve.js';
import { RequestsService } from './requests.service.js';

/** What people ask for, over REST. */
@Controller()
export class RequestsController {
  readonly #requests: RequestsService;

  constructor(@Inject(RequestsService) requests: RequestsService) {
    this.#requests = requests;
  }

  @Serve(planApplication)
  plan(@Input() { principal, params, body }: InputOf<typeof planApplication>) {
    return this.#requests.plan(principal, { ...body, application: `${params.project}/${params.name}` });
  }

  @Serve(approveVersion)
  approve(@Input() { principal, params, body }: InputOf<typeof approveVersion>) {
    return this.#requests.submit(principal, {
      ...body,
      application: `${params.project}/${params.name}`,
      version: params.version,
      verdict: 'Approve',
    });
  }

  @Serve(rejectVersion)
  reject(@Input() { principal, params, body }: InputOf<typeof rejectVersion>) {
    return this.#requests.submit(principal, {
      ...body,
      application: `${params.project}/${params.name}`,
      version: params.version,
      verdict: 'Reject',
    });
  }

  @Serve(syncApplication)
  sync(@Input() { principal, params, body }: InputOf<typeof syncApplication>) {
    return this.#requests.sync(principal, { ...body, application: `${params.project}/${params.name}` });
  }

  @Serve(rollbackApplication)
  rollback(@Input() { principal, params, body }: InputOf<typeof rollbackApplication>) {
    return this.#requests.rollback(principal, { ...body, application: `${params.project}/${params.name}` });
  }

  @Serve(suspendApplication)
  suspend(@Input() { principal, params, body }: InputOf<typeof suspendApplication>) {
    return this.#requests.suspend(principal, `${params.project}/${params.name}`, body.reason);
  }

  @Serve(resumeApplication)
  resume(@Input() { principal, params }: InputOf<typeof resumeApplication>) {
    return this.#requests.resume(principal, `${params.project}/${params.name}`);
  }

  @Serve(refreshRepository)
  refresh(@Input() { principal, params }: InputOf<typeof refreshRepository>) {
    return this.#requests.refresh(principal, params.name);
  }
}
