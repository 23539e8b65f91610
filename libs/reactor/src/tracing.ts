// SPDX-License-Identifier: Apache-2.0
import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { messageOf } from '@plumbline/core';

/**
 * The context of everything that follows from one change. The trace id is the 128 bits of the correlation id, so that
 * all services,
 * and a repetition of their work, derive the same trace without handing it on. Returns the root context for an id
 * that is not a UUID.
 */
export function traceContext(correlationId: string): Context {
  const traceId = correlationId.replaceAll('-', '').toLowerCase();
  if (!/^(?!0{32})[0-9a-f]{32}$/.test(traceId)) return ROOT_CONTEXT;
  // Every span of the trace has the same, derived parent: which span caused an event is not recorded in the log.
  const spanId = traceId.slice(16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

/** A piece of work that gets a span. */
export interface TracedWork {
  /** One word: `fetch`, `render`, `evaluate`, `plan`, `apply`, `wait`. */
  readonly name: string;
  /** Of the event that caused the work. */
  readonly correlationId: string;
  readonly attributes?: Attributes;
}

/**
 * Runs work in a span of the trace of its cause, linked to the span that is active. A rejection marks the span as
 * failed.
 */
export async function traced<Result>(
  tracer: Tracer,
  { name, correlationId, attributes = {} }: TracedWork,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  const parent = traceContext(correlationId);
  const active = trace.getSpanContext(context.active());
  const links = active === undefined ? [] : [{ context: active }];
  const span = tracer.startSpan(name, { attributes, links }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), work, undefined, span);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
    throw error;
  } finally {
    span.end();
  }
}

/**
 * Records a span for work that is done already: what it belongs to is known only from its result. `startMs` is since
 * the epoch.
 */
export function recordSpan(
  tracer: Tracer,
  { name, correlationId, attributes = {} }: TracedWork,
  startMs: number,
): void {
  tracer.startSpan(name, { attributes, startTime: startMs }, traceContext(correlationId)).end();
}
