// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import {
  erasePerson,
  liftLegalHold,
  listLegalHolds,
  listParkedWork,
  placeLegalHold,
  releaseParkedWork,
} from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { LogAdministrationService } from './log-administration.service.js';

/** Parked work, legal holds and erasure over REST. */
@Controller()
export class LogAdministrationController {
  readonly #upkeep: LogAdministrationService;

  constructor(@Inject(LogAdministrationService) upkeep: LogAdministrationService) {
    this.#upkeep = upkeep;
  }

  @Serve(listParkedWork)
  listParked() {
    return this.#upkeep.listParked();
  }

  @Serve(releaseParkedWork)
  release(@Input() { principal, body }: InputOf<typeof releaseParkedWork>) {
    return this.#upkeep.release(principal, body);
  }

  @Serve(listLegalHolds)
  listHolds(@Input() { query }: InputOf<typeof listLegalHolds>) {
    return this.#upkeep.listHolds(query);
  }

  @Serve(placeLegalHold)
  placeHold(@Input() { principal, body }: InputOf<typeof placeLegalHold>) {
    const { to, ...rest } = body;
    return this.#upkeep.placeHold(principal, { ...rest, ...(to === undefined ? {} : { to }) });
  }

  @Serve(liftLegalHold)
  liftHold(@Input() { principal, params }: InputOf<typeof liftLegalHold>) {
    return this.#upkeep.liftHold(principal, params.id);
  }

  @Serve(erasePerson)
  erase(@Input() { principal, body }: InputOf<typeof erasePerson>) {
    return this.#upkeep.erase(principal, body);
  }
}
