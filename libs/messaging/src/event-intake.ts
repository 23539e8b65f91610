// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/**
 * A part of the log: every event at positions from `from` up to, not including, `next` that the consumer has asked
 * for, in order.
 * Others may be in it too.
 */
export interface EventRange {
  readonly from: number;
  readonly next: number;
  readonly events: readonly RecordedEvent[];
}

/** A consumer of events. */
export interface EventIntake {
  readonly consumer: string;
  /** Types that the consumer has handlers for; a transport may leave out all others. Empty for all types. */
  readonly types: readonly string[];
  /**
   * Takes a range; what is missing before it is for the consumer to read from the log. MUST return at once and MUST
   * NOT throw.
   */
  offer(range: EventRange): void;
  /**
   * Says that events may have been lost or withheld: the consumer reads the log now. MUST return at once and MUST NOT
   * throw.
   */
  checkLog(): void;
}
