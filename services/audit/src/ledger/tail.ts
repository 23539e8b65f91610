// SPDX-License-Identifier: Apache-2.0
import type { StoredEvent } from '@plumbline/event-log/append';
import type { StoredBody } from '@plumbline/event-log';

interface Entry extends StoredBody {
  readonly type: string;
}

/** The newest events in memory: what live readers ask for. Bounded by count and by bytes. */
export class Tail {
  readonly #limits: { readonly events: number; readonly bytes: number };

  #entries: Entry[] = [];
  #dropped = 0;
  #first = 0;
  #bytes = 0;

  constructor(limits: { readonly events: number; readonly bytes: number }) {
    this.#limits = limits;
  }

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
      this.#entries.push({ position: event.position, type: event.type, body: event.body });
      this.#bytes += event.body.length;
    }
    while (
      this.#entries.length - this.#dropped > this.#limits.events ||
      (this.#bytes > this.#limits.bytes && this.#entries.length > this.#dropped)
    ) {
      this.#bytes -= this.#entries[this.#dropped]?.body.length ?? 0;
      this.#dropped += 1;
      this.#first += 1;
    }
    // Cutting the array on every push would copy it on every push.
    if (this.#dropped > this.#limits.events / 2) {
      this.#entries = this.#entries.slice(this.#dropped);
      this.#dropped = 0;
    }
  }

  /** Events from a position on, or undefined when they are not all here. */
  read(
    from: number,
    limit: number,
    types: ReadonlySet<string> | undefined,
  ): { readonly bodies: readonly StoredBody[]; readonly nextPosition: number } | undefined {
    if (from < this.#first || from > this.nextPosition) return undefined;
    const bodies: StoredBody[] = [];
    let position = from;
    for (; position < this.nextPosition && bodies.length < limit; position += 1) {
      const entry = this.#entries[position - this.#first + this.#dropped];
      if (entry !== undefined && (types === undefined || types.has(entry.type))) bodies.push(entry);
    }
    return { bodies, nextPosition: position };
  }
}
