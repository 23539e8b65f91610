// SPDX-License-Identifier: Apache-2.0
import type { Metadata } from '@grpc/grpc-js';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

const TRACER_NAME = '@plumbline/event-log';

/** Metadata of a call that continues the trace of the caller. */
export function withTrace(metadata: Metadata): Metadata {
  const result = metadata.clone();
  propagation.inject(context.active(), result, { set: (carrier, key, value) => carrier.set(key, value) });
  return result;
}

/** Answers a call in the trace of its caller, in a span named by the path of the call. */
export async function inTrace<Response>(call: { readonly path: string; readonly metadata: Metadata }, answer: () => Promise<Response>): Promise<Response> {
  const parent = propagation.extract(context.active(), call.metadata, {
    get: (carrier, key) => carrier.get(key)[0]?.toString(),
    keys: (carrier) => Object.keys(carrier.getMap()),
  });
  const span = trace.getTracer(TRACER_NAME).startSpan(call.path, { kind: SpanKind.SERVER }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), answer);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
