// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type { ReadOptions } from './event-log.port.js';

const DEFAULT_LIMIT = 1_000;
/** Events of one page at most. */
export const MAX_READ_LIMIT = 5_000;

/** Read options with their defaults. @throws InputError PLB-1155. */
export function checkReadOptions(options: ReadOptions): {
  readonly from: number;
  readonly limit: number;
  readonly types: ReadonlySet<string> | undefined;
} {
  const { from, limit = DEFAULT_LIMIT, types } = options;
  if (!Number.isSafeInteger(from) || from < 0)
    throw new InputError('PLB-1155', `cannot read from position ${from}: positions are whole numbers from 0`);
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new InputError('PLB-1155', `cannot read ${limit} events: the limit is a whole number from 1`);
  return {
    from,
    limit: Math.min(limit, MAX_READ_LIMIT),
    types: types === undefined ? undefined : new Set<string>(types),
  };
}
