// SPDX-License-Identifier: Apache-2.0
import { type ErrorDetails, PlumblineError, receivedErrorCode, type RetryAdvice } from '@plumbline/core';

/** The body of every error answer of the server. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details?: ErrorDetails;
  readonly instance?: string;
}

/**
 * What the server answered instead of a result: its code, its words, and the instance id under which the operator
 * finds it.
 */
export class ApiError extends PlumblineError {
  readonly retry: RetryAdvice;
  readonly instance: string | undefined;

  constructor(
    readonly httpStatus: number,
    body: ErrorBody,
    /** From `Retry-After`, for 429 and 503. */
    readonly retryAfterMs: number | undefined,
  ) {
    super(receivedErrorCode(body.code), body.message, { details: body.details ?? {} });
    this.instance = body.instance;
    this.retry =
      httpStatus === 409
        ? 'after-reload'
        : httpStatus === 503 || httpStatus === 429 || httpStatus === 502 || httpStatus === 504
          ? 'after-delay'
          : 'never';
  }
}

/** Reads an error answer; an answer that is not ours (a proxy's page) becomes PLB-6702 without its text. */
export async function errorFrom(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  try {
    const body: unknown = await response.json();
    if (isErrorBody(body)) return new ApiError(response.status, body, retryAfterMs);
  } catch {
    // Not JSON: told below, whatever it was.
  }
  return new ApiError(
    response.status,
    {
      code: 'PLB-6702',
      message: `the server answered HTTP ${response.status} without an error of Plumbline; is the address right?`,
    },
    retryAfterMs,
  );
}

function isErrorBody(body: unknown): body is ErrorBody {
  return (
    typeof body === 'object' &&
    body !== null &&
    'code' in body &&
    typeof body.code === 'string' &&
    'message' in body &&
    typeof body.message === 'string'
  );
}
