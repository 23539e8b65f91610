// SPDX-License-Identifier: Apache-2.0

/** What a caller may do after an error: nothing, reload its view of the world first, or the same again after a delay. */
export type RetryAdvice = 'never' | 'after-reload' | 'after-delay';

/** One mistake in a caller's data: where it is (a dotted path, a file, a document) and what to do about it. */
export interface InputIssue {
  readonly path: string;
  readonly message: string;
}

/** Structured facts that go with an error. Never holds secret values, tokens or manifest bodies. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Optional parts of an error. */
export interface ErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** Form of every error code: `PLB-` and four digits, unique and never reused. */
export type ErrorCode = `PLB-${number}`;

/** Root of every error that may cross a module or reach a user. `retry` tells what to do; messages are for people, never matched on. */
export abstract class PlumblineError extends Error {
  abstract readonly retry: RetryAdvice;
  /** The HTTP status that the gateway answers with. */
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

/** PLB-1xxx: the caller's data is wrong; `details.issues` lists every mistake found. */
export class InputError extends PlumblineError {
  readonly retry = 'never';
  readonly httpStatus = 400;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { readonly issues?: readonly InputIssue[] } = {},
  ) {
    super(code, message, { ...options, details: { ...options.details, issues: options.issues ?? [] } });
  }
}

/** PLB-2xxx: who you are (401) or what you may do (403). */
export class AuthError extends PlumblineError {
  readonly retry = 'never';

  constructor(
    code: ErrorCode,
    message: string,
    readonly httpStatus: 401 | 403,
    options: ErrorOptions = {},
  ) {
    super(code, message, options);
  }
}

/** PLB-3xxx: an id that does not exist (or that the caller may not see). */
export class NotFoundError extends PlumblineError {
  readonly retry = 'never';
  readonly httpStatus = 404;
}

/** PLB-4xxx: the world moved: expected revision, idempotency key, lease, field manager. */
export class ConflictError extends PlumblineError {
  readonly retry = 'after-reload';
  readonly httpStatus = 409;
}

/** PLB-5xxx: too much at once; come back after `retryAfterMs`. */
export class OverloadedError extends PlumblineError {
  readonly retry = 'after-delay';
  readonly httpStatus = 503;

  constructor(
    code: ErrorCode,
    message: string,
    readonly retryAfterMs: number,
    options: ErrorOptions = {},
  ) {
    super(code, message, options);
  }
}

/** PLB-6xxx: something we depend on failed (Git, registry, cluster, engine). Whether a retry can help is decided where it is created. */
export class UpstreamError extends PlumblineError {
  readonly httpStatus = 502;
  readonly retry: 'never' | 'after-delay';

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { readonly retry?: 'never' | 'after-delay' } = {},
  ) {
    super(code, message, options);
    this.retry = options.retry ?? 'after-delay';
  }
}

/** PLB-9xxx: our own bug. Masked at the edge; the worker that meets it stops. */
export class InvariantError extends PlumblineError {
  readonly retry = 'never';
  readonly httpStatus = 500;
}

/** The message of anything thrown, for wrapping; never the stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
