// SPDX-License-Identifier: Apache-2.0

/** Formats microseconds since 1970 as RFC 3339 in UTC, to the microsecond. */
export function formatMicros(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = String(micros - seconds * 1_000_000).padStart(6, '0');
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${fraction}Z`;
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * Returns the microseconds since 1970 of a time with an offset; seconds are optional, digits beyond microseconds are
 * cut off. Undefined for any other text.
 */
export function microsOf(time: string): number | undefined {
  const match = RFC3339.exec(time);
  if (match === null) return undefined;
  const [, minutes = '', seconds = '00', fraction = '', offset = ''] = match;
  const ms = Date.parse(`${minutes}:${seconds}${offset}`);
  if (Number.isNaN(ms)) return undefined;
  return ms * 1_000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}
