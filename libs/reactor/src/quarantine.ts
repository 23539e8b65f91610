// SPDX-License-Identifier: Apache-2.0

/** A stream with an event that the consumer could not process. */
export interface QuarantinedStream {
  /** `position-<n>` for an event whose stream cannot be read. */
  readonly stream: string;
  /** Position and revision of the event that failed. */
  readonly position: number;
  readonly revision?: number | undefined;
  readonly message: string;
  /** Times that the event was tried. */
  readonly attempts: number;
  /** Later events of the stream that wait. */
  readonly waiting: number;
}

/** Names what stands for the stream of an event whose text has none. */
export function unknownStream(position: number): string {
  return `position-${position}`;
}

/** The quarantined streams of one consumer. */
export class Quarantine {
  readonly #streams = new Map<string, QuarantinedStream>();

  get size(): number {
    return this.#streams.size;
  }

  /** All of them, in the order of their positions. */
  get all(): readonly QuarantinedStream[] {
    return [...this.#streams.values()].sort((left, right) => left.position - right.position);
  }

  get(stream: string): QuarantinedStream | undefined {
    return this.#streams.get(stream);
  }

  /** Puts a stream in, or moves it to another of its events. */
  put(failed: Omit<QuarantinedStream, 'attempts' | 'waiting'> & Partial<QuarantinedStream>): void {
    this.#streams.set(failed.stream, { attempts: 1, waiting: 0, ...failed });
  }

  /** Counts an event that waits behind the failed one. */
  wait(stream: string): void {
    const entry = this.#streams.get(stream);
    if (entry !== undefined) this.#streams.set(stream, { ...entry, waiting: entry.waiting + 1 });
  }

  delete(stream: string): void {
    this.#streams.delete(stream);
  }

  /** Replaces everything. */
  restore(entries: readonly QuarantinedStream[]): void {
    this.#streams.clear();
    for (const entry of entries) this.#streams.set(entry.stream, entry);
  }

  /** One line for people: the first streams, why, and how many more there are. */
  describe(): string | undefined {
    const [first, ...more] = this.all;
    if (first === undefined) return undefined;
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    return `quarantined: stream ${first.stream} at position ${first.position} (${first.message})${others}; run "plumb log retry" after a fix`;
  }
}
