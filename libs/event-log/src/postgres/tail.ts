// SPDX-License-Identifier: Apache-2.0
import { decodeEvent } from '@plumbline/events';
import type { RecordedEvent } from '@plumbline/events';
import type { StoredEvent } from '../append/batch.js';

interface Entry {
  readonly type: string;
  readonly bytes: number;
  body: string | undefined;
  decoded: RecordedEvent | undefined;
}

/** The newest events in memory: what live readers ask for. Bounded by count and by bytes. */
export class Tail {
  #entries: Entry[] = [];
  #dropped = 0;
  #first = 0;
  #bytes = 0;

  constructor(private readonly limits: { readonly events: number; readonly bytes: number }) {}

  /** Forgets everything and goes on from a position. */
  reset(next: number): void {
    this.#entries = [];
    this.#dropped = 0;
    this.#first = next;
    this.#bytes = 0;
  }

  get nextPosition(): number {
    return this.#first + this.#entries.length - this.#dropped;
  }

  push(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.#entries.push({ type: event.type, bytes: event.body.length, body: event.body, decoded: undefined });
      this.#bytes += event.body.length;
    }
    while (this.#entries.length - this.#dropped > this.limits.events || (this.#bytes > this.limits.bytes && this.#entries.length > this.#dropped)) {
      this.#bytes -= this.#entries[this.#dropped]?.bytes ?? 0;
      this.#dropped += 1;
      this.#first += 1;
    }
    // Cutting the array on every push would copy it on every push.
    if (this.#dropped > this.limits.events / 2) {
      this.#entries = this.#entries.slice(this.#dropped);
      this.#dropped = 0;
    }
  }

  /** Events from a position on, or undefined when they are not all here. */
  read(from: number, limit: number, types: ReadonlySet<string> | undefined): { readonly events: readonly RecordedEvent[]; readonly nextPosition: number } | undefined {
    if (from < this.#first || from > this.nextPosition) return undefined;
    const events: RecordedEvent[] = [];
    let position = from;
    for (; position < this.nextPosition && events.length < limit; position += 1) {
      const entry = this.#entries[position - this.#first + this.#dropped];
      if (entry !== undefined && (types === undefined || types.has(entry.type))) events.push(decoded(entry));
    }
    return { events, nextPosition: position };
  }
}

function decoded(entry: Entry): RecordedEvent {
  const event = entry.decoded ?? decodeEvent(entry.body ?? '');
  entry.decoded = event;
  entry.body = undefined;
  return event;
}
