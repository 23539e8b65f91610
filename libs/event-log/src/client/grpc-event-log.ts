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

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Position and type of a stored text, or undefined when it has none that can be read. */
function placeOf(body: string): { readonly position: number; readonly type: unknown } | undefined {
  try {
    const { position, type } = JSON.parse(body) as { readonly position?: unknown; readonly type?: unknown };
    return typeof position === 'number' ? { position, type } : undefined;
  } catch {
    // Not JSON: the caller finds the position by counting.
    return undefined;
  }
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
    const page = await this.#readPage(options);
    const bodies = page.events.map(textOf);
    const places = bodies.map(placeOf);
    if (!places.includes(undefined))
      return {
        bodies: bodies.map((body, index) => ({ position: places[index]?.position ?? 0, body })),
        nextPosition: page.nextPosition,
        headPosition: page.headPosition,
      };
    // Without a filter positions are contiguous, so that those of unreadable texts are known too.
    const whole =
      options.types === undefined
        ? page
        : await this.#readPage({
            from: options.from,
            ...(options.limit === undefined ? {} : { limit: options.limit }),
          });
    const wanted = new Set<unknown>(options.types);
    return {
      bodies: whole.events.map(textOf).flatMap((body, index) => {
        const place = placeOf(body);
        const isWanted = options.types === undefined || place === undefined || wanted.has(place.type);
        return isWanted ? [{ position: options.from + index, body }] : [];
      }),
      nextPosition: whole.nextPosition,
      headPosition: whole.headPosition,
    };
  }

  async readStreamBodies(stream: string, fromRevision = 0): Promise<readonly string[]> {
    const bodies: string[] = [];
    const request = { stream, fromRevision };
    for await (const page of this.#channel.stream((metadata, options) =>
      this.#channel.client.readStream(request, metadata, options),
    )) {
      bodies.push(...page.events.map(textOf));
    }
    return bodies;
  }

  async #readPage(
    options: ReadOptions,
  ): Promise<{ readonly events: readonly Uint8Array[]; readonly nextPosition: number; readonly headPosition: number }> {
    return this.#channel.unary(this.#channel.client.read, {
      from: options.from,
      limit: options.limit,
      types: [...(options.types ?? [])],
    });
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

  /**
   * Pages from a position on, then what is committed from then on, until the signal. @throws UpstreamError PLB-6001
   * when the connection breaks: subscribe again from the last `nextPosition`.
   */
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
