// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import {
  type AuditFilter,
  type AuditPage,
  type EventLog,
  formatMicros,
  type LogQueries,
  microsOf,
  type ViewMoment,
} from '@plumbline/event-log';
import type { RecordedEvent } from '@plumbline/events';

/** Events of the search that are looked through in one step, and steps for one page at most. */
const STEP = 500;
const STEPS = 20;

/** What a search of the past is made of. */
export interface AuditSources {
  readonly queries: Pick<LogQueries, 'audit'>;
  readonly log: Pick<EventLog, 'read'>;
}

/** Where a page ended: the same events count for all pages of one search. */
interface Place {
  readonly below: number;
  /** Position of the last event that was looked at. */
  readonly position: number;
}

/** Positions that a page is looked for in. */
interface Range {
  readonly from: number;
  readonly below: number;
}

/** True for what had happened at the moment. */
export function hadOccurred(event: RecordedEvent, { occurredUntil }: ViewMoment): boolean {
  return occurredUntil === undefined || (microsOf(event.occurredAt) ?? 0) <= (microsOf(occurredUntil) ?? 0);
}

/**
 * The search as of a moment. Positions become times, which the search knows: all events of a commit were recorded at
 * one moment, and none of
 * another commit; what is of the same commits and not of the range is dropped here.
 * @throws InputError PLB-1705 for a cursor of another search.
 */
export async function auditAsOf(sources: AuditSources, filter: AuditFilter, at: ViewMoment): Promise<AuditPage> {
  const { cursor, limit = 100, ...where } = filter;
  const place = cursor === undefined ? undefined : placeOf(cursor, at);
  const bounds = { below: place?.below ?? at.below };
  const range =
    where.order === 'asc'
      ? { from: (place?.position ?? -1) + 1, below: bounds.below }
      : { from: 0, below: place?.position ?? bounds.below };
  if (range.from >= range.below) return { events: [] };
  const search = {
    ...where,
    ...(await timesOf(sources.log, where, range)),
    limit: at.occurredUntil === undefined ? Math.min(limit + 1, STEP) : STEP,
  };
  const found: RecordedEvent[] = [];
  let last: number | undefined;
  for (let steps = 1, next: string | undefined; ; steps += 1) {
    const page: AuditPage = await sources.queries.audit({ ...search, ...(next === undefined ? {} : { cursor: next }) });
    for (const event of page.events) {
      if (event.position < range.from || event.position >= range.below || !hadOccurred(event, at)) continue;
      if (found.length >= limit)
        return { events: found, cursor: cursorOf({ ...bounds, position: found.at(-1)?.position ?? event.position }) };
      found.push(event);
    }
    last = page.events.at(-1)?.position ?? last;
    next = page.cursor;
    if (next === undefined) return { events: found };
    if (steps >= STEPS && last !== undefined) return { events: found, cursor: cursorOf({ ...bounds, position: last }) };
  }
}

/** The times of a range, or those that were asked for where these are narrower. */
async function timesOf(
  log: AuditSources['log'],
  { since, until }: Pick<AuditFilter, 'since' | 'until'>,
  range: Range,
): Promise<Pick<AuditFilter, 'since' | 'until'>> {
  const last = await recordedMicros(log, range.below - 1);
  const first = range.from === 0 ? undefined : await recordedMicros(log, range.from);
  const begin = first === undefined ? since : formatMicros(Math.max(first, givenMicros(since) ?? first));
  const end = last === undefined ? until : formatMicros(Math.min(last + 1, givenMicros(until) ?? last + 1));
  return { ...(begin === undefined ? {} : { since: begin }), ...(end === undefined ? {} : { until: end }) };
}

/** Also of a time that is written finer than the log counts. */
function givenMicros(time: string | undefined): number | undefined {
  return time === undefined ? undefined : (microsOf(time) ?? Date.parse(time) * 1_000);
}

async function recordedMicros(log: AuditSources['log'], position: number): Promise<number | undefined> {
  const [event] = (await log.read({ from: position, limit: 1 })).events;
  return event === undefined ? undefined : microsOf(event.recordedAt);
}

function cursorOf({ below, position }: Place): string {
  return Buffer.from(`moment:${below}:${position}`).toString('base64url');
}

function placeOf(cursor: string, at: ViewMoment): Place {
  const match = /^moment:(\d{1,15}):(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  const [below, position] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? Number.NaN)];
  if (match === null || below > at.below || position >= below)
    throw new InputError(
      'PLB-1705',
      'the cursor is not one of this search: begin without a cursor, or give the same asOf and knownAt as for the page before',
    );
  return { below, position };
}
