// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { type Consumer, type ConsumerMessages, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { messageOf } from '@plumbline/core';
import type { VerifierKey } from '@plumbline/merkle';
import type { Delivery } from '../delivery.js';
import { subjectsOfType, SUBJECT_PREFIX } from '../event-subject.js';
import { EventTransport, type EventTransportOptions } from '../event-transport.js';
import { MessageVerifier } from '../groups/message-verifier.js';
import { EVENT_STREAM, isAtLeast, isMissing } from './event-stream.js';
import type { NatsLink } from './nats-link.js';

const MINUTE_MS = 60_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** How a {@link JetStreamTransport} is set up. */
export interface JetStreamTransportOptions extends EventTransportOptions {
  readonly link: NatsLink;
  /** Public keys of the log: the present one and former ones. */
  readonly keys: readonly VerifierKey[];
  /** Name of the service; begins the names of its consumers. */
  readonly service: string;
}

/**
 * Nest transport over ordered consumers of the stream `PLUMBLINE_EVENTS`, one for each consumer of the process. From
 * nats-server 2.10 on
 * the server delivers only the types that the consumer has handlers for.
 */
export class JetStreamTransport extends EventTransport {
  readonly #settings: JetStreamTransportOptions;
  readonly #stopping = new AbortController();
  readonly #loops = new Set<Promise<void>>();
  readonly #following = new Set<object>();
  #connection: NatsConnection | undefined;

  constructor(options: JetStreamTransportOptions) {
    super(options);
    this.#settings = options;
    this._status$.next('disconnected');
  }

  override async close(): Promise<void> {
    this.#stopping.abort();
    await super.close();
    await Promise.all(this.#loops);
    this._status$.next('disconnected');
  }

  override unwrap<T>(): T {
    return this.#connection as T;
  }

  protected override follow(delivery: Delivery): () => void {
    const ended = new AbortController();
    const loop = this.#run(delivery, AbortSignal.any([ended.signal, this.#stopping.signal]));
    this.#loops.add(loop);
    void loop.finally(() => this.#loops.delete(loop));
    return () => ended.abort();
  }

  /** Creates the consumer and reads from it, again and again: stream, consumer and server may go away at any moment. */
  async #run(delivery: Delivery, signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        const connection = await this.#settings.link.connection(MINUTE_MS);
        this.#connection = connection;
        const consumer = await this.#createConsumer(connection, delivery);
        this.#changed(delivery, 'following');
        retryMs = FIRST_RETRY_MS;
        // What was published before the consumer was there.
        delivery.restart();
        await this.#consume(consumer, delivery, signal);
      } catch (error) {
        if (signal.aborted) break;
        // Normal before the first event of a new installation.
        if (!isMissing(error)) this.#settings.onError?.(`the NATS consumer is created again: ${messageOf(error)}`);
      }
      this.#changed(delivery, 'not following');
      // Rejects only when stopping, which ends the loop.
      await delay(retryMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    this.#changed(delivery, 'not following');
  }

  async #createConsumer(connection: NatsConnection, { types }: Delivery): Promise<Consumer> {
    const canFilter = isAtLeast(connection.info?.version ?? '', 2, 10) && types.length > 0;
    const prefix = `${this.#settings.service.replaceAll(/[^A-Za-z0-9_-]/g, '_')}-${connection.info?.client_id ?? 0}`;
    const { state } = await (await jetstreamManager(connection, { checkAPI: false })).streams.info(EVENT_STREAM);
    return jetstream(connection).consumers.get(EVENT_STREAM, {
      name_prefix: `${prefix}-${Math.random().toString(36).slice(2, 10)}`,
      // What was published before is read from the log itself. A number, so that a consumer that is created again
      // begins here too.
      opt_start_seq: state.last_seq + 1,
      filter_subjects: canFilter ? types.map(subjectsOfType) : `${SUBJECT_PREFIX}.>`,
    });
  }

  async #consume(consumer: Consumer, delivery: Delivery, signal: AbortSignal): Promise<void> {
    const messages: ConsumerMessages = await consumer.consume({
      max_messages: 2_000,
      expires: 30_000,
      idle_heartbeat: 5_000,
      abort_on_missing_resource: true,
    });
    const stop = (): void => void messages.close().catch(() => undefined);
    signal.addEventListener('abort', stop);
    const verifier = new MessageVerifier(this.#settings.keys);
    try {
      if (signal.aborted) stop();
      for await (const message of messages) {
        const checked = verifier.check({
          subject: message.subject,
          header: (name) => message.headers?.get(name),
          body: message.data,
        });
        delivery.take(checked, message.seq);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
    }
  }

  /** The transport is connected while every consumer of the process has its consumer at the server. */
  #changed(delivery: Delivery, state: 'following' | 'not following'): void {
    if (state === 'following') this.#following.add(delivery);
    else this.#following.delete(delivery);
    this._status$.next(
      this.#following.size > 0 && this.#following.size >= this.#loops.size ? 'connected' : 'disconnected',
    );
  }
}
