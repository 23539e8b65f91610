// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode, ErrorCodeOf } from './error-catalogue.js';
import type { RetryAdvice } from './error-definition.js';

/** One mistake in the data of a caller: where it is (a dotted path, a file, a document) and how to correct it. */
export interface InputIssue {
  readonly path: string;
  readonly message: string;
}

/** Structured data of an error. Never holds secret values, tokens or manifest bodies. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Optional parts of an error. */
export interface ErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/**
 * Base class of every error that crosses a module or reaches a user. The code says what happened (see
 * `error-catalogue.ts`), `retry` what
 * the caller can do. Messages are for people; code never matches on them.
 */
export abstract class PlumblineError extends Error {
  abstract readonly retry: RetryAdvice;
  /** HTTP status that the gateway answers with. */
  abstract readonly httpStatus: number;
  readonly details: ErrorDetails;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: ErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.details = options.details ?? {};
  }
}

/** PLB-1xxx: the data of the caller is not valid; `details.issues` lists every mistake found. */
export class InputError extends PlumblineError {
  readonly retry = 'never';
  readonly httpStatus = 400;

  constructor(
    code: ErrorCodeOf<'input'>,
    message: string,
    options: ErrorOptions & { readonly issues?: readonly InputIssue[] } = {},
  ) {
    super(code, message, { ...options, details: { ...options.details, issues: options.issues ?? [] } });
  }
}

/** PLB-2xxx: the caller is not authenticated (401) or not permitted (403). */
export class AuthError extends PlumblineError {
  readonly retry = 'never';

  constructor(
    code: ErrorCodeOf<'auth'>,
    message: string,
    readonly httpStatus: 401 | 403,
    options: ErrorOptions = {},
  ) {
    super(code, message, options);
  }
}

/** PLB-3xxx: an object does not exist, or the caller is not permitted to see it. */
export class NotFoundError extends PlumblineError {
  readonly retry = 'never';
  readonly httpStatus = 404;

  constructor(code: ErrorCodeOf<'not-found'>, message: string, options: ErrorOptions = {}) {
    super(code, message, options);
  }
}

/** PLB-4xxx: the state is another than the request assumes: revision, request id, lease, references. */
export class ConflictError extends PlumblineError {
  readonly retry = 'after-reload';
  readonly httpStatus = 409;

  constructor(code: ErrorCodeOf<'conflict'>, message: string, options: ErrorOptions = {}) {
    super(code, message, options);
  }
}

/** PLB-5xxx: the process cannot take the request now; send it again after `retryAfterMs`. */
export class OverloadedError extends PlumblineError {
  readonly retry = 'after-delay';
  readonly httpStatus = 503;

  constructor(
    code: ErrorCodeOf<'overloaded'>,
    message: string,
    readonly retryAfterMs: number,
    options: ErrorOptions = {},
  ) {
    super(code, message, options);
  }
}

/**
 * PLB-6xxx: a dependency failed (Git, database, NATS, cluster). The creator of the error decides whether a retry can
 * help.
 */
export class UpstreamError extends PlumblineError {
  readonly httpStatus = 502;
  readonly retry: 'never' | 'after-delay';

  constructor(
    code: ErrorCodeOf<'upstream'>,
    message: string,
    options: ErrorOptions & { readonly retry?: 'never' | 'after-delay' } = {},
  ) {
    super(code, message, options);
    this.retry = options.retry ?? 'after-delay';
  }
}

/** PLB-9xxx: a defect of Plumbline or damaged data. The gateway masks the message; the worker that meets it stops. */
export class InvariantError extends PlumblineError {
  readonly retry = 'never';
  readonly httpStatus = 500;

  constructor(code: ErrorCodeOf<'internal'>, message: string, options: ErrorOptions = {}) {
    super(code, message, options);
  }
}

/** Returns the message of anything thrown, without the stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
