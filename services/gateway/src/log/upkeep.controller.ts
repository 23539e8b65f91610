// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import type { ErasureReport, LegalHold, ParkedItem } from '@plumbline/event-log';
import type { InputOf } from '../api/operation.js';
import { Input, Serve } from '../api/serve.js';
import {
  erasePerson,
  liftLegalHold,
  listLegalHolds,
  listParkedWork,
  placeLegalHold,
  releaseParkedWork,
} from './upkeep.operations.js';
import { type LegalHoldChange, type ReleaseResult, UpkeepService, type WholeList } from './upkeep.service.js';

/** Parked work, legal holds and erasure over REST. */
@Controller()
export class UpkeepController {
  readonly #upkeep: UpkeepService;

  constructor(@Inject(UpkeepService) upkeep: UpkeepService) {
    this.#upkeep = upkeep;
  }

  @Serve(listParkedWork)
  listParked(): Promise<WholeList<ParkedItem>> {
    return this.#upkeep.listParked();
  }

  @Serve(releaseParkedWork)
  release(@Input() { principal, body }: InputOf<typeof releaseParkedWork>): Promise<ReleaseResult> {
    return this.#upkeep.release(principal, body);
  }

  @Serve(listLegalHolds)
  listHolds(@Input() { query }: InputOf<typeof listLegalHolds>): Promise<WholeList<LegalHold>> {
    return this.#upkeep.listHolds(query);
  }

  @Serve(placeLegalHold)
  placeHold(@Input() { principal, body }: InputOf<typeof placeLegalHold>): Promise<LegalHoldChange> {
    const { to, ...rest } = body;
    return this.#upkeep.placeHold(principal, { ...rest, ...(to === undefined ? {} : { to }) });
  }

  @Serve(liftLegalHold)
  liftHold(@Input() { principal, params }: InputOf<typeof liftLegalHold>): Promise<LegalHoldChange> {
    return this.#upkeep.liftHold(principal, params.id);
  }

  @Serve(erasePerson)
  erase(@Input() { principal, body }: InputOf<typeof erasePerson>): Promise<ErasureReport> {
    return this.#upkeep.erase(principal, body);
  }
}
