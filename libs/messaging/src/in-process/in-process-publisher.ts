// SPDX-License-Identifier: Apache-2.0
import type { EventMessage, EventPublisher } from '../event-publisher.port.js';

/** Called with each message, in order, never in the turn of its publisher. */
export type MessageListener = (message: EventMessage) => void;

/** Publisher of the standalone shape: messages go to the {@link InProcessTransport} of the same process. */
export class InProcessPublisher implements EventPublisher {
  readonly trustedKeys = undefined;
  readonly #listeners = new Set<MessageListener>();
  #waiting: EventMessage[] = [];
  #closed = false;

  get connected(): boolean {
    return !this.#closed;
  }

  async publish(messages: readonly EventMessage[]): Promise<void> {
    if (this.#listeners.size === 0 || this.#closed) return;
    if (this.#waiting.length === 0) setImmediate(() => this.#deliver());
    for (const message of messages) this.#waiting.push(message);
  }

  /** Receives what is published from now on; returns what ends it. */
  subscribe(listener: MessageListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
  }

  #deliver(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    for (const message of messages) for (const listener of this.#listeners) listener(message);
  }
}
