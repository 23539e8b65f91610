// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import {
  AuthError,
  ConflictError,
  InputError,
  InvariantError,
  messageOf,
  NotFoundError,
  OverloadedError,
  PlumblineError,
} from '@plumbline/core';
import { type Logger, publicError } from '@plumbline/platform';

/** What a gRPC call is refused with. */
export interface GrpcRefusal {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Trailing metadata of a refused call. */
export const ERROR_METADATA = {
  code: 'plumbline-code',
  details: 'plumbline-details-bin',
  instance: 'plumbline-instance',
  retryAfterMs: 'plumbline-retry-after-ms',
} as const;

function statusOf(error: PlumblineError): status {
  if (error instanceof InputError) return status.INVALID_ARGUMENT;
  if (error instanceof AuthError) return error.httpStatus === 401 ? status.UNAUTHENTICATED : status.PERMISSION_DENIED;
  if (error instanceof NotFoundError) return status.NOT_FOUND;
  if (error instanceof ConflictError) return status.ABORTED;
  if (error instanceof OverloadedError) return status.RESOURCE_EXHAUSTED;
  return error instanceof InvariantError ? status.INTERNAL : status.UNAVAILABLE;
}

/** The error as it crosses the edge: the same masking, codes and instance ids as over REST. */
export function refusalOf(error: unknown, logger: Logger): GrpcRefusal {
  const shown = publicError(error);
  const instance = randomUUID();
  if (shown instanceof InvariantError) {
    logger.error('a gRPC call failed by a bug of ours', {
      instance,
      errorCode: error instanceof PlumblineError ? error.code : shown.code,
      error: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  } else {
    logger.debug('a gRPC call was refused', { instance, errorCode: shown.code });
  }
  const metadata = new Metadata();
  metadata.set(ERROR_METADATA.code, shown.code);
  metadata.set(ERROR_METADATA.instance, instance);
  metadata.set(ERROR_METADATA.details, Buffer.from(JSON.stringify(shown.details)));
  if (shown instanceof OverloadedError) metadata.set(ERROR_METADATA.retryAfterMs, String(shown.retryAfterMs));
  return { code: statusOf(shown), details: `${shown.code} ${shown.message}`, metadata };
}
