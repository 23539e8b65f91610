// SPDX-License-Identifier: Apache-2.0
import { messageOf, PlumblineError } from '@plumbline/core';
import { isInvalid, KubeApiError } from '@plumbline/kube';

/** Why a request to the cluster failed, and whether a retry may succeed. */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  readonly retryable: boolean;
  /** The request may have had its effect. */
  readonly uncertain: boolean;
}

/** Classifies the failure of a request. Messages about Secrets never contain text of the server. */
export function failureOf(error: unknown): Failure {
  const message = messageOf(error);
  if (error instanceof KubeApiError)
    return { ...apiFailure(error), message, uncertain: error.status >= 500 && !isInvalidObject(error) };
  if (error instanceof PlumblineError && error.code.startsWith('PLB-61'))
    return { reason: 'ClusterUnreachable', message, retryable: true, uncertain: true };
  if (error instanceof PlumblineError)
    return {
      reason: error.code === 'PLB-6401' ? 'CannotUnseal' : 'Error',
      message,
      retryable: error.retry !== 'never',
      uncertain: false,
    };
  // An aborted or timed-out request: it may have succeeded.
  return { reason: 'Error', message, retryable: true, uncertain: true };
}

/** Returns a plain boolean: a type guard would narrow the error to `never` for the code that follows. */
function isInvalidObject(error: unknown): boolean {
  return isInvalid(error);
}

const INVALID = { reason: 'InvalidObject', retryable: false } as const;

function apiFailure(error: KubeApiError): { readonly reason: string; readonly retryable: boolean } {
  switch (error.denial?.by) {
    case 'policy':
    case 'webhook':
      return { reason: 'AdmissionDenied', retryable: false };
    case 'quota':
      return { reason: 'QuotaExceeded', retryable: true };
    case 'namespace-terminating':
      return { reason: 'NamespaceTerminating', retryable: true };
    default:
  }
  if (error.causes.some(({ immutable }) => immutable)) return { reason: 'ImmutableField', retryable: false };
  if (error.conflicts.length > 0) return { reason: 'FieldConflict', retryable: true };
  if (isInvalidObject(error)) return INVALID;
  if (error.status >= 500) return { reason: 'ServerError', retryable: true };
  const known: Readonly<Record<number, { readonly reason: string; readonly retryable: boolean }>> = {
    401: { reason: 'Unauthorized', retryable: true },
    403: { reason: 'Forbidden', retryable: true },
    404: { reason: 'NotFound', retryable: true },
    409: { reason: 'Conflict', retryable: true },
    413: { reason: 'TooLarge', retryable: false },
    429: { reason: 'TooManyRequests', retryable: true },
  };
  return known[error.status] ?? { reason: 'ServerError', retryable: false };
}

const THROTTLED_TRIES = 5;

/**
 * Sends a request, and again if the server throttled it or a concurrent write interfered. The transport waits for
 * `Retry-After`.
 */
export async function withRetries<T>(request: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      const throttled =
        error instanceof KubeApiError &&
        (error.status === 429 || (error.status === 503 && error.retryAfterMs !== undefined));
      const raced =
        error instanceof KubeApiError &&
        error.status === 409 &&
        error.conflicts.length === 0 &&
        error.reason === 'Conflict' &&
        !error.causes.some(({ immutable }) => immutable);
      if (attempt >= (raced ? 2 : THROTTLED_TRIES) || !(throttled || raced)) throw error;
    }
  }
}
