// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EventEnvelopeBatch, EVENTS_PATTERN } from '@plumbline/messaging';
import { ApplierService } from '../applier.service.js';

/** Takes batches from the bus. */
@Controller()
export class EventsConsumer {
  readonly #applier: ApplierService;

  constructor(@Inject(ApplierService) applier: ApplierService) {
    this.#applier = applier;
  }

  @EventPattern(EVENTS_PATTERN)
  onBatch(@Payload() batch: EventEnvelopeBatch): void {
    this.#applier.offer(batch);
  }
}
