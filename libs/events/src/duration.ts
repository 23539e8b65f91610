// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';

/** A duration as people write it: `30s`, `5m`, `1h30m`, `500ms`. */
export const duration = z.string().regex(/^(\d+(ms|s|m|h))+$/, 'must be a duration such as 30s, 5m or 1h30m');

/** Milliseconds of a {@link duration} text. */
export function durationMs(text: string): number {
  const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  return total;
}
