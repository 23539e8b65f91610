// SPDX-License-Identifier: Apache-2.0
import type { AsOfQuery } from '@plumbline/api-client';
import type { CommandContext } from '../context.js';

/** Options of verbs that can read past states. */
export interface PointInTimeOptions {
  readonly asOf?: string | undefined;
  readonly knownAt?: string | undefined;
}

/** Returns the query parameters for the options. */
export function pointInTimeQuery({ asOf, knownAt }: PointInTimeOptions): AsOfQuery {
  return { ...(asOf === undefined ? {} : { asOf }), ...(knownAt === undefined ? {} : { knownAt }) };
}

/** Returns true if a past state is read. */
export function isPast({ asOf, knownAt }: PointInTimeOptions | AsOfQuery): boolean {
  return asOf !== undefined || knownAt !== undefined;
}

/** Returns a context in which ages are computed as of the requested time. */
export function contextAt(context: CommandContext, options: PointInTimeOptions): CommandContext {
  const thenMs = [options.asOf, options.knownAt]
    .map((text) => (text === undefined || /^-?\d+$/.test(text) ? Number.NaN : Date.parse(text)))
    .find((ms) => !Number.isNaN(ms));
  return thenMs === undefined ? context : { ...context, nowMs: () => thenMs };
}
