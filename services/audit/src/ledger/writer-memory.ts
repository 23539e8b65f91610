// SPDX-License-Identifier: Apache-2.0
import { uuidTimeMs } from '@plumbline/core';
import type { Batch, CheckedRequest } from '@plumbline/event-log/append';
import type { KnownRequest, LedgerSql } from './ledger-sql.js';
import { Lru } from './lru.js';
import type { Waiting } from './request-queue.js';
import type { WriterLimits } from './writer-limits.js';

/**
 * What a leader knows of the log without asking: revisions of streams, and requests with their answers. True while
 * nobody else can write.
 */
export class WriterMemory {
  readonly #sql: LedgerSql;
  readonly #limits: WriterLimits;

  readonly #streams: Lru<number>;
  readonly #requests: Lru<KnownRequest>;
  #streamsComplete = false;
  /** Ids older than this may have been appended without our knowing. */
  #knownSinceMs = Number.POSITIVE_INFINITY;
  /** Ids from there on that were appended before this writer led; their answers are looked up. */
  #before: ReadonlySet<string> = new Set();

  constructor(sql: LedgerSql, limits: WriterLimits) {
    this.#sql = sql;
    this.#limits = limits;

    this.#streams = new Lru(limits.cachedStreams, () => (this.#streamsComplete = false));
    this.#requests = new Lru(
      limits.cachedRequests,
      (id) => (this.#knownSinceMs = Math.max(this.#knownSinceMs, uuidTimeMs(id) + 1)),
    );
  }

  /** Revision of the last committed event of a stream that is known here, -1 when there is none. */
  readonly revisionOf = (stream: string): number => this.#streams.get(stream) ?? -1;

  /** The answer to a request that was appended, when it is known here. */
  request(requestId: string): KnownRequest | undefined {
    return this.#requests.get(requestId);
  }

  /** What most checks need. To be called when nobody else can write any more. */
  async begin(): Promise<void> {
    const { loadedStreams, cachedStreams, loadedRequests } = this.#limits;
    const streams = await this.#sql.allRevisions(Math.min(loadedStreams, cachedStreams));
    const ids = await this.#sql.newestRequestIds(loadedRequests);
    this.forget();
    for (const [stream, revision] of streams ?? []) this.#streams.set(stream, revision);
    this.#streamsComplete = streams !== undefined;
    this.#before = new Set(ids);
    const oldest = ids.at(-1);
    this.#knownSinceMs =
      oldest === undefined || ids.length < loadedRequests ? Number.NEGATIVE_INFINITY : uuidTimeMs(oldest) + 1;
  }

  /** True when there is all that the checks of a request need, with what is under way. */
  knows({ requestId, items }: CheckedRequest, under: Batch): boolean {
    if (this.#mayBeRepeated(requestId) && this.#requests.get(requestId) === undefined && !under.placed.has(requestId))
      return false;
    return (
      this.#streamsComplete ||
      items.every(({ stream }) => under.moves.has(stream) || this.#streams.get(stream) !== undefined)
    );
  }

  /** Loads what the checks need and memory does not have: one query each, for all requests together. */
  async load(taken: readonly Waiting[]): Promise<void> {
    const streams = new Set<string>();
    const ids: string[] = [];
    for (const { checked, attempts } of taken) {
      const unsure = attempts > 0 || this.#mayBeRepeated(checked.requestId);
      if (unsure && this.#requests.get(checked.requestId) === undefined) ids.push(checked.requestId);
      if (this.#streamsComplete) continue;
      for (const { stream } of checked.items) if (this.#streams.get(stream) === undefined) streams.add(stream);
    }
    if (streams.size > 0) {
      for (const [stream, revision] of await this.#sql.revisions([...streams])) this.#streams.set(stream, revision);
    }
    if (ids.length > 0) {
      for (const [id, known] of await this.#sql.requests(ids)) this.#requests.set(id, known);
    }
  }

  /** Takes in what was committed. */
  add(batch: Batch): void {
    for (const [stream, move] of batch.moves) this.#streams.set(stream, move.after);
    for (const [id, { request, result }] of batch.placed) this.#requests.set(id, { digest: request.digest, result });
  }

  /** Knows nothing any more. */
  forget(): void {
    this.#streams.clear();
    this.#streamsComplete = false;
    this.#requests.clear();
    this.#before = new Set();
    this.#knownSinceMs = Number.POSITIVE_INFINITY;
  }

  /** True when a request may have been appended by an earlier leader, or so long ago that it was forgotten here. */
  #mayBeRepeated(requestId: string): boolean {
    return uuidTimeMs(requestId) < this.#knownSinceMs || this.#before.has(requestId);
  }
}
