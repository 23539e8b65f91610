// SPDX-License-Identifier: Apache-2.0
import type { MomentQuery } from '@plumbline/api-client';
import type { CommandContext } from '../context.js';

/** Options of verbs that can look back. */
export interface MomentOptions {
  readonly asOf?: string | undefined;
  readonly knownAt?: string | undefined;
}

/** What the server is asked. */
export function momentQuery({ asOf, knownAt }: MomentOptions): MomentQuery {
  return { ...(asOf === undefined ? {} : { asOf }), ...(knownAt === undefined ? {} : { knownAt }) };
}

/** True for a read of the past. */
export function looksBack({ asOf, knownAt }: MomentOptions | MomentQuery): boolean {
  return asOf !== undefined || knownAt !== undefined;
}

/** The context in which ages are told: those of the past as they were then. */
export function contextAt(context: CommandContext, options: MomentOptions): CommandContext {
  const thenMs = [options.asOf, options.knownAt]
    .map((text) => (text === undefined || /^-?\d+$/.test(text) ? Number.NaN : Date.parse(text)))
    .find((ms) => !Number.isNaN(ms));
  return thenMs === undefined ? context : { ...context, nowMs: () => thenMs };
}
