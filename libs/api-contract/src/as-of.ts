// SPDX-License-Identifier: Apache-2.0
import { formatMicros, microsOf } from '@plumbline/core';
import { z } from 'zod';

/** A point of the log as callers write it: a position or an RFC 3339 time. */
export type PointInTime =
  { readonly type: 'position'; readonly position: number } | { readonly type: 'time'; readonly time: string };

/**
 * Parses a position or an RFC 3339 time; `undefined` for anything else. Times are returned in UTC, to the
 * microsecond.
 */
export function parsePointInTime(text: string): PointInTime | undefined {
  if (/^(-1|\d{1,15})$/.test(text)) return { type: 'position', position: Number(text) };
  const micros = microsOf(text);
  return micros === undefined ? undefined : { type: 'time', time: formatMicros(micros) };
}

// Callers may pass a position as a number: it is text in the query either way.
const pointInTime = z
  .string()
  .max(40)
  .refine(
    (text) => parsePointInTime(text) !== undefined,
    'must be a position, or an RFC 3339 time such as 2026-11-17T15:00Z',
  ) as z.ZodType<string, string | number>;

/** Bitemporal query parameters; the current state when both are absent. */
export const asOfQuery = {
  asOf: pointInTime
    .optional()
    .describe('Answer as of this position, or as of what had happened at this RFC 3339 time.'),
  knownAt: pointInTime.optional().describe('Answer from what was recorded up to this position or RFC 3339 time only.'),
};

/** Bitemporal part of a checked query. */
export interface AsOfQuery {
  readonly asOf?: string | undefined;
  readonly knownAt?: string | undefined;
}

/** True for the query schema of an operation that can answer as of an earlier point of the log. */
export function acceptsAsOf(query: z.ZodType | undefined): boolean {
  return query instanceof z.ZodObject && 'asOf' in query.shape;
}
