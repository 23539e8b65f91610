// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import type { EventIntake, EventRange } from '../event-intake.js';

/** A consumer that records what it is given. */
export class RecordingIntake implements EventIntake {
  readonly ranges: EventRange[] = [];
  /** How often it was asked to read the log. */
  checks = 0;

  constructor(
    readonly types: readonly string[] = [],
    readonly consumer = 'recorder',
  ) {}

  get events(): readonly RecordedEvent[] {
    return this.ranges.flatMap(({ events }) => events);
  }

  get positions(): readonly number[] {
    return this.events.map(({ position }) => position);
  }

  offer(range: EventRange): void {
    this.ranges.push(range);
  }

  checkLog(): void {
    this.checks += 1;
  }
}
