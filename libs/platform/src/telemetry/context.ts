// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks';
import { context, type Context, type ContextManager, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';

/** Keeps the active trace across awaits. Twenty lines instead of a package with hooks of its own. */
class AsyncLocalContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<Args extends unknown[], Result>(
    active: Context,
    fn: (this: ThisParameterType<(...args: Args) => Result>, ...args: Args) => Result,
    thisArg?: unknown,
    ...args: Args
  ): Result {
    return this.#storage.run(active, () => fn.apply(thisArg as ThisParameterType<typeof fn>, args));
  }

  bind<T>(active: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const bound = (...args: unknown[]): unknown =>
      this.#storage.run(active, () => Reflect.apply(target, undefined, args));
    return bound as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}

let installed = false;

/** Makes trace context follow the work of this process and its messages (W3C `traceparent`); idempotent. */
export function installTraceContext(): void {
  if (installed) return;
  installed = true;
  context.setGlobalContextManager(new AsyncLocalContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
}
