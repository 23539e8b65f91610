// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import { Inject, Injectable } from '@nestjs/common';
import type { AnyOperation } from '@plumbline/api-contract';
import { type Logger, LOGGER } from '@plumbline/platform';
import { requireRole } from '../../auth/role.guard.js';
import { Authenticator } from '../../auth/authenticator.js';
import { RequestMetrics } from '../../operations/request-metrics.js';
import type { Principal } from '../../state/access-book.js';
import { refusalOf } from './grpc-errors.js';

/** Answers a unary call of somebody who may make it. */
export type UnaryHandler<Request, Response> = (request: Request, principal: Principal) => Promise<Response>;
/** Answers a streaming call; the signal aborts when the caller leaves. */
export type StreamHandler<Request, Response> = (
  request: Request,
  principal: Principal,
  signal: AbortSignal,
) => AsyncIterable<Response>;

/** Makes gRPC handlers: signs in, asks for the role of the REST operation that does the same, maps errors. */
@Injectable()
export class GrpcCalls {
  readonly #authenticator: Authenticator;
  readonly #metrics: RequestMetrics;
  readonly #logger: Logger;

  constructor(
    @Inject(Authenticator) authenticator: Authenticator,
    @Inject(RequestMetrics) metrics: RequestMetrics,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#metrics = metrics;
    this.#authenticator = authenticator;
    this.#logger = logger;
  }

  unary<Request, Response>(
    served: AnyOperation,
    handler: UnaryHandler<Request, Response>,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      const startMs = performance.now();
      const count = (code: status): void => this.#metrics.counted(served, status[code], performance.now() - startMs);
      void this.#answer(served, call, handler).then(
        (response) => {
          count(status.OK);
          callback(null, response);
        },
        (error: unknown) => {
          const refusal = refusalOf(error, this.#logger);
          count(refusal.code);
          callback(refusal);
        },
      );
    };
  }

  stream<Request, Response>(
    served: AnyOperation,
    handler: StreamHandler<Request, Response>,
  ): handleServerStreamingCall<Request, Response> {
    return (call) => {
      const gone = new AbortController();
      call.on('cancelled', () => gone.abort());
      void this.#write(served, call, handler, gone.signal).then(
        () => {
          this.#metrics.counted(served, status[status.OK], 0);
          call.end();
        },
        (error: unknown) => {
          const refusal = refusalOf(error, this.#logger);
          this.#metrics.counted(served, status[gone.signal.aborted ? status.CANCELLED : refusal.code], 0);
          if (!gone.signal.aborted) call.emit('error', refusal);
        },
      );
    };
  }

  async #answer<Request, Response>(
    served: AnyOperation,
    call: ServerUnaryCall<Request, Response>,
    handler: UnaryHandler<Request, Response>,
  ): Promise<Response> {
    return handler(call.request, this.#admit(served, call.metadata, call.getPeer()));
  }

  /** Reads on only when the caller has taken what was written: a slow one costs no memory. */
  async #write<Request, Response>(
    served: AnyOperation,
    call: ServerWritableStream<Request, Response>,
    handler: StreamHandler<Request, Response>,
    signal: AbortSignal,
  ): Promise<void> {
    const principal = this.#admit(served, call.metadata, call.getPeer());
    for await (const message of handler(call.request, principal, signal)) {
      if (!call.write(message)) await once(call, 'drain', { signal });
    }
  }

  #admit(served: AnyOperation, metadata: Metadata, peer: string): Principal {
    const [authorization] = metadata.get('authorization');
    const principal = this.#authenticator.authenticate(
      authorization === undefined ? undefined : String(authorization),
      peer.replace(/:\d+$/, ''),
    );
    if (served.access !== 'public') requireRole(principal, served.access);
    return principal;
  }
}
