// SPDX-License-Identifier: Apache-2.0
import { OverloadedError } from '@plumbline/core';
import {
  type AuditFilter,
  type AuditPage,
  type EventLog,
  type ListAsOfOptions,
  type ListViewOptions,
  type LogQueries,
  microsOf,
  type ViewMoment,
  type ViewPage,
} from '@plumbline/event-log';
import type { RecordedEvent } from '@plumbline/events';
import { type StateFilter, ViewHistory, type ViewKind, ViewStore } from '@plumbline/read-models';

/** The log's queries over a fold in memory that is brought up to date by each question. */
export class InMemoryLogQueries implements LogQueries {
  readonly #log: Pick<EventLog, 'read'>;

  readonly #views = new ViewStore();
  readonly #history = new ViewHistory();
  readonly #events: RecordedEvent[] = [];

  constructor(log: Pick<EventLog, 'read'>) {
    this.#log = log;
  }

  async getView(view: string, key: string, minPosition = 0): Promise<unknown> {
    await this.#catchUp(minPosition);
    return this.#views.get(view as ViewKind, key);
  }

  async listView(view: string, options: ListViewOptions = {}): Promise<ViewPage> {
    await this.#catchUp(options.minPosition ?? 0);
    const limit = options.limit ?? 100;
    const found = [...this.#views.scan(view as ViewKind, options.keyPrefix ?? '')].filter(
      ([key]) => options.cursor === undefined || key > options.cursor,
    );
    const documents = found.slice(0, limit).map(([key, document]) => ({ key, document }));
    const last = documents.at(-1);
    return {
      documents,
      position: this.#events.length,
      ...(found.length > limit && last !== undefined ? { cursor: last.key } : {}),
    };
  }

  async getViewAsOf(view: string, key: string, at: ViewMoment): Promise<unknown> {
    await this.#catchUp(at.below);
    return this.#history.get(view as ViewKind, key, counting(at));
  }

  async listViewAsOf(view: string, at: ViewMoment, options: ListAsOfOptions = {}): Promise<ViewPage> {
    await this.#catchUp(at.below);
    const found = this.#history
      .list(view as ViewKind, options.keyPrefix ?? '', counting(at))
      .filter(([key]) => options.cursor === undefined || key > options.cursor);
    const limit = options.limit ?? 100;
    const documents = found.slice(0, limit).map(([key, document]) => ({ key, document }));
    const last = documents.at(-1);
    return {
      documents,
      position: at.below,
      ...(found.length > limit && last !== undefined ? { cursor: last.key } : {}),
    };
  }

  async positionAt(time: string): Promise<number> {
    await this.#catchUp(0);
    const micros = microsOf(time) ?? 0;
    return (this.#events.findLast((event) => (microsOf(event.recordedAt) ?? 0) <= micros)?.position ?? -1) + 1;
  }

  async audit(filter: AuditFilter): Promise<AuditPage> {
    await this.#catchUp(0);
    const ordered = filter.order === 'asc' ? this.#events : this.#events.toReversed();
    const start = filter.cursor === undefined ? 0 : Number(filter.cursor);
    const matching = ordered.filter((event) => matches(event, filter));
    const limit = filter.limit ?? 100;
    const more = matching.length > start + limit;
    return { events: matching.slice(start, start + limit), ...(more ? { cursor: String(start + limit) } : {}) };
  }

  async #catchUp(minPosition: number): Promise<void> {
    for (;;) {
      const page = await this.#log.read({ from: this.#events.length });
      for (const event of page.events) {
        this.#events.push(event);
        this.#views.apply(event);
        this.#history.apply(event);
      }
      if (this.#events.length >= page.headPosition) break;
    }
    if (this.#events.length < minPosition) throw new OverloadedError('PLB-5102', 'the view is not there yet', 1_000);
  }
}

function counting({ below, occurredUntil }: ViewMoment): StateFilter {
  const until = occurredUntil === undefined ? Number.POSITIVE_INFINITY : (microsOf(occurredUntil) ?? 0);
  return (state) => state.position < below && (microsOf(state.occurredAt) ?? 0) <= until;
}

function matches(event: RecordedEvent, filter: AuditFilter): boolean {
  const data: Readonly<Record<string, unknown>> = { ...event.data };
  const { actor, type, application, environment, cluster, correlationId, since, until } = filter;
  return (
    (actor === undefined || event.actor.id === actor || event.actor.name === actor) &&
    (type === undefined || event.type === type) &&
    (application === undefined || data['application'] === application) &&
    (environment === undefined || data['environment'] === environment) &&
    (cluster === undefined || data['cluster'] === cluster) &&
    (correlationId === undefined || event.correlationId === correlationId) &&
    (since === undefined || event.recordedAt >= since) &&
    (until === undefined || event.recordedAt < until)
  );
}
