// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EVENTS_PATTERN } from '@plumbline/bus';
import type { EventEnvelopeBatch } from '@plumbline/bus';
import { LOG_ACCESS } from '../state/log-access.js';
import type { LogAccess } from '../state/log-access.js';

/** Brings what the bus carries to the gateway's fold. */
@Controller()
export class EventsConsumer {
  constructor(@Inject(LOG_ACCESS) private readonly access: LogAccess) {}

  @EventPattern(EVENTS_PATTERN)
  onEvents(@Payload() batch: EventEnvelopeBatch): void {
    this.access.offer(batch);
  }
}
