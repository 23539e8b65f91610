// SPDX-License-Identifier: Apache-2.0
import { ConflictError } from '@plumbline/core';
import { type Frontier, leafHash } from '@plumbline/merkle';
import type { AppendPlacement, ExpectedRevision } from '../event-log.port.js';
import type { CheckedEvent, CheckedRequest } from './checked-request.js';
import { formatMicros } from './time.js';

/** An event with everything that the log stores of it. */
export interface StoredEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  /** The canonical text; the leaf is the hash of its UTF-8 bytes. */
  readonly body: string;
  readonly leaf: Buffer;
}

/** How a stream moves with a batch; `before` is -1 for a new one. */
export interface StreamMove {
  readonly before: number;
  readonly after: number;
  readonly lastPosition: number;
}

/** A request of a batch and where its events went. */
export interface PlacedRequest {
  readonly request: CheckedRequest;
  readonly result: AppendPlacement;
}

/** Where a batch starts. */
export interface BatchStart {
  readonly frontier: Frontier;
  readonly recordedAtMicros: number;
  /** Revision of the last committed event of a stream, -1 when there is none. */
  readonly revisionOf: (stream: string) => number;
}

const LINE_FEED = Buffer.of(0x0a);

function matches(expected: ExpectedRevision, actual: number): boolean {
  switch (expected.type) {
    case 'any':
      return true;
    case 'noStream':
      return actual < 0;
    case 'exists':
      return actual >= 0;
    case 'exact':
      return actual === expected.revision;
  }
}

function conflict(stream: string, expected: ExpectedRevision, actual: number): ConflictError {
  const wanted =
    expected.type === 'exact' ? `at revision ${expected.revision}` : expected.type === 'exists' ? 'there' : 'not there';
  const found = actual < 0 ? 'it does not exist' : `it is at revision ${actual}`;
  return new ConflictError(
    'PLB-4101',
    `stream ${stream} should be ${wanted}, but ${found}: load it again and decide anew`,
    {
      details: { stream, expected, ...(actual < 0 ? {} : { actual }) },
    },
  );
}

/** The answer to a request that the log has already, or the refusal when its content differs. */
export function answerRepeat(
  known: { readonly digest: Uint8Array; readonly result: AppendPlacement },
  request: CheckedRequest,
): AppendPlacement {
  if (!request.digest.equals(known.digest)) {
    throw new ConflictError('PLB-4102', `request id ${request.requestId} was used before with other content`, {
      details: { requestId: request.requestId },
    });
  }
  return { ...known.result, duplicate: true };
}

/**
 * Revisions as they are when these moves are committed. The moves are copied: a batch that held on to the one before
 * would hold on to all.
 */
export function revisionsAfter(
  moves: ReadonlyMap<string, StreamMove>,
  before: (stream: string) => number,
): (stream: string) => number {
  const moved = new Map([...moves].map(([stream, { after }]) => [stream, after]));
  return (stream) => moved.get(stream) ?? before(stream);
}

/**
 * Events of one commit in the making: gives positions and revisions in the order of arrival. Nothing outside changes.
 */
export class Batch {
  readonly #start: BatchStart;

  readonly events: StoredEvent[] = [];
  readonly moves = new Map<string, StreamMove>();
  readonly placed = new Map<string, PlacedRequest>();
  readonly recordedAt: string;
  #bytes = 0;
  #texts: Buffer[] = [];
  #frontier: Frontier;

  constructor(start: BatchStart) {
    this.#start = start;

    this.recordedAt = formatMicros(start.recordedAtMicros);
    this.#frontier = start.frontier;
  }

  get firstPosition(): number {
    return this.#start.frontier.size;
  }

  get nextPosition(): number {
    return this.firstPosition + this.events.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get recordedAtMicros(): number {
    return this.#start.recordedAtMicros;
  }

  /** The tree with this batch. */
  frontier(): Frontier {
    if (this.#frontier.size < this.nextPosition)
      this.#frontier = this.#frontier.append(
        this.events.slice(this.#frontier.size - this.firstPosition).map((event) => event.leaf),
      );
    return this.#frontier;
  }

  /** The canonical texts in UTF-8, one on each line: canonical JSON has no raw line feed. */
  lines(): Buffer {
    if (this.#texts.length > 1)
      this.#texts = [Buffer.concat(this.#texts.flatMap((text, index) => (index === 0 ? [text] : [LINE_FEED, text])))];
    return this.#texts[0] ?? Buffer.alloc(0);
  }

  /**
   * Takes all events of the request or none.
   * @throws ConflictError PLB-4101 or PLB-4102; true only if the rest of the batch is committed.
   */
  admit(request: CheckedRequest): AppendPlacement {
    const repeated = this.placed.get(request.requestId);
    if (repeated !== undefined)
      return answerRepeat({ digest: repeated.request.digest, result: repeated.result }, request);
    const revisions = this.#expectedRevisions(request);
    const firstPosition = this.nextPosition;
    for (const item of request.items) {
      for (const event of item.events) this.#push(item.stream, event);
    }
    const result: AppendPlacement = {
      duplicate: false,
      firstPosition,
      lastPosition: this.nextPosition - 1,
      recordedAt: this.recordedAt,
      revisions,
    };
    this.placed.set(request.requestId, { request, result });
    return result;
  }

  #revisionOf(stream: string): number {
    return this.moves.get(stream)?.after ?? this.#start.revisionOf(stream);
  }

  /** Revisions that the streams will have; checks every expectation before anything is taken. */
  #expectedRevisions(request: CheckedRequest): Readonly<Record<string, number>> {
    const revisions: Record<string, number> = {};
    for (const item of request.items) {
      const actual = revisions[item.stream] ?? this.#revisionOf(item.stream);
      if (!matches(item.expected, actual)) throw conflict(item.stream, item.expected, actual);
      revisions[item.stream] = actual + item.events.length;
    }
    return revisions;
  }

  #push(stream: string, event: CheckedEvent): void {
    const before = this.#revisionOf(stream);
    const revision = before + 1;
    const position = this.nextPosition;
    const body = `${event.prefix},"occurredAt":"${event.occurredAt ?? this.recordedAt}","position":${position},"recordedAt":"${this.recordedAt}","revision":${revision},${event.suffix}`;
    const text = Buffer.from(body);
    this.events.push({ position, stream, revision, type: event.type, body, leaf: leafHash(text) });
    this.#texts.push(text);
    this.moves.set(stream, {
      before: this.moves.get(stream)?.before ?? before,
      after: revision,
      lastPosition: position,
    });
    this.#bytes += text.length;
  }
}
