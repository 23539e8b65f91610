// SPDX-License-Identifier: Apache-2.0
import { formatMicros, microsOf } from '@plumbline/event-log';
import { z } from 'zod';

/** A moment as readers write it: a position or an RFC 3339 time. */
export type MomentText =
  { readonly type: 'position'; readonly position: number } | { readonly type: 'time'; readonly time: string };

/** Tells a position from a time; undefined for what is neither. Times come back in UTC, to the microsecond. */
export function parseMoment(text: string): MomentText | undefined {
  if (/^(-1|\d{1,15})$/.test(text)) return { type: 'position', position: Number(text) };
  const micros = microsOf(text);
  return micros === undefined ? undefined : { type: 'time', time: formatMicros(micros) };
}

const momentText = z
  .string()
  .max(40)
  .refine(
    (text) => parseMoment(text) !== undefined,
    'must be a position, or an RFC 3339 time such as 2026-11-17T15:00Z',
  )
  .optional();

/** Query of every read of the past. */
export const momentQuery = {
  asOf: momentText.describe('Answer as of this position, or as of what had happened at this RFC 3339 time.'),
  knownAt: momentText.describe('Answer from what was recorded up to this position or RFC 3339 time only.'),
};

/** What a read is asked to look back to. */
export interface MomentQuery {
  readonly asOf?: string | undefined;
  readonly knownAt?: string | undefined;
}
