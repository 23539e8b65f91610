// SPDX-License-Identifier: Apache-2.0
import { decodeEvent, type RecordedEvent } from '@plumbline/events';
import type { AppendRequest, AppendResult, EventLog, EventPage, ReadOptions } from '../event-log.port.js';
import { checkReadOptions } from '../read-options.js';
import { AppendSender } from './append-sender.js';
import { type BodyPage, readAppended } from '../raw-log.js';
import type { LogChannel } from './log-channel.js';
import { appendToWire, placementFromWire } from './wire.js';

function decoded(bodies: readonly Uint8Array[]): RecordedEvent[] {
  return bodies.map((bytes) =>
    decodeEvent(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')),
  );
}

function positionOf(body: string): number {
  return decodeEvent(body).position;
}

/** The log of another process, over its gRPC door. */
export class GrpcEventLog implements EventLog {
  readonly #channel: LogChannel;

  readonly #sender: AppendSender;

  constructor(channel: LogChannel) {
    this.#channel = channel;

    this.#sender = new AppendSender(channel);
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const message = appendToWire(request);
    const response = await this.#channel.persist((endMs) => this.#sender.send(message, endMs));
    const placement = placementFromWire(response);
    if (response.events.length > 0) return { ...placement, events: decoded(response.events) };
    // A server of the version before returns no events.
    return { ...placement, events: (await readAppended(this, placement)).map(({ body }) => decodeEvent(body)) };
  }

  async read(options: ReadOptions): Promise<EventPage> {
    checkReadOptions(options);
    const page = await this.#channel.unary(this.#channel.client.read, {
      from: options.from,
      limit: options.limit,
      types: [...(options.types ?? [])],
    });
    return { events: decoded(page.events), nextPosition: page.nextPosition, headPosition: page.headPosition };
  }

  /** As {@link read}, undecoded. */
  async readBodies(options: ReadOptions): Promise<BodyPage> {
    checkReadOptions(options);
    const page = await this.#channel.unary(this.#channel.client.read, {
      from: options.from,
      limit: options.limit,
      types: [...(options.types ?? [])],
    });
    const bodies = page.events.map((bytes) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    );
    return {
      bodies: bodies.map((body) => ({ position: positionOf(body), body })),
      nextPosition: page.nextPosition,
      headPosition: page.headPosition,
    };
  }

  async readStream(stream: string, fromRevision = 0): Promise<readonly RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    const request = { stream, fromRevision };
    for await (const page of this.#channel.stream((metadata, options) =>
      this.#channel.client.readStream(request, metadata, options),
    )) {
      events.push(...decoded(page.events));
    }
    return events;
  }

  async head(): Promise<number> {
    return (await this.#channel.unary(this.#channel.client.head, {})).position;
  }

  /** Pages from a position on, then what is committed from then on, until the signal. @throws UpstreamError PLB-6001 when the connection breaks: subscribe again from the last `nextPosition`. */
  async *subscribe(
    options: Omit<ReadOptions, 'limit'> & { readonly signal: AbortSignal },
  ): AsyncGenerator<EventPage, void> {
    const request = { from: options.from, types: [...(options.types ?? [])] };
    for await (const page of this.#channel.stream(
      (metadata, callOptions) => this.#channel.client.subscribe(request, metadata, callOptions),
      options.signal,
    )) {
      yield { events: decoded(page.events), nextPosition: page.nextPosition, headPosition: page.headPosition };
    }
  }
}
