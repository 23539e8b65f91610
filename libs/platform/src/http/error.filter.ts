// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import {
  type ErrorDetails,
  InputError,
  InvariantError,
  messageOf,
  NotFoundError,
  OverloadedError,
  PlumblineError,
} from '@plumbline/core';
import type { FastifyReply } from 'fastify';
import type { Logger } from '../logger.js';
import { LOGGER } from '../tokens.js';

/** Body of every error answer. `instance` finds the log line of this very failure. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details: ErrorDetails;
  readonly instance: string;
}

/** What the framework itself throws (unknown path, broken JSON, too large a body), in our own words and codes. */
function fromFramework(error: HttpException): PlumblineError | undefined {
  const status = error.getStatus();
  if (status === 404) return new NotFoundError('PLB-3901', error.message);
  if (status >= 400 && status < 500) return new InputError('PLB-1903', error.message, { cause: error });
  return undefined;
}

/** Fastify's own errors (body parser) carry a status but are no HttpException. */
function fromFastify(error: unknown): PlumblineError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || !('code' in error)) return undefined;
  const { statusCode } = error;
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return undefined;
  return new InputError('PLB-1903', error.message, { cause: error });
}

/** The error that may cross the edge: ours as it is, everything else and our own bugs masked as PLB-9000. */
export function publicError(error: unknown): PlumblineError {
  if (error instanceof PlumblineError && !(error instanceof InvariantError)) return error;
  const known = error instanceof HttpException ? fromFramework(error) : fromFastify(error);
  return (
    known ??
    new InvariantError(
      'PLB-9000',
      'something went wrong inside; the operator finds the reason in the log by this instance id',
      { cause: error },
    )
  );
}

/** Answers `{code, message, details, instance}`; logs what is masked, with the same instance id. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(@Inject(LOGGER) logger: Logger) {
    this.#logger = logger;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    // On the bus the transport decides (it redelivers); only HTTP has somebody to answer.
    if (host.getType() !== 'http') throw error;
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const shown = publicError(error);
    const instance = randomUUID();
    if (shown instanceof InvariantError) {
      this.#logger.error('a request failed by a bug of ours', {
        instance,
        errorCode: error instanceof PlumblineError ? error.code : shown.code,
        error: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    } else {
      this.#logger.debug('a request was refused', { instance, errorCode: shown.code });
    }
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (shown instanceof OverloadedError)
      void reply.header('retry-after', String(Math.max(1, Math.ceil(shown.retryAfterMs / 1000))));
    if (shown.httpStatus === 401) void reply.header('www-authenticate', 'Bearer');
    const body: ErrorBody = { code: shown.code, message: shown.message, details: shown.details, instance };
    void reply.status(shown.httpStatus).send(body);
  }
}
