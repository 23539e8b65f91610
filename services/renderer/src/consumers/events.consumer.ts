// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EVENTS_PATTERN } from '@plumbline/bus';
import type { EventEnvelopeBatch } from '@plumbline/bus';
import { RendererService } from '../renderer.service.js';

/** Takes batches from the bus. */
@Controller()
export class EventsConsumer {
  constructor(@Inject(RendererService) private readonly renderer: RendererService) {}

  @EventPattern(EVENTS_PATTERN)
  onBatch(@Payload() batch: EventEnvelopeBatch): void {
    this.renderer.offer(batch);
  }
}
