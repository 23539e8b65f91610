// SPDX-License-Identifier: Apache-2.0
import 'reflect-metadata';
import { MetadataScanner } from '@nestjs/core';
import { InvariantError } from '@plumbline/core';
import { type EventType, isEventType, type RecordedEvent } from '@plumbline/events';
import { ListenerMetadataExplorer } from '@nestjs/microservices/listener-metadata-explorer.js';

/** Folds one event. Must not wait for the reactor that calls it: nothing is processed until it returns. */
export type EventHandler = (event: RecordedEvent) => Promise<void> | void;

/** The handlers of one consumer by the type that they process. */
export type EventHandlers = ReadonlyMap<EventType, EventHandler>;

/** Finds the handlers of a consumer. */
export interface HandlerRegistry {
  /** The handlers of the consumer; empty when it has none. */
  handlersOf(consumer: string): EventHandlers;
}

/**
 * Returns the methods of a controller that have `@EventPattern('<EventType>', { consumer })` for the consumer, by
 * event type. They are
 * called directly: guards, pipes and interceptors of Nest are for requests and do not apply to the fold of an event.
 * @throws InvariantError PLB-9132 for a pattern that is no event type, or a type with two handlers.
 */
export function eventHandlersOf(controller: object, consumer: string): EventHandlers {
  const handlers = new Map<EventType, EventHandler>();
  // The explorer of Nest itself, so that inherited methods and several patterns per method count here as they do there.
  const explorer = new ListenerMetadataExplorer(new MetadataScanner());
  for (const { patterns, extras, isEventHandler, methodKey } of explorer.explore(controller as never)) {
    if (!isEventHandler || extras?.['consumer'] !== consumer) continue;
    for (const pattern of patterns) addHandler(handlers, { controller, pattern, methodKey });
  }
  return handlers;
}

function addHandler(
  handlers: Map<EventType, EventHandler>,
  {
    controller,
    pattern,
    methodKey,
  }: { readonly controller: object; readonly pattern: unknown; readonly methodKey: string },
): void {
  const where = `${controller.constructor.name}.${methodKey}`;
  const type = String(pattern);
  if (!isEventType(type))
    throw new InvariantError('PLB-9132', `${where} handles "${type}", which is not an event type`);
  if (handlers.has(type)) throw new InvariantError('PLB-9132', `${where} is a second handler of ${type}`);
  const method: unknown = Reflect.get(controller, methodKey);
  if (typeof method !== 'function') throw new InvariantError('PLB-9132', `${where} is not a method`);
  handlers.set(type, (event) => Reflect.apply(method, controller, [event]) as Promise<void> | void);
}

/**
 * True when the handlers have one for the type of the event, also for an event that could not be decoded to that
 * type.
 */
export function isHandled(handlers: EventHandlers, type: string): boolean {
  return isEventType(type) && handlers.has(type);
}
