// SPDX-License-Identifier: Apache-2.0
import { JetStreamApiError, jetstream, jetstreamManager, type JetStreamManager, PubHeaders } from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { InvariantError, messageOf, UpstreamError } from '@plumbline/core';
import type { VerifierKey } from '@plumbline/merkle';
import type { EventMessage, EventPublisher } from '../event-publisher.port.js';
import { MessageVerifier } from '../groups/message-verifier.js';
import { ensureEventStream, EVENT_STREAM, FORMER_STREAMS, isMissing } from './event-stream.js';
import type { NatsLink } from './nats-link.js';

/** How a {@link JetStreamPublisher} is set up. */
export interface JetStreamPublisherOptions {
  readonly link: NatsLink;
  /** Public keys of the log; tell messages of the log in the stream from those of others. */
  readonly keys: readonly VerifierKey[];
  /** How long one publish may take, in milliseconds; 5,000 when absent. */
  readonly timeoutMs?: number;
}

/** Messages under way at once, by count and by bytes; the server answers for all of them together. */
const MAX_IN_FLIGHT = 1_000;
const MAX_IN_FLIGHT_BYTES = 4 * 1024 * 1024;
/** Headers of a message take far less. */
const HEADER_BYTES = 4_096;

/** Where the stream ends. */
interface End {
  readonly sequence: number;
  /** Position of the last event in it, -1 when unknown: then nothing is taken to be there. */
  readonly position: number;
}

/**
 * Publishes each event as one message of the stream `PLUMBLINE_EVENTS`. The server stores a message only behind the
 * one before it, so
 * that every event is in the stream once and in order, whoever has published before and whatever was lost on the way:
 * many messages are
 * under way at once, and the answer to the last one is the answer to all. A stream that was lost is created again by
 * the next publish.
 */
export class JetStreamPublisher implements EventPublisher {
  readonly trustedKeys: readonly VerifierKey[];
  readonly #link: NatsLink;
  readonly #verifier: MessageVerifier;
  readonly #timeoutMs: number;
  #of: NatsConnection | undefined;
  #end: End | undefined;

  constructor(options: JetStreamPublisherOptions) {
    this.trustedKeys = options.keys;
    this.#link = options.link;
    this.#verifier = new MessageVerifier(options.keys);
    this.#timeoutMs = options.timeoutMs ?? 5_000;
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  /**
   * Creates the stream if there is none, so that consumers find it before the first event. @throws UpstreamError
   * PLB-6010, PLB-6011
   */
  async prepare(): Promise<void> {
    await ensureEventStream(await this.#link.connection(this.#timeoutMs));
  }

  async publish(messages: readonly EventMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const connection = await this.#link.connection(this.#timeoutMs);
    try {
      this.#checkSizes(connection, messages);
      for (const chunk of chunksOf(messages)) await this.#publishChunk(connection, chunk);
    } catch (error) {
      this.#end = undefined;
      if (error instanceof UpstreamError || error instanceof InvariantError) throw error;
      const last = messages.at(-1)?.position;
      throw new UpstreamError(
        'PLB-6010',
        `the events ${messages[0]?.position} to ${last} could not be published to NATS: ${messageOf(error)}`,
        { cause: error },
      );
    }
    if (messages.some(({ subject }) => subject.includes('.PersonErased.'))) await purgeFormerStreams(connection);
  }

  /** The link belongs to its owner and stays open. */
  async close(): Promise<void> {
    this.#end = undefined;
  }

  async #publishChunk(connection: NatsConnection, chunk: readonly EventMessage[]): Promise<void> {
    const [first] = chunk;
    if (this.#of !== connection || this.#end === undefined) this.#end = await this.#findEnd(connection);
    this.#of = connection;
    // What does not follow on the last one: another process has published since.
    if (first !== undefined && first.position !== this.#end.position + 1) this.#end = await this.#findEnd(connection);
    const { sequence, position } = this.#end;
    const missing = chunk.filter((message) => message.position > position);
    const last = missing.at(-1);
    if (last === undefined) return;
    for (const [index, message] of missing.entries()) {
      if (message === last) break;
      const head = headersOf(message, { sequence: sequence + index, behind: missing[index - 1]?.id });
      connection.publish(message.subject, message.body, { headers: head });
    }
    const behind = missing.at(-2)?.id;
    const lastSequence = sequence + missing.length - 1;
    const answer = await jetstream(connection).publish(last.subject, last.body, {
      headers: headersOf(last, { sequence: lastSequence, behind }),
      timeout: this.#timeoutMs,
      retries: 1,
    });
    if (answer.seq !== lastSequence + 1 || answer.duplicate)
      throw new Error(`the stream ends at ${answer.seq} instead of ${lastSequence + 1}`);
    this.#end = { sequence: answer.seq, position: last.position };
  }

  /** Messages of others do not count: the last message of the log tells how far it is. */
  async #findEnd(connection: NatsConnection): Promise<End> {
    const manager = await ensureEventStream(connection);
    const { state } = await manager.streams.info(EVENT_STREAM);
    const sequence = state.last_seq;
    return { sequence, position: state.messages === 0 ? -1 : await this.#positionAt(manager, sequence) };
  }

  async #positionAt(manager: JetStreamManager, sequence: number): Promise<number> {
    try {
      const message = await manager.streams.getMessage(EVENT_STREAM, { seq: sequence });
      if (message === null) return -1;
      const checked = this.#verifier.check({
        subject: message.subject,
        header: (name) => message.header.get(name),
        body: message.data,
      });
      return 'reason' in checked ? -1 : checked.position;
    } catch (error) {
      // Somebody removed the last message: what follows is new in any case.
      if (error instanceof JetStreamApiError) return -1;
      throw error;
    }
  }

  #checkSizes(connection: NatsConnection, messages: readonly EventMessage[]): void {
    const limit = connection.info?.max_payload ?? 1_048_576;
    const large = messages.find(({ body }) => body.length + HEADER_BYTES > limit);
    if (large === undefined) return;
    throw new UpstreamError(
      'PLB-6010',
      `the event ${large.position} has ${large.body.length} bytes, and the NATS server takes at most ${limit} bytes; set its max_payload to 128KB or more`,
    );
  }
}

function headersOf(
  message: EventMessage,
  place: { readonly sequence: number; readonly behind: string | undefined },
): MsgHdrs {
  const head = headers();
  for (const [name, value] of Object.entries(message.headers)) head.set(name, value);
  head.set(PubHeaders.MsgIdHdr, message.id);
  head.set(PubHeaders.ExpectedStreamHdr, EVENT_STREAM);
  head.set(PubHeaders.ExpectedLastSeqHdr, String(place.sequence));
  // The first one has its place by the sequence alone: a server that was started again may not have the id of the
  // last message any
  // more (seen with 2.9), and would refuse it.
  if (place.behind !== undefined) head.set(PubHeaders.ExpectedLastMsgIdHdr, place.behind);
  return head;
}

function* chunksOf(messages: readonly EventMessage[]): Iterable<readonly EventMessage[]> {
  let chunk: EventMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (chunk.length === MAX_IN_FLIGHT || (chunk.length > 0 && bytes + message.body.length > MAX_IN_FLIGHT_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(message);
    bytes += message.body.length;
  }
  if (chunk.length > 0) yield chunk;
}

/**
 * Streams of earlier versions have names of people in clear; those of this version are sealed, and cannot be opened
 * after an erasure.
 */
async function purgeFormerStreams(connection: NatsConnection): Promise<void> {
  const { streams } = await jetstreamManager(connection, { checkAPI: false });
  for (const name of FORMER_STREAMS) {
    await streams.purge(name).catch((error: unknown) => {
      if (isMissing(error)) return;
      throw new UpstreamError('PLB-6010', `the stream ${name} could not be purged: ${messageOf(error)}`, {
        cause: error,
      });
    });
  }
}
