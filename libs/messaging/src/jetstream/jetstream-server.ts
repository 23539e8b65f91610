// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerMessages,
  DeliverPolicy,
  jetstream,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import type { MessageHandler } from '@nestjs/microservices';
import type { NatsConnection } from '@nats-io/transport-node';
import { messageOf } from '@plumbline/core';
import { type BusHeaders, BusServer, redeliveryDelayMs } from '../bus-server.js';
import { decodeBatch } from '../codec.js';
import { ensureEventStream, EVENT_STREAM, isMissing } from './event-stream.js';
import type { NatsLink } from './nats-link.js';

const NANOS_PER_MS = 1_000_000;
const MINUTE_MS = 60_000;

/** How a {@link JetStreamServer} is set up. */
export interface JetStreamServerOptions {
  readonly link: NatsLink;
  /** Name of the service; with `instance` it names the durable consumer. */
  readonly service: string;
  /**
   * Name of this instance where a service runs more than once: every instance folds all events, so each has a consumer of its own,
   * which the server drops a while after the instance has gone.
   */
  readonly instance?: string;
  /** Called after each failed delivery and whenever the consumer has to be made again. */
  readonly onError?: (message: string) => void;
  /** Time after which the server delivers again when it heard nothing, in milliseconds; 30,000 when absent. */
  readonly ackWaitMs?: number;
  /** Delay before the second delivery, doubled up to `longestDelayMs`; 100 when absent. */
  readonly firstDelayMs?: number;
  /** 10,000 when absent. */
  readonly longestDelayMs?: number;
  /** How long {@link JetStreamServer.close} waits for the handler that runs, in milliseconds; 15,000 when absent. */
  readonly drainTimeoutMs?: number;
}

/**
 * Nest transport over a durable pull consumer of the stream `PL_EV`. One message is under way at a time, so the order of the log
 * holds through redeliveries too. It acknowledges only after every handler has ended well.
 */
export class JetStreamServer extends BusServer {
  readonly #options: JetStreamServerOptions;
  readonly #ackWaitMs: number;
  readonly #stopping = new AbortController();
  #messages: ConsumerMessages | undefined;
  #connection: NatsConnection | undefined;
  #loop: Promise<void> = Promise.resolve();
  /** The handlers that have finished with the message under way: a redelivery is for the others. */
  #finished: { readonly seq: number; readonly handlers: Set<MessageHandler> } = { seq: -1, handlers: new Set() };

  constructor(options: JetStreamServerOptions) {
    super();
    this.#options = options;
    this.#ackWaitMs = options.ackWaitMs ?? 30_000;
  }

  /** Name of the durable consumer. */
  get consumerName(): string {
    const { service, instance } = this.#options;
    return [service, instance]
      .filter((part) => part !== undefined)
      .join('-')
      .replaceAll(/[^A-Za-z0-9_-]/g, '_');
  }

  /** Returns at once: a process starts (and catches up from the log) without its bus. */
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    this._status$.next('disconnected');
    if (this.eventHandlers.length > 0) this.#loop = this.#run();
    callback();
  }

  override async close(): Promise<void> {
    this.#stopping.abort();
    // Ends the iterator; the handler that runs goes on to its end.
    const closed = this.#messages?.close().catch(() => undefined);
    const timer = new AbortController();
    await Promise.race([
      Promise.all([this.#loop, closed]),
      delay(this.#options.drainTimeoutMs ?? 15_000, undefined, { signal: timer.signal }).catch(() => undefined),
    ]);
    timer.abort();
    this._status$.next('disconnected');
  }

  override unwrap<T>(): T {
    return this.#connection as T;
  }

  /** Makes the consumer and works on it, again and again: the stream, the consumer or the server may go away at any moment. */
  async #run(): Promise<void> {
    for (let attempt = 1; !this.#stopping.signal.aborted; attempt += 1) {
      try {
        this.#connection = await this.#options.link.connection(MINUTE_MS);
        const manager = await ensureEventStream(this.#connection);
        await this.#ensureConsumer(manager);
        this._status$.next('connected');
        attempt = 1;
        await this.#consume(this.#connection);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#options.onError?.(`the bus consumer ${this.consumerName} starts again: ${messageOf(error)}`);
      }
      this._status$.next('disconnected');
      await this.#pause(redeliveryDelayMs(attempt, { firstMs: 100, longestMs: 5_000 }));
    }
  }

  async #ensureConsumer(manager: JetStreamManager): Promise<void> {
    const wanted: Partial<ConsumerConfig> = {
      durable_name: this.consumerName,
      ack_policy: AckPolicy.Explicit,
      ack_wait: this.#ackWaitMs * NANOS_PER_MS,
      // What lies before is read from the log itself.
      deliver_policy: DeliverPolicy.New,
      max_deliver: -1,
      max_ack_pending: 1,
      ...(this.#options.instance === undefined ? {} : { inactive_threshold: 10 * MINUTE_MS * NANOS_PER_MS }),
    };
    try {
      const { config } = await manager.consumers.info(EVENT_STREAM, this.consumerName);
      if (config.ack_policy !== wanted.ack_policy || config.max_ack_pending !== 1) {
        throw new Error(
          `the consumer ${this.consumerName} was made by somebody else (ack policy ${config.ack_policy}, ${String(config.max_ack_pending)} pending); remove it`,
        );
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
      await manager.consumers.add(EVENT_STREAM, wanted);
    }
  }

  async #consume(connection: NatsConnection): Promise<void> {
    const consumer = await jetstream(connection).consumers.get(EVENT_STREAM, this.consumerName);
    const messages = await consumer.consume({
      max_messages: 2,
      expires: 30_000,
      idle_heartbeat: 5_000,
      abort_on_missing_resource: true,
    });
    this.#messages = messages;
    if (this.#stopping.signal.aborted) {
      await messages.close();
      return;
    }
    for await (const message of messages) {
      if (this.#stopping.signal.aborted) message.nak();
      else await this.#deliver(message);
    }
  }

  async #deliver(message: JsMsg): Promise<void> {
    const attempt = message.info.deliveryCount;
    const alive = setInterval(() => message.working(), this.#ackWaitMs / 3);
    try {
      const batch = decodeBatch(message.data);
      const delivery = { attempt, headers: headersOf(message) };
      if (this.#finished.seq !== message.seq) this.#finished = { seq: message.seq, handlers: new Set() };
      const { handlers } = this.#finished;
      const due = this.eventHandlers.filter((handler) => !handlers.has(handler));
      const results = await Promise.allSettled(
        due.map(async (handler) => this.runHandler(handler, batch, delivery).then(() => handlers.add(handler))),
      );
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      message.ack();
    } catch (error) {
      this.#options.onError?.(messageOf(error));
      message.nak(
        redeliveryDelayMs(attempt, {
          firstMs: this.#options.firstDelayMs ?? 100,
          longestMs: this.#options.longestDelayMs ?? 10_000,
        }),
      );
    } finally {
      clearInterval(alive);
    }
  }

  async #pause(ms: number): Promise<void> {
    // Rejects only when stopping, which ends the loop.
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

function headersOf(message: JsMsg): BusHeaders {
  const result: Record<string, string> = {};
  for (const [key, values] of message.headers ?? []) result[key] = values[0] ?? '';
  return result;
}
