// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EventEnvelopeBatch, EVENTS_PATTERN } from '@plumbline/messaging';
import { PolicyService } from '../policy.service.js';

/** Takes batches from the bus. */
@Controller()
export class EventsConsumer {
  readonly #policy: PolicyService;

  constructor(@Inject(PolicyService) policy: PolicyService) {
    this.#policy = policy;
  }

  @EventPattern(EVENTS_PATTERN)
  onBatch(@Payload() batch: EventEnvelopeBatch): void {
    this.#policy.offer(batch);
  }
}
