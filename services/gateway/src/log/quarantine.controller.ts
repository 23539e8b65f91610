// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { listQuarantine, retryQuarantine } from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { QuarantineService } from './quarantine.service.js';

/** Quarantined streams over REST. */
@Controller()
export class QuarantineController {
  readonly #quarantine: QuarantineService;

  constructor(@Inject(QuarantineService) quarantine: QuarantineService) {
    this.#quarantine = quarantine;
  }

  @Serve(listQuarantine)
  list() {
    return this.#quarantine.list();
  }

  @Serve(retryQuarantine)
  retry(@Input() { principal, body }: InputOf<typeof retryQuarantine>) {
    return this.#quarantine.retry(principal, body);
  }
}
