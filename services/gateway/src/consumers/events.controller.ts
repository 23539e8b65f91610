// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EventEnvelopeBatch, EVENTS_PATTERN } from '@plumbline/messaging';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';

/** Brings what the bus carries to the gateway's fold. */
@Controller()
export class EventsConsumer {
  readonly #access: LogAccess;

  constructor(@Inject(LOG_ACCESS) access: LogAccess) {
    this.#access = access;
  }

  @EventPattern(EVENTS_PATTERN)
  onEvents(@Payload() batch: EventEnvelopeBatch): void {
    this.#access.offer(batch);
  }
}
