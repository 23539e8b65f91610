// SPDX-License-Identifier: Apache-2.0
import { jetstream, jetstreamManager, type PubAck } from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { messageOf, UpstreamError } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import { traceHeaders } from '../bus-server.js';
import type { EventBus, EventEnvelopeBatch } from '../bus.port.js';
import { type EncodedBatch, encodeInPieces } from '../codec.js';
import { ensureEventStream, EVENT_STREAM, isMissing, subjectOf } from './event-stream.js';
import { EventSubjects, SUBJECT_STREAM } from './event-subjects.js';
import { facetHeaders } from './facet-headers.js';
import type { NatsLink } from './nats-link.js';

const SPACE_FOR_HEADERS_BYTES = 4_096;

/** How a {@link JetStreamBus} is set up. */
export interface JetStreamBusOptions {
  readonly link: NatsLink;
  /** How long one publish may take, in milliseconds; 5,000 when absent. */
  readonly timeoutMs?: number;
  /** Publish each event on a subject of its own too, into the stream `PL_OUT`. */
  readonly subjects?: boolean;
}

function headersOf(shard: number, piece: EncodedBatch, events: readonly RecordedEvent[]): MsgHdrs {
  const result = headers();
  result.set('Pl-First', String(piece.firstPosition));
  result.set('Pl-Last', String(piece.lastPosition));
  // Positions have no gaps and a shard is one partition, so the batch before always ends right below.
  result.set('Pl-Prev', String(piece.firstPosition - 1));
  result.set('Pl-Shard', String(shard));
  for (const [key, value] of Object.entries(facetHeaders(events))) result.set(key, value);
  for (const [key, value] of Object.entries(traceHeaders())) result.set(key, value);
  return result;
}

/**
 * Publishes batches to the stream `PL_EV`. A repeated batch is recognised by its positions within two minutes. Batches above the
 * server's payload limit travel in pieces. A stream that was lost is created again by the next publish. Messages from before the erasure of a
 * person are removed with it.
 */
export class JetStreamBus implements EventBus {
  readonly #link: NatsLink;
  readonly #timeoutMs: number;
  readonly #subjects: EventSubjects | undefined;
  #checked: NatsConnection | undefined;

  constructor(options: JetStreamBusOptions) {
    this.#link = options.link;
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    this.#subjects = options.subjects === true ? new EventSubjects() : undefined;
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  async publish(batch: EventEnvelopeBatch): Promise<void> {
    if (batch.events.length === 0) return;
    const connection = await this.#link.connection(this.#timeoutMs);
    const maxBytes = Math.max(
      (connection.info?.max_payload ?? 1_048_576) - SPACE_FOR_HEADERS_BYTES,
      SPACE_FOR_HEADERS_BYTES,
    );
    try {
      if (this.#checked !== connection) await this.#check(connection);
      const sequences: number[] = [];
      for (const piece of encodeInPieces(batch, maxBytes))
        sequences.push((await this.#publishPiece(connection, batch, piece)).seq);
      await this.#subjects?.publish(connection, batch, this.#timeoutMs);
      if (batch.events.some(({ type }) => type === 'PersonErased'))
        await this.#forget(connection, { sequence: sequences[0] ?? 0, position: batch.firstPosition });
    } catch (error) {
      // The stream may be gone; nobody answers on its subjects then, which looks like any other failure.
      this.#checked = undefined;
      if (error instanceof UpstreamError) throw error;
      throw new UpstreamError(
        'PLB-6010',
        `positions ${batch.firstPosition} to ${batch.lastPosition} could not be published to the bus: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  /** The link belongs to who made it and stays open. */
  async close(): Promise<void> {
    this.#checked = undefined;
  }

  async #check(connection: NatsConnection): Promise<void> {
    await ensureEventStream(connection);
    this.#checked = connection;
  }

  /**
   * Messages hold what people are called in clear, so those from before an erasure go: all below the one that tells of it, which is in
   * the stream by now. Who has not read them yet reads the log, where the person is erased.
   */
  async #forget(
    connection: NatsConnection,
    before: { readonly sequence: number; readonly position: number },
  ): Promise<void> {
    const { streams } = await jetstreamManager(connection);
    await streams.purge(EVENT_STREAM, { seq: before.sequence });
    if (this.#subjects !== undefined) return this.#subjects.forget(connection, before.position);
    // From a time when the setting was on.
    await streams.purge(SUBJECT_STREAM).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  async #publishPiece(
    connection: NatsConnection,
    { shard, events }: EventEnvelopeBatch,
    piece: EncodedBatch,
  ): Promise<PubAck> {
    const sent = events.filter(({ position }) => position >= piece.firstPosition && position <= piece.lastPosition);
    const send = async (): Promise<PubAck> =>
      jetstream(connection).publish(subjectOf(shard), piece.bytes, {
        msgID: `${shard}:${piece.lastPosition}`,
        headers: headersOf(shard, piece, sent),
        timeout: this.#timeoutMs,
        retries: 1,
        expect: { streamName: EVENT_STREAM },
      });
    try {
      return await send();
    } catch {
      // Once more with the same id after looking at the stream: it was lost, or the answer was.
      await this.#check(connection);
      return send();
    }
  }
}
