// SPDX-License-Identifier: Apache-2.0
import type { VerifierKey } from '@plumbline/merkle';
import type { Delivery } from '../delivery.js';
import type { EventMessage } from '../event-publisher.port.js';
import { EventTransport, type EventTransportOptions } from '../event-transport.js';
import { type DiscardedMessage, MessageVerifier, type VerifiedEvent } from '../groups/message-verifier.js';
import type { InProcessPublisher } from './in-process-publisher.js';

/** How an {@link InProcessTransport} is set up. */
export interface InProcessTransportOptions extends EventTransportOptions {
  readonly publisher: InProcessPublisher;
  /** Public keys of the log; signatures are not looked at when absent, since nobody else can publish here. */
  readonly keys?: readonly VerifierKey[];
}

/**
 * Transport within one process. Messages are read and verified from their bytes, as over a network, once for all
 * consumers.
 */
export class InProcessTransport extends EventTransport {
  readonly #publisher: InProcessPublisher;
  readonly #verifier: MessageVerifier;
  readonly #deliveries = new Set<Delivery>();
  #stop: (() => void) | undefined;
  #sequence = 0;

  constructor(options: InProcessTransportOptions) {
    super(options);
    this.#publisher = options.publisher;
    this.#verifier = new MessageVerifier(options.keys);
  }

  override async listen(callback: (error?: unknown) => void): Promise<void> {
    await super.listen(callback);
    this._status$.next('connected');
  }

  override async close(): Promise<void> {
    await super.close();
    this._status$.next('disconnected');
  }

  override unwrap<T>(): T {
    return this.#publisher as T;
  }

  protected override follow(delivery: Delivery): () => void {
    this.#deliveries.add(delivery);
    this.#stop ??= this.#publisher.subscribe((message) => this.#receive(message));
    return () => {
      this.#deliveries.delete(delivery);
      if (this.#deliveries.size > 0) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  #receive({ subject, headers, body }: EventMessage): void {
    this.#sequence += 1;
    const checked: VerifiedEvent | DiscardedMessage = this.#verifier.check({
      subject,
      header: (name) => headers[name],
      body,
    });
    for (const delivery of this.#deliveries) delivery.take(checked, this.#sequence);
  }
}
