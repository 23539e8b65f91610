// SPDX-License-Identifier: Apache-2.0
import type { Actor, EventType, NewEvent, RecordedEvent, ServiceName } from '@plumbline/events';

/** Injection token of the {@link EventLog}. */
export const EVENT_LOG = Symbol('EVENT_LOG');

/** What the stream must look like for the append to happen. */
export type ExpectedRevision =
  | { readonly type: 'any' }
  | { readonly type: 'noStream' }
  | { readonly type: 'exists' }
  /** The revision of the last event in the stream. */
  | { readonly type: 'exact'; readonly revision: number };

/** Events for one stream. */
export interface AppendItem {
  /** `<kind>-<id>`. */
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly NewEvent[];
}

/** One append: all of it or nothing, over any number of streams. */
export interface AppendRequest {
  /**
   * UUIDv7, or a UUIDv8 from `derivedId` (core); at most 30 days old. A repeat with the same content answers with the
   * first result.
   * Content is what would be recorded: actor, service, causation, correlation, streams, types, data; not `expected`,
   * not `occurredAt`.
   */
  readonly requestId: string;
  readonly actor: Actor;
  /** The service that appends; the log refuses types that it does not own. */
  readonly service: ServiceName;
  /** Id of the event that led to this; the request id when absent. */
  readonly causationId?: string;
  /** The way of change this belongs to; the causation id when absent. */
  readonly correlationId?: string;
  readonly items: readonly AppendItem[];
}

/** The positions and revisions that the log gave to the events of an append. */
export interface AppendPlacement {
  /** True when the request had been appended before. */
  readonly duplicate: boolean;
  /** Positions of the events in the order of the request; contiguous. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly recordedAt: string;
  /** Revision of the last event per stream of the request. */
  readonly revisions: Readonly<Record<string, number>>;
}

/** The answer to an append. */
export interface AppendResult extends AppendPlacement {
  /**
   * The recorded events in the order of the request, as `read` returns them at these positions: with id, position,
   * revision and times.
   * The same for a repeated request, so a caller folds its own events without reading them again.
   */
  readonly events: readonly RecordedEvent[];
}

/** Limits what {@link EventLog.read} returns. */
export interface ReadOptions {
  /** First position wanted. */
  readonly from: number;
  /** At most this many events; 1,000 when absent. */
  readonly limit?: number;
  readonly types?: readonly EventType[];
}

/** A page of events and where to go on. */
export interface EventPage {
  readonly events: readonly RecordedEvent[];
  /** Read from here next; above the last event even when a filter dropped everything. */
  readonly nextPosition: number;
  /** One above the last readable position at the time of the read. */
  readonly headPosition: number;
}

/** The stored text of an event. */
export interface StoredBody {
  readonly position: number;
  /** Canonical JSON, byte for byte as hashed; sealed personal fields revealed, as `read` returns them. */
  readonly body: string;
}

/** As {@link EventPage}, undecoded. */
export interface BodyPage {
  readonly bodies: readonly StoredBody[];
  readonly nextPosition: number;
  readonly headPosition: number;
}

/** The append-only log of all events. */
export interface EventLog {
  /**
   * Appends and returns the recorded events. Acknowledged only when durable.
   * @throws InputError PLB-11xx bad data; AuthError PLB-2101 type not owned by `service`; ConflictError PLB-4101
   * expected revision, PLB-4102 request id reused with other content; OverloadedError PLB-5101; UpstreamError
   * PLB-6001 outcome unknown or not reachable (retry with the same request id).
   */
  append(request: AppendRequest): Promise<AppendResult>;
  /** Reads committed events in order; position n is never readable before all below it. */
  read(options: ReadOptions): Promise<EventPage>;
  /** Reads one stream from a revision on; empty when there is none. */
  readStream(stream: string, fromRevision?: number): Promise<readonly RecordedEvent[]>;
  /** As {@link read}, undecoded: an event that this build cannot decode does not hide the others of its page. */
  readBodies(options: ReadOptions): Promise<BodyPage>;
  /** As {@link readStream}, undecoded; the element at index n has revision `fromRevision + n`. */
  readStreamBodies(stream: string, fromRevision?: number): Promise<readonly string[]>;
  /** One above the last committed position; 0 for an empty log. */
  head(): Promise<number>;
}
