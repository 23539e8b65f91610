// SPDX-License-Identifier: Apache-2.0
import type { StoredEvent } from '@plumbline/events';

/**
 * A part of the log: every event at positions from `from` up to, not including, `next` that the consumer has a
 * handler for, in order.
 * Others may be in it too. Where the range begins at or below the position of a reactor, the reactor continues with it.
 */
export interface EventRange {
  readonly from: number;
  readonly next: number;
  readonly events: readonly StoredEvent[];
}

/** What a transport needs of a reactor to deliver to it. */
export interface EventIntake {
  readonly consumer: string;
  /** Types that the reactor has handlers for; the transport may leave out all others. Empty: every type. */
  readonly types: readonly string[];
  /** One above the last processed position. */
  readonly nextPosition: number;
  /**
   * Processes a range as soon as everything before it is processed; what the range leaves open is read from the log.
   * Returns at once.
   */
  offer(range: EventRange): void;
  /** Reads the log now: events may have been lost on the way. Returns at once. */
  checkLog(): void;
}

/**
 * A transport that delivers events as they are recorded. May lose, repeat and delay; never delivers what the log has
 * not recorded.
 */
export interface LiveEvents {
  /** Begins to deliver to the intake; the returned function ends it. */
  attach(intake: EventIntake): () => void;
}
