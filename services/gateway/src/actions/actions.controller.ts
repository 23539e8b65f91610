// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import {
  planApplication,
  refreshRepository,
  resumeApplication,
  rollbackApplication,
  suspendApplication,
  syncApplication,
} from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { ActionsService } from './actions.service.js';

/** Requests for plans, syncs, rollbacks, suspensions and refreshes over REST. */
@Controller()
export class ActionsController {
  readonly #actions: ActionsService;

  constructor(@Inject(ActionsService) actions: ActionsService) {
    this.#actions = actions;
  }

  @Serve(planApplication)
  plan(@Input() { principal, params, body }: InputOf<typeof planApplication>) {
    return this.#actions.plan(principal, { ...body, application: `${params.project}/${params.name}` });
  }

  @Serve(syncApplication)
  sync(@Input() { principal, params, body }: InputOf<typeof syncApplication>) {
    return this.#actions.sync(principal, { ...body, application: `${params.project}/${params.name}` });
  }

  @Serve(rollbackApplication)
  rollback(@Input() { principal, params, body }: InputOf<typeof rollbackApplication>) {
    return this.#actions.rollback(principal, { ...body, application: `${params.project}/${params.name}` });
  }

  @Serve(suspendApplication)
  suspend(@Input() { principal, params, body }: InputOf<typeof suspendApplication>) {
    return this.#actions.suspend(principal, `${params.project}/${params.name}`, body.reason);
  }

  @Serve(resumeApplication)
  resume(@Input() { principal, params }: InputOf<typeof resumeApplication>) {
    return this.#actions.resume(principal, `${params.project}/${params.name}`);
  }

  @Serve(refreshRepository)
  refresh(@Input() { principal, params }: InputOf<typeof refreshRepository>) {
    return this.#actions.refresh(principal, params.name);
  }
}
