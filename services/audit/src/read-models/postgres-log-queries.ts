// SPDX-License-Identifier: Apache-2.0
import { InputError, messageOf, OverloadedError, UpstreamError } from '@plumbline/core';
import { decodeEvent } from '@plumbline/events';
import {
  type AuditFilter,
  type AuditPage,
  type ListAsOfOptions,
  type ListViewOptions,
  type LogQueries,
  microsOf,
  type RawEventLog,
  type StoredBody,
  type ViewMoment,
  type ViewPage,
} from '@plumbline/event-log';
import { ViewKind } from '@plumbline/read-models';
import type pg from 'pg';
import { CONSUMER } from './projection-tables.js';
import { decodeCursor, encodeCursor } from './cursor.js';

/** Tells how far the views are. */
export interface ProjectionProgress {
  /** True when everything below the position is in the tables; false when the time is over before. */
  waitFor(position: number, timeoutMs: number): Promise<boolean>;
}

/**
 * The log as the search needs it: opens the personal data in stored events that has not been erased, and has those
 * that were archived.
 */
export interface ReadableLog extends Pick<RawEventLog, 'readBodies'> {
  reveal(bodies: readonly StoredBody[]): Promise<readonly StoredBody[]>;
}

/** A page of documents as JSON text. */
export interface TextPage {
  readonly documents: readonly { readonly key: string; readonly text: string }[];
  readonly cursor?: string;
  readonly position: number;
}

const SHARD = 0;
const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 5_000;
/** Text of the documents or events of one page: keeps an answer below the message limit of the door. */
const PAGE_CHARS = 8 * 1024 * 1024;
/** How long a question waits for the views to reach `minPosition`. */
export const VIEW_WAIT_MS = 5_000;

const LIVE = `select l.version, l.history, coalesce(c.pos, 0) as pos from projection.live l
  left join ledger.cursor c on c.consumer = l.consumer and c.version = l.version and c.shard = ${SHARD} and c.partition = 0
  where l.consumer = '${CONSUMER}'`;

/**
 * The state of a document that counts: the newest below $3 and, by time, the newest of those that occurred by $4.
 * What occurred by then was
 * recorded at most a minute later, or is among the few that came late: so no walk through all states since.
 */
function stateOf(
  key: { readonly version: string; readonly view: string; readonly key: string },
  byTime: boolean,
): string {
  const state = (where: string): string => `select document, from_pos from projection.history
    where version = ${key.version} and view = ${key.view} and key = ${key.key} and from_pos < $3 ${where} order by from_pos desc limit 1`;
  if (!byTime) return state('');
  const near = `coalesce((select last_pos + 1 from ledger.commit where shard = ${SHARD} and recorded_at <= $4::timestamptz + interval '1 minute' order by recorded_at desc limit 1), 0)`;
  return `select document, from_pos from (
    (${state(`and from_pos < ${near} and occurred_at <= $4`)})
    union all (${state(`and from_pos >= ${near} and occurred_at <= $4 and recorded_at - occurred_at > interval '1 minute'`)})
  ) found order by from_pos desc limit 1`;
}

/** Answers from the tables of the projections; works in every process that reaches the database. */
export class PostgresLogQueries implements LogQueries {
  readonly #parts: {
    readonly pool: pg.Pool;
    readonly progress: ProjectionProgress;
    readonly log?: ReadableLog;
    readonly waitMs?: number;
  };

  constructor(parts: {
    readonly pool: pg.Pool;
    readonly progress: ProjectionProgress;
    readonly log?: ReadableLog;
    readonly waitMs?: number;
  }) {
    this.#parts = parts;
  }

  async getView(view: string, key: string, minPosition?: number): Promise<unknown> {
    checkView(view);
    await this.#reach(minPosition);
    const { rows } = await this.#query<{ document: unknown }>({
      name: 'get-view',
      text: `select d.document from (${LIVE}) l join projection.document d on d.version = l.version and d.view = $1 and d.key = $2`,
      values: [view, key],
    });
    return rows[0]?.document;
  }

  async listView(view: string, options: ListViewOptions = {}): Promise<ViewPage> {
    checkView(view);
    const limit = checkLimit(options.limit);
    const prefix = options.keyPrefix ?? '';
    const after = options.cursor === undefined ? undefined : decodeCursor(options.cursor);
    await this.#reach(options.minPosition);
    // The cursor of the projection and the documents in one statement: both from one moment.
    const { rows } = await this.#query<{ pos: string; key: string | null; document: string | null }>({
      name: 'list-view',
      text: `select l.pos, d.key, d.document from (${LIVE}) l left join lateral (
          select key, document::text as document from projection.document
          where version = l.version and view = $1 and key >= $2 and starts_with(key, $2) and ($3::text is null or key > $3) order by key limit $4
        ) d on true`,
      values: [view, prefix, after ?? null, limit + 1],
    });
    return { ...pageOf(rows, limit), position: Number(rows[0]?.pos ?? 0) };
  }

  async getViewAsOf(view: string, key: string, at: ViewMoment): Promise<unknown> {
    checkView(view);
    const { below, byTime, values } = checkMoment(at);
    await this.#reach(below);
    const { rows } = await this.#query<{ history: boolean; document: unknown }>({
      name: byTime ? 'get-view-as-of-time' : 'get-view-as-of',
      text: `select l.history, s.document from (${LIVE}) l left join lateral (${stateOf({ version: 'l.version', view: '$1', key: '$2' }, byTime)}) s on true`,
      values: [view, key, ...values],
    });
    requireHistory(rows[0]);
    return rows[0]?.document ?? undefined;
  }

  async listViewAsOf(view: string, at: ViewMoment, options: ListAsOfOptions = {}): Promise<ViewPage> {
    const { documents, ...page } = await this.listTextsAsOf(view, at, options);
    return { ...page, documents: documents.map(({ key, text }) => ({ key, document: JSON.parse(text) as unknown })) };
  }

  /** As {@link listViewAsOf}, with the documents as they are stored: for who only passes them on. */
  async listTextsAsOf(view: string, at: ViewMoment, options: ListAsOfOptions = {}): Promise<TextPage> {
    checkView(view);
    const { below, byTime, values } = checkMoment(at);
    const limit = checkLimit(options.limit);
    const after = options.cursor === undefined ? null : decodeCursor(options.cursor);
    await this.#reach(below);
    const [afterKey, rowLimit] = byTime ? ['$5', '$6'] : ['$4', '$5'];
    const { rows } = await this.#query<{ history: boolean; key: string | null; document: string | null }>({
      name: byTime ? 'list-view-as-of-time' : 'list-view-as-of',
      text: `select l.history, d.key, d.document from (${LIVE}) l left join lateral (
          select k.key, s.document::text as document
          from projection.history_key k cross join lateral (${stateOf({ version: 'k.version', view: 'k.view', key: 'k.key' }, byTime)}) s
          where k.version = l.version and k.view = $1 and k.key >= $2 and starts_with(k.key, $2) and (${afterKey}::text is null or k.key > ${afterKey}) and s.document is not null
          order by k.key limit ${rowLimit}
        ) d on true`,
      values: [view, options.keyPrefix ?? '', ...values, after, limit + 1],
    });
    requireHistory(rows[0]);
    return { ...textsOf(rows, limit), position: below };
  }

  async positionAt(time: string): Promise<number> {
    const { rows } = await this.#query<{ position: string }>({
      name: 'position-at',
      text: `select coalesce((select last_pos + 1 from ledger.commit where shard = ${SHARD} and recorded_at <= $1::timestamptz order by recorded_at desc limit 1), 0) as position`,
      values: [checkInstant(time)],
    });
    return Number(rows[0]?.position ?? 0);
  }

  async audit(filter: AuditFilter): Promise<AuditPage> {
    const { bodies, cursor } = await this.auditBodies(filter);
    return { events: bodies.map((body) => decodeEvent(body)), ...(cursor === undefined ? {} : { cursor }) };
  }

  /** As {@link audit}, with the events as they are stored. */
  async auditBodies(filter: AuditFilter): Promise<{ readonly bodies: readonly string[]; readonly cursor?: string }> {
    const limit = checkLimit(filter.limit);
    const { rows } = await this.#query<{ position: string; body: string | null }>(auditQuery(filter, limit + 1));
    const shown = fitting(rows.slice(0, limit), (row) => row.body?.length ?? 0);
    const last = shown.at(-1);
    const stored = shown.flatMap(({ position, body }) => (body === null ? [] : [{ position: Number(position), body }]));
    const inTable = new Map(
      (await (this.#parts.log?.reveal(stored) ?? stored)).map(({ position, body }) => [position, body]),
    );
    const bodies: string[] = [];
    for (const row of shown) {
      const body = inTable.get(Number(row.position)) ?? (await this.#archived(Number(row.position)));
      if (body !== undefined) bodies.push(body);
    }
    return {
      bodies,
      ...(last !== undefined && shown.length < rows.length ? { cursor: encodeCursor(last.position) } : {}),
    };
  }

  /** An event that is not in the table any more. */
  async #archived(position: number): Promise<string | undefined> {
    const page = await this.#parts.log?.readBodies({ from: position, limit: 1 });
    return page?.bodies.find((stored) => stored.position === position)?.body;
  }

  async #reach(minPosition: number | undefined): Promise<void> {
    if (minPosition === undefined) return;
    if (!Number.isSafeInteger(minPosition) || minPosition < 0)
      throw new InputError(
        'PLB-1158',
        `minPosition ${minPosition} is not a position: positions are whole numbers from 0`,
      );
    if (await this.#parts.progress.waitFor(minPosition, this.#parts.waitMs ?? VIEW_WAIT_MS)) return;
    throw new OverloadedError(
      'PLB-5102',
      `the views have not folded the events below position ${minPosition} yet: ask again`,
      1_000,
      { details: { minPosition } },
    );
  }

  async #query<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    try {
      return await this.#parts.pool.query<Row>(query);
    } catch (error) {
      throw new UpstreamError('PLB-6007', `the views cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }
}

function checkView(view: string): void {
  if (!ViewKind.some((kind) => kind === view))
    throw new InputError('PLB-1158', `"${view}" is not a view: there are ${ViewKind.join(', ')}`);
}

function checkLimit(limit = DEFAULT_LIMIT): number {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new InputError('PLB-1158', `the limit is a whole number from 1, not ${limit}`);
  return Math.min(limit, MAX_LIMIT);
}

function checkInstant(time: string): string {
  if (microsOf(time) === undefined)
    throw new InputError('PLB-1158', `"${time}" is not a time: write RFC 3339, for example 2026-01-31T12:00:00Z`);
  return time;
}

function checkMoment({ below, occurredUntil }: ViewMoment): {
  readonly below: number;
  readonly byTime: boolean;
  readonly values: readonly unknown[];
} {
  if (!Number.isSafeInteger(below) || below < 0)
    throw new InputError('PLB-1158', `${below} is not a position: positions are whole numbers from 0`);
  return {
    below,
    byTime: occurredUntil !== undefined,
    values: occurredUntil === undefined ? [below] : [below, checkInstant(occurredUntil)],
  };
}

/** Without it an answer about the past would be an answer about what was written since. */
function requireHistory(row: { readonly history: boolean } | undefined): void {
  if (row?.history === false)
    throw new OverloadedError(
      'PLB-5105',
      'the history of the views is still being built from the log: ask again',
      5_000,
    );
}

/** What fits of rows that were asked for with one more than the limit. */
function pageOf(
  rows: readonly { readonly key: string | null; readonly document: string | null }[],
  limit: number,
): Pick<ViewPage, 'documents' | 'cursor'> {
  const { documents, ...page } = textsOf(rows, limit);
  return { ...page, documents: documents.map(({ key, text }) => ({ key, document: JSON.parse(text) as unknown })) };
}

function textsOf(
  rows: readonly { readonly key: string | null; readonly document: string | null }[],
  limit: number,
): Pick<TextPage, 'documents' | 'cursor'> {
  const found = rows.flatMap(({ key, document }) =>
    key === null || document === null ? [] : [{ key, text: document }],
  );
  const shown = fitting(found.slice(0, limit), (row) => row.text.length);
  const last = shown.at(-1);
  return {
    documents: shown,
    ...(last !== undefined && shown.length < found.length ? { cursor: encodeCursor(last.key) } : {}),
  };
}

function checkTime(name: string, text: string): string {
  if (Number.isNaN(Date.parse(text)) || !/^\d{4}-\d{2}-\d{2}T/.test(text))
    throw new InputError(
      'PLB-1158',
      `${name} "${text}" is not a time: write RFC 3339, for example 2026-01-31T12:00:00Z`,
    );
  return text;
}

/** As many as fit into a page, at least one. */
function fitting<Row>(rows: readonly Row[], chars: (row: Row) => number): readonly Row[] {
  let sum = 0;
  const end = rows.findIndex((row, index) => {
    sum += chars(row);
    return index > 0 && sum > PAGE_CHARS;
  });
  return end < 0 ? rows : rows.slice(0, end);
}

/**
 * Times rise with positions, so the commits turn a time into a position: the range is then one of the key that the
 * page is ordered by.
 */
function firstPositionAt(time: string): string {
  return `(select first_pos from ledger.commit where shard = ${SHARD} and recorded_at >= ${time}::timestamptz order by recorded_at limit 1)`;
}

function auditQuery(filter: AuditFilter, rows: number): { readonly text: string; readonly values: unknown[] } {
  const direction = filter.order === 'asc' ? 'asc' : 'desc';
  const conditions = [`version = (select version from projection.live where consumer = '${CONSUMER}')`];
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const equal = {
    type: filter.type,
    application: filter.application,
    environment: filter.environment,
    cluster: filter.cluster,
    correlation_id: filter.correlationId,
  };
  for (const [column, value] of Object.entries(equal))
    if (value !== undefined) conditions.push(`${column} = ${parameter(value)}`);
  if (filter.since !== undefined)
    conditions.push(`position >= ${firstPositionAt(parameter(checkTime('since', filter.since)))}`);
  if (filter.until !== undefined)
    conditions.push(
      `position < coalesce(${firstPositionAt(parameter(checkTime('until', filter.until)))}, ${Number.MAX_SAFE_INTEGER})`,
    );
  if (filter.cursor !== undefined) {
    const position = Number(decodeCursor(filter.cursor));
    if (!Number.isSafeInteger(position))
      throw new InputError('PLB-1158', 'the cursor is not one that this server gave out: begin without a cursor');
    conditions.push(`position ${direction === 'asc' ? '>' : '<'} ${parameter(position)}`);
  }
  const page = (more: readonly string[]): string =>
    `(select position from projection.audit_event where ${[...conditions, ...more].join(' and ')} order by position ${direction} limit ${rows})`;
  // An id or a name: a page by each index and the first of both, where one condition with "or" would read the whole
  // table.
  const actor = filter.actor === undefined ? undefined : parameter(filter.actor);
  const found =
    actor === undefined
      ? page([])
      : `(${page([`actor = ${actor}`])} union ${page([`actor_name = ${actor}`])} order by position ${direction} limit ${rows})`;
  return {
    text: `select a.position, e.body from ${found} a left join ledger.event e on e.shard = ${SHARD} and e.pos = a.position order by a.position ${direction}`,
    values,
  };
}
