// SPDX-License-Identifier: Apache-2.0
import { errorDefinition, messageOf, PlumblineError } from '@plumbline/core';

/** What a RenderFailed says. */
export interface RenderFailure {
  readonly reason: string;
  readonly message: string;
  readonly file?: string;
}

/** The reason of failures that may pass by themselves and are tried again. */
export const UNAVAILABLE = 'Unavailable';

/** True when the same render may work later without anybody changing anything. */
export function isTransient(error: unknown): boolean {
  return !(error instanceof PlumblineError) || error.retry !== 'never';
}

/** How an error is told to users. What is not one of ours says nothing of itself: its text may hold anything. */
export function failureOf(error: unknown): RenderFailure {
  if (!(error instanceof PlumblineError))
    return {
      reason: 'InternalError',
      message: `rendering failed: ${error instanceof Error ? error.name : 'unknown error'}; see the renderer's log`,
    };
  const { file, reason } = error.details;
  return {
    reason: typeof reason === 'string' ? reason : (errorDefinition(error.code)?.reason ?? 'RenderFailed'),
    message: messageOf(error).slice(0, 4_000),
    ...(typeof file === 'string' && file !== '' ? { file } : {}),
  };
}
