// SPDX-License-Identifier: Apache-2.0
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  AuthError,
  ConflictError,
  type ErrorDetails,
  InputError,
  type InputIssue,
  InvariantError,
  NotFoundError,
  OverloadedError,
  PlumblineError,
  receivedErrorCode,
  UpstreamError,
} from '@plumbline/core';
import { z } from 'zod';

/** Metadata key of the error as JSON. */
export const ERROR_KEY = 'plumbline-error-bin';
/** HTTP/2 peers accept 8 KiB of trailers at least; the rest of the details stays behind. */
const MAX_DETAILS_CHARS = 4_000;

const wireError = z.object({
  class: z.enum([
    'InputError',
    'AuthError',
    'NotFoundError',
    'ConflictError',
    'OverloadedError',
    'UpstreamError',
    'InvariantError',
  ]),
  code: z.templateLiteral(['PLB-', z.number()]),
  message: z.string(),
  httpStatus: z.number(),
  retry: z.enum(['never', 'after-reload', 'after-delay']),
  retryAfterMs: z.number().optional(),
  details: z.record(z.string(), z.unknown()),
});
type WireError = z.infer<typeof wireError>;

const statusOf: Readonly<Record<WireError['class'], (error: WireError) => status>> = {
  InputError: () => status.INVALID_ARGUMENT,
  AuthError: (error) => (error.httpStatus === 401 ? status.UNAUTHENTICATED : status.PERMISSION_DENIED),
  NotFoundError: () => status.NOT_FOUND,
  ConflictError: () => status.ABORTED,
  OverloadedError: () => status.RESOURCE_EXHAUSTED,
  UpstreamError: () => status.UNAVAILABLE,
  InvariantError: () => status.INTERNAL,
};

function classOf(error: PlumblineError): WireError['class'] {
  if (error instanceof InputError) return 'InputError';
  if (error instanceof AuthError) return 'AuthError';
  if (error instanceof NotFoundError) return 'NotFoundError';
  if (error instanceof ConflictError) return 'ConflictError';
  if (error instanceof OverloadedError) return 'OverloadedError';
  if (error instanceof UpstreamError) return 'UpstreamError';
  return 'InvariantError';
}

function fittingDetails(details: ErrorDetails): ErrorDetails {
  if (JSON.stringify(details).length <= MAX_DETAILS_CHARS) return details;
  const issues = Array.isArray(details['issues']) ? details['issues'].slice(0, 10) : undefined;
  const shorter = issues === undefined ? { truncated: true } : { issues, truncated: true };
  return JSON.stringify(shorter).length <= MAX_DETAILS_CHARS ? shorter : { truncated: true };
}

function wireErrorOf(thrown: unknown): WireError {
  const error =
    thrown instanceof PlumblineError
      ? thrown
      : new InvariantError('PLB-9120', 'the log failed unexpectedly; its own log says why');
  return {
    class: classOf(error),
    code: error.code,
    message: error.message.slice(0, 2_000),
    httpStatus: error.httpStatus,
    retry: error.retry,
    ...(error instanceof OverloadedError ? { retryAfterMs: error.retryAfterMs } : {}),
    details: fittingDetails(error.details),
  };
}

/** What a gRPC server answers with for anything thrown; what is not one of our errors is masked. */
export function statusFromError(thrown: unknown): {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
} {
  const wire = wireErrorOf(thrown);
  const metadata = new Metadata();
  metadata.set(ERROR_KEY, Buffer.from(JSON.stringify(wire)));
  // The text form of a status may hold little; the message proper is in the metadata.
  return { code: statusOf[wire.class](wire), details: wire.code, metadata };
}

/** Anything thrown as it travels within a message; what is not one of our errors is masked. */
export function errorToBytes(thrown: unknown): Buffer {
  return Buffer.from(JSON.stringify(wireErrorOf(thrown)));
}

function rebuild(wire: WireError, cause: unknown): PlumblineError {
  const { code: text } = wire;
  const options = { details: wire.details, cause };
  switch (wire.class) {
    case 'InputError': {
      const issues = z
        .array(z.object({ path: z.string(), message: z.string() }))
        .catch([])
        .parse(wire.details['issues']) satisfies InputIssue[];
      return new InputError(receivedErrorCode<'input'>(text), wire.message, { ...options, issues });
    }
    case 'AuthError':
      return new AuthError(receivedErrorCode<'auth'>(text), wire.message, wire.httpStatus === 401 ? 401 : 403, options);
    case 'NotFoundError':
      return new NotFoundError(receivedErrorCode<'not-found'>(text), wire.message, options);
    case 'ConflictError':
      return new ConflictError(receivedErrorCode<'conflict'>(text), wire.message, options);
    case 'OverloadedError':
      return new OverloadedError(
        receivedErrorCode<'overloaded'>(text),
        wire.message,
        wire.retryAfterMs ?? 1_000,
        options,
      );
    case 'UpstreamError':
      return new UpstreamError(receivedErrorCode<'upstream'>(text), wire.message, {
        ...options,
        retry: wire.retry === 'never' ? 'never' : 'after-delay',
      });
    case 'InvariantError':
      return new InvariantError(receivedErrorCode<'internal'>(text), wire.message, options);
  }
}

/** The error that the server threw, or undefined when the call failed on its way. */
export function errorFromStatus(failure: ServiceError): PlumblineError | undefined {
  const [bytes] = failure.metadata?.get(ERROR_KEY) ?? [];
  return bytes === undefined ? undefined : errorFromBytes(bytes, failure);
}

/** What {@link errorToBytes} wrote; undefined when it is something else. */
export function errorFromBytes(bytes: string | Uint8Array, cause?: unknown): PlumblineError | undefined {
  try {
    const parsed = wireError.safeParse(
      JSON.parse(typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')),
    );
    return parsed.success ? rebuild(parsed.data, cause) : undefined;
  } catch {
    // Not JSON: some other program answers on that port.
    return undefined;
  }
}
