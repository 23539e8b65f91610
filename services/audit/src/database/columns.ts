// SPDX-License-Identifier: Apache-2.0
import type { ValueTransformer } from 'typeorm';

/**
 * A bigint column as a number: positions, sizes and epochs stay below 2^53. PostgreSQL's driver returns bigint as
 * text.
 */
export const bigintAsNumber: ValueTransformer = {
  from: (value: string | null) => (value === null ? null : Number(value)),
  to: (value: number | null | undefined) => value,
};

/** SQL that formats a timestamptz as RFC 3339 in UTC with microseconds; a `Date` would cut it to milliseconds. */
export const timeText = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
