// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { type EventEnvelopeBatch, EVENTS_PATTERN } from '@plumbline/messaging';
import { EVENT_REACTOR } from '@plumbline/platform';
import type { EventReactor } from '@plumbline/reactor';

/** Hands batches from the transport to the reactor. */
@Controller()
export class EventsConsumer {
  readonly #reactor: EventReactor;

  constructor(@Inject(EVENT_REACTOR) reactor: EventReactor) {
    this.#reactor = reactor;
  }

  @EventPattern(EVENTS_PATTERN)
  onBatch(@Payload() { firstPosition, lastPosition, events }: EventEnvelopeBatch): void {
    this.#reactor.offer({ from: firstPosition, next: lastPosition + 1, events });
  }
}
