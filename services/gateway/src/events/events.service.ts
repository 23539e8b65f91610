// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { OverloadedError } from '@plumbline/core';
import { LOG_QUERIES } from '@plumbline/event-log';
import type { AuditFilter, LogQueries } from '@plumbline/event-log';
import type { RecordedEvent } from '@plumbline/events';
import { GATEWAY_CONFIG } from '../gateway.config.js';
import type { GatewayConfig } from '../gateway.config.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS } from '../state/log-access.js';
import type { LogAccess } from '../state/log-access.js';
import { publicEvent, wanted } from './public-event.js';
import type { EventFilter } from './public-event.js';

export type PublicEvent = Record<string, unknown>;

/** A page of events. */
export interface EventsPage {
  readonly events: readonly PublicEvent[];
  readonly after: number;
  readonly head: number;
}

/** One step of a followed stream. */
export interface StreamStep {
  /** Position up to which the reader has now seen everything that it wants. */
  readonly position: number;
  readonly events: readonly RecordedEvent[];
}

/** What to follow. */
export interface FollowInput extends EventFilter {
  /** Position of the last event already seen; from now on when absent. */
  readonly after?: number | undefined;
  readonly principal: Principal;
  readonly signal: AbortSignal;
}

/** How long a stream stays silent before it shows that it lives. */
export const HEARTBEAT_MS = 15_000;

/** Reads and follows the log for clients. */
@Injectable()
export class EventsService {
  #open = 0;

  constructor(
    @Inject(LOG_ACCESS) private readonly access: LogAccess,
    @Inject(LOG_QUERIES) private readonly queries: LogQueries,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  /** Looks through as much of the log as one answer may, so a rare type may take several pages. */
  async page(input: EventFilter & { readonly after: number; readonly limit: number }): Promise<EventsPage> {
    const { after, limit, ...filter } = input;
    const page = await this.access.log.read({ from: after + 1, limit: filter.application === undefined && filter.types === undefined ? limit : 1_000 });
    const matching = page.events.filter((event) => wanted(event, filter));
    const shown = matching.slice(0, limit);
    const next = matching.length > limit ? (shown.at(-1)?.position ?? after) : page.nextPosition - 1;
    return { events: shown.map(publicEvent), after: Math.max(after, next), head: page.headPosition - 1 };
  }

  async audit(filter: AuditFilter): Promise<{ readonly events: readonly PublicEvent[]; readonly cursor?: string }> {
    const page = await this.queries.audit(filter);
    return { ...page, events: page.events.map(publicEvent) };
  }

  /**
   * Follows the log until the signal aborts, the token is no longer in force, or the process stops; yields also when nothing came for the time of a heartbeat.
   * Counts from the first step on.
   * @throws OverloadedError PLB-5704 when too many streams are open.
   */
  follow(input: FollowInput): AsyncGenerator<StreamStep> {
    if (this.#open >= this.config.streamsMax) throw new OverloadedError('PLB-5704', `${this.config.streamsMax} event streams are open: try again later`, 5_000);
    return this.#follow(input);
  }

  async *#follow(input: FollowInput): AsyncGenerator<StreamStep> {
    this.#open += 1;
    try {
      let position = input.after ?? this.access.position;
      const signal = AbortSignal.any([input.signal, this.access.closing]);
      for await (const events of this.access.feed.batches({ after: position, signal, idleMs: HEARTBEAT_MS })) {
        if (!this.access.state.access.isInForce(input.principal, this.access.clock.nowMs())) return;
        position = events.at(-1)?.position ?? position;
        yield { position, events: events.filter((event) => wanted(event, input)) };
      }
    } finally {
      this.#open -= 1;
    }
  }
}
