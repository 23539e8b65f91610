// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { messageOf } from '@plumbline/core';
import { LOGGER } from '@plumbline/platform';
import type { Logger } from '@plumbline/platform';
import type { SubscriptionView } from '@plumbline/views';
import { GATEWAY_CONFIG } from '../gateway.config.js';
import type { GatewayConfig } from '../gateway.config.js';
import { LOG_ACCESS } from '../state/log-access.js';
import type { LogAccess } from '../state/log-access.js';
import { begunBy, Delivery } from './delivery.js';

const NOTE_MS = 5_000;

interface Running {
  /** What it was begun for: another declaration or a replay begins anew. */
  readonly begunBy: number;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** Keeps a delivery running for each subscription of the log, and no others. */
@Injectable()
export class Deliveries {
  readonly #running = new Map<string, Running>();

  constructor(
    @Inject(LOG_ACCESS) private readonly access: LogAccess,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Until the process stops. */
  async run(): Promise<void> {
    if (!this.config.deliveries) return;
    const signal = this.access.closing;
    let after = this.access.position;
    await this.#reconcile();
    for await (const events of this.access.feed.batches({ after, signal })) {
      after = events.at(-1)?.position ?? after;
      if (events.some(({ type }) => type === 'SubscriptionDeclared' || type === 'SubscriptionRemoved' || type === 'DeliveryReplayRequested')) await this.#reconcile();
    }
    await Promise.all([...this.#running.keys()].map((name) => this.#stop(name)));
  }

  async #reconcile(): Promise<void> {
    const wanted = new Map([...this.access.state.views.all('subscription')].map((subscription) => [subscription.name, subscription]));
    for (const name of this.#running.keys()) if (!wanted.has(name)) await this.#stop(name);
    for (const [name, subscription] of wanted) {
      const begun = begunBy(subscription);
      if (this.#running.get(name)?.begunBy === begun) continue;
      await this.#stop(name);
      const stop = new AbortController();
      this.#running.set(name, { begunBy: begun, stop, ended: this.#deliver(name, AbortSignal.any([stop.signal, this.access.closing])) });
    }
  }

  async #stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    this.#running.delete(name);
    running?.stop.abort();
    await running?.ended;
  }

  async #deliver(name: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const subscription: SubscriptionView | undefined = this.access.state.views.get('subscription', name);
      if (subscription === undefined) return;
      const { subscriptionHosts: allowed, deliveryRetryMs: retryMs } = this.config;
      const delivery = new Delivery(subscription, { access: this.access, allowed, retryMs, noteMs: NOTE_MS });
      try {
        await delivery.run(signal);
        await delivery.finish();
      } catch (error) {
        if (signal.aborted) return;
        this.logger.warn('a subscription cannot be delivered now; it is tried again', { subscription: name, error: messageOf(error) });
        await delay(this.config.deliveryRetryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
