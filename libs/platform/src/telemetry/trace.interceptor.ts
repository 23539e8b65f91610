// SPDX-License-Identifier: Apache-2.0
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { context, propagation, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import { messageOf } from '@plumbline/core';
import type { FastifyRequest } from 'fastify';
import { Observable } from 'rxjs';
import { TRACER } from '../tokens.js';

/** A server span per HTTP request, continued from the caller's `traceparent`. */
@Injectable()
export class TraceInterceptor implements NestInterceptor {
  readonly #tracer: Tracer;

  constructor(@Inject(TRACER) tracer: Tracer) {
    this.#tracer = tracer;
  }

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    // The bus makes its own spans.
    if (execution.getType() !== 'http') return next.handle();
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const parent = propagation.extract(context.active(), request.headers);
    const name = `${request.method} ${request.routeOptions.url ?? 'unknown'}`;
    const span = this.#tracer.startSpan(
      name,
      { kind: SpanKind.SERVER, attributes: { 'http.request.method': request.method } },
      parent,
    );
    const active = trace.setSpan(parent, span);
    return new Observable((subscriber) =>
      context.with(active, () =>
        next.handle().subscribe({
          next: (value) => subscriber.next(value),
          error: (error: unknown) => {
            span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
            span.end();
            subscriber.error(error);
          },
          complete: () => {
            span.end();
            subscriber.complete();
          },
        }),
      ),
    );
  }
}
