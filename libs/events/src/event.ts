// SPDX-License-Identifier: Apache-2.0
import type { EventData, EventType } from './payloads.js';

/** Who caused an event. `id` is stable (a token id, a service name); `name` is for people. */
export interface Actor {
  readonly kind: 'user' | 'service' | 'agent' | 'system';
  readonly id: string;
  readonly name: string;
}

/** What every event carries; the log assigns `stream revision`, `position` and `recordedAt`. */
export interface EventEnvelope<Type extends string, Data> {
  /** UUIDv7, or UUIDv8 derived from its cause. */
  readonly id: string;
  readonly type: Type;
  readonly schemaVersion: number;
  readonly stream: string;
  /** Index in the stream, from 0. */
  readonly revision: number;
  /** Index in the log, from 0, without gaps. */
  readonly position: number;
  /** RFC 3339, at the source. */
  readonly occurredAt: string;
  /** RFC 3339 with microseconds, at the log; never goes back as positions rise. */
  readonly recordedAt: string;
  readonly actor: Actor;
  /** Id of the event (or request) that led to this one. */
  readonly causationId: string;
  /** Shared by the whole way of one change. */
  readonly correlationId: string;
  readonly data: Data;
}

/** Any event of a type that this build knows. */
export type PlumblineEvent = { readonly [Type in EventType]: EventEnvelope<Type, EventData<Type>> }[EventType];

/** One event type's envelope. */
export type EventOf<Type extends EventType> = EventEnvelope<Type, EventData<Type>>;

/** An event of a newer writer, kept as it is; consumers skip and count it. */
export interface UnknownEvent extends EventEnvelope<
  'Unknown',
  { readonly originalType: string; readonly raw: unknown }
> {}

/** What a reader of the log gets. */
export type RecordedEvent = PlumblineEvent | UnknownEvent;

/** An event before the log has it. `id` defaults to one derived from the request and the index. */
export type NewEvent = {
  readonly [Type in EventType]: {
    readonly type: Type;
    readonly data: EventData<Type>;
    /** RFC 3339; the time of the append when absent. */
    readonly occurredAt?: string;
  };
}[EventType];
