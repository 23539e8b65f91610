// SPDX-License-Identifier: Apache-2.0
import { Metadata } from '@grpc/grpc-js';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

const TRACER_NAME = '@plumbline/event-log';

/** Metadata of a call that continues the trace of the caller. */
export function withTrace(metadata: Metadata): Metadata {
  const result = metadata.clone();
  propagation.inject(context.active(), result, { set: (carrier, key, value) => carrier.set(key, value) });
  return result;
}

/** The trace of the caller as headers; empty when there is none. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** Metadata that carries such headers. */
export function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  return metadata;
}

/** Answers a call in the trace of its caller, in a span named by the path of the call. */
export async function inTrace<Response>(
  call: { readonly path: string; readonly metadata: Metadata },
  answer: () => Promise<Response>,
): Promise<Response> {
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
