// SPDX-License-Identifier: Apache-2.0
import { JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { messageOf, UpstreamError } from '@plumbline/core';
import { cloudEvent, facetsOf, type RecordedEvent } from '@plumbline/events';
import { ensureStream, type WantedStream } from './event-stream.js';

/** Name of the stream with a message per event. */
export const SUBJECT_STREAM = 'PL_OUT';

const WANTED: WantedStream = {
  name: SUBJECT_STREAM,
  description: 'Plumbline: committed events, one a message, by what they are about',
  subjects: 'pl.out.>',
};

const NONE = '-';
const SEVERAL = '+';

/** One part of a subject: percent-encoded, without what separates parts or stands for several. */
export function subjectToken(value: string | undefined): string {
  if (value === undefined || value === '') return NONE;
  if (value === NONE || value === SEVERAL) return `%${value.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(value.toWellFormed()).replaceAll('.', '%2E').replaceAll('*', '%2A');
}

/** `pl.out.<shard>.<project>.<application>.<environment>.<cluster>.<type>.<actor>`; `-` for none, `+` for several clusters. */
export function eventSubject(shard: number, event: RecordedEvent): string {
  const { type, application, project, environment, clusters } = facetsOf(event);
  const distinct = new Set(clusters);
  const cluster = distinct.size > 1 ? SEVERAL : subjectToken(clusters[0]);
  const name = application?.slice(application.indexOf('/') + 1);
  return [
    'pl.out',
    shard,
    subjectToken(project),
    subjectToken(name),
    subjectToken(environment),
    cluster,
    subjectToken(type),
    subjectToken(event.actor.id),
  ].join('.');
}

const messageId = (shard: number, position: number): string => `${shard}:${position}`;

/** Where the stream ends. */
interface End {
  readonly sequence: number;
  /** Position of the last event in it; undefined for an empty one. */
  readonly position: number | undefined;
}

/**
 * Publishes each event on a subject that says what it is about, as a CloudEvent. The stream itself says how far it is, and takes a message only behind the one that it was
 * made for: so every event is in it once and in order, whoever published before and whatever was lost on the way.
 */
export class EventSubjects {
  #of: NatsConnection | undefined;
  #end: End | undefined;

  /** @throws UpstreamError PLB-6010 when not all of them are in the stream: publish again. */
  async publish(
    connection: NatsConnection,
    batch: { readonly shard: number; readonly events: readonly RecordedEvent[] },
    timeoutMs: number,
  ): Promise<void> {
    try {
      if (this.#of !== connection || this.#end === undefined) this.#end = await this.#findEnd(connection);
      this.#of = connection;
      // What does not follow on the last one: somebody else has published since.
      if (batch.events[0]?.position !== (this.#end.position ?? -1) + 1) this.#end = await this.#findEnd(connection);
      const { sequence, position } = this.#end;
      const events = batch.events.filter((event) => event.position > (position ?? -1));
      const last = events.at(-1);
      if (last === undefined) return;
      // All under way at once; a message behind one that was not taken is not taken either, also when somebody else filled its place. The first one has its place by
      // the sequence alone: a server that was started again may have forgotten the id of the last message (seen with 2.9), and would refuse it for ever.
      const sent = events.map((event, index) =>
        this.#send(
          connection,
          { shard: batch.shard, event, sequence: sequence + index, behind: events[index - 1]?.position },
          timeoutMs,
        ),
      );
      const failed = (await Promise.allSettled(sent)).find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      this.#end = { sequence: sequence + events.length, position: last.position };
    } catch (error) {
      this.#end = undefined;
      if (error instanceof UpstreamError) throw error;
      throw new UpstreamError('PLB-6010', `the bus did not take events on their subjects: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Removes the messages below a position that was published, and is the first of its batch. */
  async forget(connection: NatsConnection, position: number): Promise<void> {
    const end = this.#of === connection && this.#end !== undefined ? this.#end : await this.#findEnd(connection);
    // One message for each position: within a batch they follow one another.
    const sequence = end.position === undefined ? end.sequence + 1 : end.sequence - (end.position - position);
    await (await jetstreamManager(connection)).streams.purge(SUBJECT_STREAM, { seq: sequence });
  }

  async #send(
    connection: NatsConnection,
    place: {
      readonly shard: number;
      readonly event: RecordedEvent;
      readonly sequence: number;
      readonly behind: number | undefined;
    },
    timeoutMs: number,
  ): Promise<void> {
    const { shard, event, sequence, behind } = place;
    const head = headers();
    head.set('Content-Type', 'application/cloudevents+json; charset=utf-8');
    head.set('Pl-Position', String(event.position));
    await jetstream(connection).publish(eventSubject(shard, event), cloudEvent(event), {
      headers: head,
      timeout: timeoutMs,
      retries: 1,
      msgID: messageId(shard, event.position),
      expect: {
        streamName: SUBJECT_STREAM,
        lastSequence: sequence,
        ...(behind === undefined ? {} : { lastMsgID: messageId(shard, behind) }),
      },
    });
  }

  async #findEnd(connection: NatsConnection): Promise<End> {
    const manager = await ensureStream(connection, WANTED);
    const { state } = await manager.streams.info(SUBJECT_STREAM);
    if (state.messages === 0) return { sequence: state.last_seq, position: undefined };
    try {
      const message = await manager.streams.getMessage(SUBJECT_STREAM, { seq: state.last_seq });
      const position = Number(message?.header.get('Pl-Position'));
      return { sequence: state.last_seq, position: Number.isSafeInteger(position) ? position : undefined };
    } catch (error) {
      // Somebody removed the last message: what follows is new in any case.
      if (error instanceof JetStreamApiError) return { sequence: state.last_seq, position: undefined };
      throw error;
    }
  }
}
