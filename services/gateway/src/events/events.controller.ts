// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { queryAudit, readEvents } from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { EventsService } from './events.service.js';

/** Events over REST. */
@Controller()
export class EventsController {
  readonly #events: EventsService;

  constructor(@Inject(EventsService) events: EventsService) {
    this.#events = events;
  }

  @Serve(readEvents)
  read(@Input() { query }: InputOf<typeof readEvents>) {
    return this.#events.page(query);
  }

  @Serve(queryAudit)
  audit(@Input() { query }: InputOf<typeof queryAudit>) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    return this.#events.audit(Object.fromEntries(given));
  }
}
