// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import type { EventIntake } from './event-intake.js';
import type { DiscardedMessage, VerifiedEvent } from './groups/message-verifier.js';

/** Events of one range at most. */
const MAX_RANGE = 500;

interface Last {
  readonly position: number;
  /** In the stream of the server. */
  readonly sequence: number;
}

/** Called for each message that is not acted upon. */
export type DiscardListener = (consumer: string, message: DiscardedMessage) => void;

/**
 * Hands verified events to one consumer as ranges of the log. Events that arrive together are handed over together.
 * Whenever the order
 * of positions and that of the stream do not agree, or a message was discarded, the consumer is asked to read the log.
 */
export class Delivery {
  readonly #intake: EventIntake;
  readonly #onDiscarded: DiscardListener;
  readonly #types: ReadonlySet<string> | undefined;

  #last: Last | undefined;
  #range: { readonly from: number; next: number; readonly events: RecordedEvent[] } | undefined;
  #isScheduled = false;

  constructor(intake: EventIntake, onDiscarded: DiscardListener) {
    this.#intake = intake;
    this.#onDiscarded = onDiscarded;
    this.#types = intake.types.length === 0 ? undefined : new Set(intake.types);
  }

  get types(): readonly string[] {
    return this.#intake.types;
  }

  /** Forgets what the stream was: it may be another one from here on. Asks the consumer to read the log. */
  restart(): void {
    this.#flush();
    this.#last = undefined;
    this.#intake.checkLog();
  }

  /** A message that came with this sequence of the stream. */
  take(checked: VerifiedEvent | DiscardedMessage, sequence: number): void {
    if ('reason' in checked) return this.#discard(checked);
    const { position, type, event } = checked;
    const last = this.#last;
    // A server may deliver the same message of its stream again; another message with an old event is not its doing.
    if (last !== undefined && sequence <= last.sequence) return;
    if (last !== undefined && position <= last.position)
      return this.#discard({ reason: 'replayed', detail: `position ${position} was delivered before` });
    const from = last === undefined ? position : this.#nextOf(last, { position, sequence });
    this.#last = { position, sequence };
    if (this.#types !== undefined && !this.#types.has(type)) return this.#add(from, position + 1, undefined);
    if (event !== undefined) return this.#add(from, position + 1, event);
    this.#flush();
    this.#intake.checkLog();
  }

  /** Where the range of an event begins: right behind the last one, unless something may be missing between them. */
  #nextOf(last: Last, now: Last): number {
    const joins = now.position - last.position === now.sequence - last.sequence || now.position === last.position + 1;
    return joins ? last.position + 1 : now.position;
  }

  #discard(message: DiscardedMessage): void {
    this.#onDiscarded(this.#intake.consumer, message);
    this.#flush();
    this.#intake.checkLog();
  }

  #add(from: number, next: number, event: RecordedEvent | undefined): void {
    if (this.#range !== undefined && (this.#range.next !== from || this.#range.events.length >= MAX_RANGE))
      this.#flush();
    this.#range ??= { from, next, events: [] };
    this.#range.next = next;
    if (event !== undefined) this.#range.events.push(event);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // Once for everything that came in this turn.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const range = this.#range;
    this.#range = undefined;
    if (range !== undefined) this.#intake.offer(range);
  }
}
