// SPDX-License-Identifier: Apache-2.0
import type {
  AppendRequest,
  AppendResult,
  BodyPage,
  EventLog,
  EventPage,
  ReadOptions,
  StoredBody,
} from '@plumbline/event-log';
import { decodeEvent, type RecordedEvent } from '@plumbline/events';

/** Returns another text for an event, or undefined to leave it. */
export type Alteration = (event: Readonly<Record<string, unknown>>) => Record<string, unknown> | string | undefined;

/** A log whose readers get altered texts, as if the writer had recorded them so; what is stored stays as it is. */
export class AlterableLog implements EventLog {
  readonly #log: EventLog;
  readonly #alterations = new Set<Alteration>();

  constructor(log: EventLog) {
    this.#log = log;
  }

  /** Alters what is read from now on; the returned function ends it. */
  alter(alteration: Alteration): () => void {
    this.#alterations.add(alteration);
    return () => this.#alterations.delete(alteration);
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    return this.#log.append(request);
  }

  async read(options: ReadOptions): Promise<EventPage> {
    const { bodies, nextPosition, headPosition } = await this.readBodies(options);
    return { events: bodies.map(({ body }) => decodeEvent(body)), nextPosition, headPosition };
  }

  async readBodies(options: ReadOptions): Promise<BodyPage> {
    const page = await this.#log.readBodies(options);
    return { ...page, bodies: page.bodies.map(({ position, body }) => ({ position, body: this.#altered(body) })) };
  }

  async readStream(stream: string, fromRevision?: number): Promise<readonly RecordedEvent[]> {
    return (await this.readStreamBodies(stream, fromRevision)).map((body) => decodeEvent(body));
  }

  async readStreamBodies(stream: string, fromRevision?: number): Promise<readonly string[]> {
    return (await this.#log.readStreamBodies(stream, fromRevision)).map((body) => this.#altered(body));
  }

  async head(): Promise<number> {
    return this.#log.head();
  }

  #altered(body: StoredBody['body']): string {
    if (this.#alterations.size === 0) return body;
    const event = JSON.parse(body) as Record<string, unknown>;
    for (const alteration of this.#alterations) {
      const altered = alteration(event);
      if (altered !== undefined) return typeof altered === 'string' ? altered : JSON.stringify(altered);
    }
    return body;
  }
}
