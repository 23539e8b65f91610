// SPDX-License-Identifier: Apache-2.0
import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { InvariantError, messageOf } from '@plumbline/core';
import { isEventType } from '@plumbline/events';
import { lastValueFrom } from 'rxjs';
import { Delivery, type DiscardListener } from './delivery.js';
import { type EventBatch, EVENTS_PATTERN } from './event-batch.js';
import type { EventIntake, EventRange } from './event-intake.js';

/** What the transports have in common. */
export interface EventTransportOptions {
  /** Called for each message that is discarded. */
  readonly onDiscarded?: DiscardListener;
  /** Called for what fails and is tried again. */
  readonly onError?: (message: string) => void;
}

/**
 * Nest transport strategy of events. It collects the handlers of `@EventPattern('<EventType>', { consumer })` by
 * consumer and type for
 * the engine of that consumer, and delivers verified events to each {@link EventIntake} that is attached. A delivery
 * is not
 * acknowledged: a consumer that was away, or to which a message was lost, reads the log.
 */
export abstract class EventTransport extends Server implements CustomTransportStrategy {
  readonly #options: EventTransportOptions;
  readonly #handlers = new Map<string, Map<string, MessageHandler>>();
  readonly #batchHandlers: MessageHandler[] = [];
  readonly #attached = new Set<() => void>();

  constructor(options: EventTransportOptions) {
    super();
    this.#options = options;
  }

  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    callback.isEventHandler = isEventHandler;
    callback.extras = extras;
    const route = this.normalizePattern(pattern as Parameters<Server['addHandler']>[0]);
    const { consumer } = extras;
    if (isEventHandler && route === EVENTS_PATTERN) this.#batchHandlers.push(callback);
    else if (isEventHandler && typeof consumer === 'string') this.#addEventHandler(consumer, route, callback);
    // Kept for Nest, which asks for the map; what is not about events belongs to another transport.
    this.messageHandlers.set(`${route}#${this.messageHandlers.size}`, callback);
  }

  /** The handlers of a consumer by event type, in the order of registration; none for a consumer without handlers. */
  handlersOf(consumer: string): ReadonlyMap<string, MessageHandler> {
    return this.#handlers.get(consumer) ?? new Map();
  }

  /**
   * Begins to deliver to a consumer; returns what ends it. Delivers what is published from now on: what is older is
   * in the log.
   */
  attach(intake: EventIntake): () => void {
    const delivery = new Delivery(intake, (consumer, message) => this.#options.onDiscarded?.(consumer, message));
    const stop = this.follow(delivery);
    const detach = (): void => {
      if (!this.#attached.delete(detach)) return;
      stop();
    };
    this.#attached.add(detach);
    return detach;
  }

  override async listen(callback: (error?: unknown) => void): Promise<void> {
    for (const handler of this.#batchHandlers) this.attach(this.#batchIntake(handler));
    callback();
  }

  override async close(): Promise<void> {
    for (const detach of this.#attached) detach();
  }

  override on(): never {
    throw new TypeError('the transport has no events of its own; subscribe to `status`');
  }

  abstract override unwrap<T>(): T;

  /** Feeds a delivery with checked messages until the returned function is called. */
  protected abstract follow(delivery: Delivery): () => void;

  #addEventHandler(consumer: string, type: string, handler: MessageHandler): void {
    if (!isEventType(type))
      throw new InvariantError(
        'PLB-9132',
        `consumer ${consumer} has a handler of "${type}", which is not an event type`,
      );
    const handlers = this.#handlers.get(consumer) ?? new Map<string, MessageHandler>();
    if (handlers.has(type)) throw new InvariantError('PLB-9132', `consumer ${consumer} has two handlers of ${type}`);
    this.#handlers.set(consumer, handlers.set(type, handler));
  }

  /** A consumer that takes everything as batches. */
  #batchIntake(handler: MessageHandler): EventIntake {
    const hand = async (batch: EventBatch): Promise<void> => {
      await lastValueFrom(this.transformToObservable(await handler(batch)), { defaultValue: undefined });
    };
    const send = (batch: EventBatch): void =>
      void hand(batch).catch((error: unknown) => this.#options.onError?.(messageOf(error)));
    return {
      consumer: 'batches',
      types: [],
      offer: ({ from, next, events }: EventRange) =>
        send({ shard: 0, firstPosition: from, lastPosition: next - 1, events }),
      // A batch that joins on nowhere makes the follower of the consumer read the log.
      checkLog: () =>
        send({ shard: 0, firstPosition: Number.MAX_SAFE_INTEGER, lastPosition: Number.MAX_SAFE_INTEGER, events: [] }),
    };
  }
}
