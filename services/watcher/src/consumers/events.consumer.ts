// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EventEnvelopeBatch, EVENTS_PATTERN } from '@plumbline/messaging';
import { WatcherService } from '../watcher.service.js';

/** Takes batches from the bus. */
@Controller()
export class EventsConsumer {
  readonly #watcher: WatcherService;

  constructor(@Inject(WatcherService) watcher: WatcherService) {
    this.#watcher = watcher;
  }

  @EventPattern(EVENTS_PATTERN)
  onBatch(@Payload() batch: EventEnvelopeBatch): void {
    this.#watcher.offer(batch);
  }
}
