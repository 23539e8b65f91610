// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { AsOfQuery, AuditResult, EventsPage } from '@plumbline/api-contract';
import { ConflictError, InputError, OverloadedError } from '@plumbline/core';
import { type AuditFilter, LOG_QUERIES, type LogQueries } from '@plumbline/event-log';
import { type EventFilter, publicEvent, type RecordedEvent, wanted, wantsAll } from '@plumbline/events';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { ReadModel } from '../read-side/read-model.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { auditAsOf, hadOccurred } from './audit-as-of.js';
import { LeafIndex } from './leaf-index.js';
import { decodeToken, encodeToken, filterHash } from './resume-token.js';

/** One step of a followed stream. */
export interface StreamStep {
  /** Position up to which the reader has now seen everything that it wants. */
  readonly position: number;
  readonly events: readonly RecordedEvent[];
  /**
   * Where the reader stands towards the newest events, when that changed; `Draining` before the stream ends with its
   * process.
   */
  readonly frame?: StreamFrame;
  /** By position: of the events, and of the step itself. Absent when no tokens were asked for. */
  readonly tokens?: ReadonlyMap<number, string>;
}

/** What a stream tells of itself. */
export type StreamFrame = 'CaughtUp' | 'FellBehind' | 'Draining';

/** What to follow. */
export interface FollowInput extends EventFilter {
  /** Position of the last event already seen; from now on when absent. */
  readonly after?: number | undefined;
  /** Give a token with every step, to resume with. */
  readonly tokens?: boolean;
  readonly principal: Principal;
  readonly signal: AbortSignal;
}

/** How long a stream stays silent before it shows that it lives. */
export const HEARTBEAT_MS = 15_000;

/** The event as clients get it. Its JSON has the shape of the event, without what must not leave the installation. */
function eventDocument(event: RecordedEvent): RecordedEvent {
  return publicEvent(event) as unknown as RecordedEvent;
}

/** Reads and follows the log for clients. */
@Injectable()
export class EventsService {
  readonly #access: LogAccess;
  readonly #queries: LogQueries;
  readonly #reads: ReadModel;
  readonly #leaves: LeafIndex;
  readonly #config: GatewayConfig;

  #open = 0;

  constructor(
    @Inject(LOG_ACCESS) access: LogAccess,
    @Inject(LOG_QUERIES) queries: LogQueries,
    @Inject(ReadModel) reads: ReadModel,
    @Inject(LeafIndex) leaves: LeafIndex,
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
  ) {
    this.#access = access;
    this.#queries = queries;
    this.#reads = reads;
    this.#leaves = leaves;
    this.#config = config;
  }

  /** Looks through as much of the log as one answer may, so a rare type may take several pages. */
  async page(input: EventFilter & AsOfQuery & { readonly after: number; readonly limit: number }): Promise<EventsPage> {
    const { after, limit, asOf, knownAt, ...filter } = input;
    const at = await this.#reads.moment({ asOf, knownAt });
    if (at !== undefined && after >= at.below - 1) return { events: [], after, head: at.below - 1 };
    const page = await this.#access.log.read({
      from: after + 1,
      limit: wantsAll(filter) && at?.occurredUntil === undefined ? limit : 1_000,
    });
    const matching = page.events.filter(
      (event) => wanted(event, filter) && (at === undefined || (event.position < at.below && hadOccurred(event, at))),
    );
    const shown = matching.slice(0, limit);
    const next = matching.length > limit ? (shown.at(-1)?.position ?? after) : page.nextPosition - 1;
    const last = (at?.below ?? page.headPosition) - 1;
    return {
      events: shown.map(eventDocument),
      after: Math.max(after, at === undefined ? next : Math.min(next, last)),
      head: last,
    };
  }

  async audit({ asOf, knownAt, ...filter }: AuditFilter & AsOfQuery): Promise<AuditResult> {
    const at = await this.#reads.moment({ asOf, knownAt });
    const page =
      at === undefined
        ? await this.#queries.audit(filter)
        : await auditAsOf({ queries: this.#queries, log: this.#access.log }, filter, at);
    return { ...page, events: page.events.map(eventDocument) };
  }

  /**
   * Follows the log until the signal aborts, the token is no longer in force, or the process stops; yields also when
   * nothing came for the time of a heartbeat.
   * Counts from the first step on.
   * @throws OverloadedError PLB-5704 when too many streams are open.
   */
  follow(input: FollowInput): AsyncGenerator<StreamStep> {
    if (this.#open >= this.#config.streamsMax)
      throw new OverloadedError(
        'PLB-5704',
        `${this.#config.streamsMax} event streams are open: try again later`,
        5_000,
      );
    return this.#follow(input);
  }

  /**
   * The position that a reader goes on after: from a position, or from the token of a stream, which must be of this
   * log and this filter.
   * @throws InputError PLB-1712 for what is neither, PLB-1713 for a token of another filter; ConflictError PLB-4710
   * when the log is another one than the reader saw.
   */
  async resume(from: string | undefined, filter: EventFilter): Promise<number | undefined> {
    if (from === undefined || from === '') return undefined;
    if (/^(-1|\d{1,15})$/.test(from)) return Number(from);
    const point = decodeToken(from);
    if (point === undefined)
      throw new InputError(
        'PLB-1712',
        'Last-Event-ID or the start must be the id of an event of this stream: a position or a token',
      );
    if (point.filter !== filterHash(filter))
      throw new InputError(
        'PLB-1713',
        'the token is of a stream with other filters: begin that stream anew, or with a position',
      );
    if ((await this.#leaves.read(point.position)) !== point.leaf) {
      throw new ConflictError(
        'PLB-4710',
        `LOG_DIVERGED: this log does not have at position ${point.position} what you saw there; it was restored or forked. Compare checkpoints before you begin anew`,
        {
          details: { reason: 'LOG_DIVERGED', position: point.position },
        },
      );
    }
    return point.position;
  }

  async *#follow(input: FollowInput): AsyncGenerator<StreamStep> {
    this.#open += 1;
    try {
      let position = input.after ?? this.#access.position;
      const signal = AbortSignal.any([input.signal, this.#access.closing]);
      const { types, application, project, environment, cluster, actor } = input;
      const filter = { types, application, project, environment, cluster, actor };
      for await (const frame of this.#access.feed.frames({ after: position, signal, idleMs: HEARTBEAT_MS })) {
        if (!this.#access.state.access.isInForce(input.principal, this.#access.clock.nowMs())) return;
        if (frame.type === 'events') {
          position = frame.events.at(-1)?.position ?? position;
          yield await this.#step(input, filter, {
            position,
            events: frame.events.filter((event) => wanted(event, filter)),
          });
        } else {
          yield await this.#step(input, filter, {
            position,
            events: [],
            ...(frame.type === 'idle' ? {} : { frame: frame.type === 'caughtUp' ? 'CaughtUp' : 'FellBehind' }),
          });
        }
      }
      if (this.#access.closing.aborted && !input.signal.aborted)
        yield await this.#step(input, filter, { position, events: [], frame: 'Draining' }).catch(() => ({
          position,
          events: [],
          frame: 'Draining' as const,
        }));
    } finally {
      this.#open -= 1;
    }
  }

  async #step(input: FollowInput, filter: EventFilter, step: StreamStep): Promise<StreamStep> {
    if (input.tokens !== true) return step;
    const hash = filterHash(filter);
    const leaves = await this.#leaves.of([...new Set([...step.events.map(({ position }) => position), step.position])]);
    return {
      ...step,
      tokens: new Map([...leaves].map(([position, leaf]) => [position, encodeToken({ position, leaf, filter: hash })])),
    };
  }
}
