// SPDX-License-Identifier: Apache-2.0
import { type Clock, systemClock } from '@plumbline/core';
import { decodeEvent, type RecordedEvent } from '@plumbline/events';
import { Frontier } from '@plumbline/merkle';
import { answerRepeat, Batch, type PlacedRequest, type StoredEvent } from '../append/batch.js';
import { checkRequest } from '../append/checked-request.js';
import { nextCommitMicros } from '../append/time.js';
import type { AppendPlacement, AppendRequest, AppendResult, EventPage, ReadOptions } from '../event-log.port.js';
import { type BodyPage, type RawAppendResult, type RawEventLog, readAppended, type StoredBody } from '../raw-log.js';
import { checkReadOptions } from '../read-options.js';
import { type CommittedListener, type CommittedRange, notifyAll } from '../committed.js';

/** The log in memory, for specs: the same checks and the same stored form as the real one, lost with the object. */
export class MemoryEventLog implements RawEventLog {
  readonly #options: { readonly clock?: Clock };

  readonly #events: StoredEvent[] = [];
  readonly #revisions = new Map<string, number>();
  readonly #requests = new Map<string, PlacedRequest>();
  readonly #listeners = new Set<CommittedListener>();
  #frontier = Frontier.empty;
  #lastMicros = 0;

  constructor(options: { readonly clock?: Clock } = {}) {
    this.#options = options;
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const { bodies, ...placement } = await this.appendBodies(request);
    return { ...placement, events: bodies.map(({ body }) => decodeEvent(body)) };
  }

  async appendBodies(request: AppendRequest): Promise<RawAppendResult> {
    const placement = await this.#append(request);
    return { ...placement, bodies: await readAppended(this, placement) };
  }

  async #append(request: AppendRequest): Promise<AppendPlacement> {
    // As over a wire: the caller never sees its result in the same turn, and later changes to its objects do not
    // matter.
    const nowMs = (this.#options.clock ?? systemClock).nowMs();
    const checked = checkRequest(request, nowMs);
    await Promise.resolve();
    const known = this.#requests.get(checked.requestId);
    if (known !== undefined) return answerRepeat({ digest: known.request.digest, result: known.result }, checked);
    const batch = new Batch({
      frontier: this.#frontier,
      recordedAtMicros: nextCommitMicros(nowMs, this.#lastMicros),
      revisionOf: (stream) => this.#revisions.get(stream) ?? -1,
    });
    const result = batch.admit(checked);
    this.#frontier = batch.frontier();
    this.#lastMicros = batch.recordedAtMicros;
    this.#events.push(...batch.events);
    for (const [stream, move] of batch.moves) this.#revisions.set(stream, move.after);
    for (const [id, placed] of batch.placed) this.#requests.set(id, placed);
    const range: CommittedRange = {
      firstPosition: result.firstPosition,
      lastPosition: result.lastPosition,
      recordedAt: result.recordedAt,
    };
    queueMicrotask(() => notifyAll(this.#listeners, range));
    return result;
  }

  async read(options: ReadOptions): Promise<EventPage> {
    const { bodies, nextPosition, headPosition } = await this.readBodies(options);
    return { events: bodies.map(({ body }) => decodeEvent(body)), nextPosition, headPosition };
  }

  async readBodies(options: ReadOptions): Promise<BodyPage> {
    const { from, limit, types } = checkReadOptions(options);
    await Promise.resolve();
    const bodies: StoredBody[] = [];
    let position = from;
    for (; position < this.#events.length && bodies.length < limit; position += 1) {
      const stored = this.#events[position];
      if (stored !== undefined && (types === undefined || types.has(stored.type)))
        bodies.push({ position, body: stored.body });
    }
    return { bodies, nextPosition: position, headPosition: this.#events.length };
  }

  async readStream(stream: string, fromRevision = 0): Promise<readonly RecordedEvent[]> {
    return (await this.readStreamBodies(stream, fromRevision)).map((body) => decodeEvent(body));
  }

  async readStreamBodies(stream: string, fromRevision = 0): Promise<readonly string[]> {
    await Promise.resolve();
    return this.#events
      .filter((event) => event.stream === stream && event.revision >= fromRevision)
      .map((event) => event.body);
  }

  async head(): Promise<number> {
    await Promise.resolve();
    return this.#events.length;
  }

  /** Tells after each append where it went; returns the way to stop. */
  onCommitted(listener: CommittedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Canonical text of an event as it is stored. */
  bodyAt(position: number): string | undefined {
    return this.#events[position]?.body;
  }
}
