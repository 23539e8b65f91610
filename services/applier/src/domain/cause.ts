// SPDX-License-Identifier: Apache-2.0
import type { EventOf, EventType, PlumblineEvent } from '@plumbline/events';

/** An event of one of several types. */
export type EventOfAny<Type extends EventType> = { readonly [Each in Type]: EventOf<Each> }[Type];

/** The event that led to something. */
export interface Cause {
  readonly eventId: string;
  readonly correlationId: string;
  readonly timeMs: number;
  readonly position: number;
}

/** Returns an event as the cause of what follows from it. */
export function causeOf(event: PlumblineEvent): Cause {
  return {
    eventId: event.id,
    correlationId: event.correlationId,
    timeMs: Date.parse(event.recordedAt),
    position: event.position,
  };
}
