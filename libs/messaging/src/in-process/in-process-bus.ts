// SPDX-License-Identifier: Apache-2.0
import { type BusHeaders, traceHeaders } from '../bus-server.js';
import type { EventBus, EventEnvelopeBatch } from '../bus.port.js';
import { decodeBatch, encodeBatch } from '../codec.js';

/** One message as it waits in the queues of its subscribers. */
export class InProcessMessage {
  readonly #bytes: Uint8Array;

  #batch: EventEnvelopeBatch | undefined;

  constructor(
    bytes: Uint8Array,
    readonly headers: BusHeaders,
  ) {
    this.#bytes = bytes;
  }

  /** What a receiver of the bytes gets. Read once for all subscribers: events are read-only, and six copies of each would be kept. */
  batch(): EventEnvelopeBatch {
    this.#batch ??= decodeBatch(this.#bytes);
    return this.#batch;
  }
}

/** Where a subscriber gets its messages from, in order. */
export interface InProcessQueue {
  /** The next message, or undefined when the queue was closed. */
  next(): Promise<InProcessMessage | undefined>;
  close(): void;
}

class BoundedQueue implements InProcessQueue {
  readonly #capacity: number;
  readonly #onClose: (queue: BoundedQueue) => void;

  readonly #messages: InProcessMessage[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(capacity: number, onClose: (queue: BoundedQueue) => void) {
    this.#capacity = capacity;
    this.#onClose = onClose;
  }

  /** False when the queue is full and the message was left out. */
  offer(message: InProcessMessage): boolean {
    if (this.#messages.length >= this.#capacity) return false;
    this.#messages.push(message);
    this.#wake?.();
    return true;
  }

  async next(): Promise<InProcessMessage | undefined> {
    while (this.#messages.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#closed ? undefined : this.#messages.shift();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
    this.#onClose(this);
  }
}

/** Limits of an {@link InProcessBus}. */
export interface InProcessBusOptions {
  /** Messages that may wait per subscriber; 1,024 when absent. Above it the subscriber misses messages and refills from the log. */
  readonly queueCapacity?: number;
}

/** The bus of the standalone shape. Events go through their encoded form, so that a subscriber sees what it would see over a network. */
export class InProcessBus implements EventBus {
  readonly #queues = new Set<BoundedQueue>();
  readonly #capacity: number;
  #dropped = 0;
  #closed = false;

  constructor(options: InProcessBusOptions = {}) {
    this.#capacity = options.queueCapacity ?? 1_024;
  }

  get connected(): boolean {
    return !this.#closed;
  }

  /** Messages that were left out because a subscriber's queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  async publish(batch: EventEnvelopeBatch): Promise<void> {
    if (this.#queues.size === 0 || batch.events.length === 0) return;
    const message = new InProcessMessage(encodeBatch(batch), traceHeaders());
    for (const queue of this.#queues) if (!queue.offer(message)) this.#dropped += 1;
  }

  /** A queue of its own with everything that is published from now on. */
  subscribe(): InProcessQueue {
    const queue = new BoundedQueue(this.#capacity, (closed) => this.#queues.delete(closed));
    this.#queues.add(queue);
    return queue;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const queue of this.#queues) queue.close();
  }
}
