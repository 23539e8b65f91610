// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageHandler } from '@nestjs/microservices';
import { messageOf } from '@plumbline/core';
import { BusServer, redeliveryDelayMs } from '../bus-server.js';
import type { InProcessBus, InProcessMessage, InProcessQueue } from './in-process-bus.js';

/** How an {@link InProcessServer} behaves. */
export interface InProcessServerOptions {
  readonly bus: InProcessBus;
  /** Called after each failed delivery; the message is delivered again. */
  readonly onError?: (message: string) => void;
  /** Delay before the second delivery, doubled up to `longestDelayMs`; 50 when absent. */
  readonly firstDelayMs?: number;
  /** 5,000 when absent. */
  readonly longestDelayMs?: number;
}

/** Nest transport over an {@link InProcessBus}: each handler has its own queue and its own pace. */
export class InProcessServer extends BusServer {
  readonly #options: InProcessServerOptions;
  readonly #stopping = new AbortController();
  readonly #queues: InProcessQueue[] = [];
  #loops: Promise<void>[] = [];

  constructor(options: InProcessServerOptions) {
    super();
    this.#options = options;
  }

  override async listen(callback: (error?: unknown) => void): Promise<void> {
    for (const handler of this.eventHandlers) {
      const queue = this.#options.bus.subscribe();
      this.#queues.push(queue);
      this.#loops.push(this.#run(handler, queue));
    }
    this._status$.next('connected');
    callback();
  }

  override async close(): Promise<void> {
    this.#stopping.abort();
    for (const queue of this.#queues) queue.close();
    await Promise.all(this.#loops);
    this.#loops = [];
    this._status$.next('disconnected');
  }

  override unwrap<T>(): T {
    return this.#options.bus as T;
  }

  async #run(handler: MessageHandler, queue: InProcessQueue): Promise<void> {
    for (let message = await queue.next(); message !== undefined; message = await queue.next())
      await this.#deliver(handler, message);
  }

  async #deliver(handler: MessageHandler, message: InProcessMessage): Promise<void> {
    for (let attempt = 1; !this.#stopping.signal.aborted; attempt += 1) {
      try {
        await this.runHandler(handler, message.batch(), { attempt, headers: message.headers });
        return;
      } catch (error) {
        this.#options.onError?.(messageOf(error));
        const limits = { firstMs: this.#options.firstDelayMs ?? 50, longestMs: this.#options.longestDelayMs ?? 5_000 };
        // Rejects only when stopping, which ends the loop.
        await delay(redeliveryDelayMs(attempt, limits), undefined, { signal: this.#stopping.signal }).catch(
          () => undefined,
        );
      }
    }
  }
}
