// SPDX-License-Identifier: Apache-2.0
import { BaseRpcContext, type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { messageOf } from '@plumbline/core';
import { lastValueFrom } from 'rxjs';
import { type EventEnvelopeBatch, EVENTS_PATTERN } from './bus.port.js';

const TRACER_NAME = '@plumbline/messaging';

/** What a handler learns about a delivery besides the batch. */
export class BusContext extends BaseRpcContext<[{ readonly attempt: number }]> {
  /** 1 for the first delivery. */
  get attempt(): number {
    return this.args[0].attempt;
  }
}

/** Headers of a message, as both transports carry them. */
export type BusHeaders = Readonly<Record<string, string>>;

/** Headers that continue the trace of the caller. */
export function traceHeaders(): BusHeaders {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/**
 * What the transports share. Handlers are kept apart: Nest's own chaining of event handlers with the same pattern would run
 * all of them again because one threw.
 */
export abstract class BusServer extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true;
  readonly #handlers: MessageHandler[] = [];

  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    callback.isEventHandler = isEventHandler;
    callback.extras = extras;
    const route = this.normalizePattern(pattern as Parameters<Server['addHandler']>[0]);
    if (isEventHandler && route === EVENTS_PATTERN) this.#handlers.push(callback);
    // Kept for Nest, which asks for the map; what is not the events pattern belongs to another transport.
    this.messageHandlers.set(`${route}#${this.messageHandlers.size}`, callback);
  }

  /** The handlers of event batches, in the order of registration. */
  protected get eventHandlers(): readonly MessageHandler[] {
    return this.#handlers;
  }

  abstract override listen(callback: (error?: unknown) => void): Promise<void>;
  abstract override close(): Promise<void>;

  override on(): never {
    throw new TypeError('the bus has no events of its own; subscribe to `status`');
  }

  abstract override unwrap<T>(): T;

  /** Runs a handler to its end, in the trace of the publisher. Rejects with what the handler threw. */
  protected async runHandler(
    handler: MessageHandler,
    batch: EventEnvelopeBatch,
    delivery: { readonly attempt: number; readonly headers: BusHeaders },
  ): Promise<void> {
    const parent = propagation.extract(context.active(), delivery.headers);
    const span = trace.getTracer(TRACER_NAME).startSpan(
      'plumbline.bus.process',
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          'plumbline.first_position': batch.firstPosition,
          'plumbline.last_position': batch.lastPosition,
          'plumbline.attempt': delivery.attempt,
        },
      },
      parent,
    );
    try {
      await context.with(trace.setSpan(parent, span), async () => this.#await(handler, batch, delivery.attempt));
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
      throw error;
    } finally {
      span.end();
    }
  }

  async #await(handler: MessageHandler, batch: EventEnvelopeBatch, attempt: number): Promise<void> {
    const busContext = new BusContext([{ attempt }]);
    // Typed as void, but it hands back what the hook returns, and that is the promise of the work.
    const running: unknown = this.runWithProcessingHooks(busContext, async (done) => {
      // Not handleEvent of the base: it would answer before the work has ended.
      await lastValueFrom(this.transformToObservable(await handler(batch, busContext)), { defaultValue: undefined });
      done();
    });
    await running;
  }
}

/** How long to wait before delivery number `attempt + 1`, in milliseconds. */
export function redeliveryDelayMs(
  attempt: number,
  limits: { readonly firstMs: number; readonly longestMs: number },
): number {
  return Math.min(limits.firstMs * 2 ** Math.min(attempt - 1, 20), limits.longestMs);
}
