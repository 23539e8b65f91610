// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EventEnvelopeBatch, EVENTS_PATTERN } from '@plumbline/messaging';
import { RendererService } from '../renderer.service.js';

/** Takes batches from the bus. */
@Controller()
export class EventsConsumer {
  readonly #renderer: RendererService;

  constructor(@Inject(RendererService) renderer: RendererService) {
    this.#renderer = renderer;
  }

  @EventPattern(EVENTS_PATTERN)
  onBatch(@Payload() batch: EventEnvelopeBatch): void {
    this.#renderer.offer(batch);
  }
}
