// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { messageOf, uuidv7 } from '@plumbline/core';
import {
  DELIVERY_CURSORS,
  type DeliveryCursors,
  WORK_LEASES,
  type WorkLease,
  type WorkLeases,
} from '@plumbline/event-log';
import type { EventType } from '@plumbline/events';
import { CONFIG_SOURCE, type ConfigSource, type Logger, LOGGER } from '@plumbline/platform';
import type { SubscriptionView } from '@plumbline/read-models';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { begunBy, Delivery } from './delivery.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { withProgress } from './delivery-progress.js';

const NOTE_MS = 5_000;
const WORK = 'deliveries';
/** Events that change what is to be delivered. */
const CHANGES: ReadonlySet<EventType | 'Unknown'> = new Set([
  'SubscriptionDeclared',
  'SubscriptionRemoved',
  'DeliveryReplayRequested',
] as const);

interface Running {
  /** Position of the event that it was begun for: another declaration or a replay begins again. */
  readonly begunBy: number;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** A lease, and until when this process may rely on it without a renewal. */
interface Held {
  readonly lease: WorkLease;
  readonly untilMs: number;
}

/**
 * Runs one delivery for each subscription of the log. Of several gateways the one with the lease delivers: the first
 * that acquires it while
 * there are subscriptions. The others take over when it releases the lease at its end, or when the lease expires
 * after a crash.
 */
@Injectable()
export class Deliveries {
  readonly #access: LogAccess;
  readonly #config: GatewayConfig;
  readonly #logger: Logger;
  readonly #variables: ConfigSource;
  readonly #leases: WorkLeases;
  readonly #cursors: DeliveryCursors;
  readonly #metrics: DeliveryMetrics;

  readonly #running = new Map<string, Running>();
  readonly #id: string;
  #held: Held | undefined;
  /** Changes of leases and deliveries, one after the other; never rejects. */
  #last: Promise<void> = Promise.resolve();
  #failing = false;

  constructor(
    @Inject(LOG_ACCESS) access: LogAccess,
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(CONFIG_SOURCE) variables: ConfigSource,
    @Inject(WORK_LEASES) leases: WorkLeases,
    @Inject(DELIVERY_CURSORS) cursors: DeliveryCursors,
    @Inject(DeliveryMetrics) metrics: DeliveryMetrics,
  ) {
    this.#access = access;
    this.#config = config;
    this.#logger = logger;
    this.#variables = variables;
    this.#leases = leases;
    this.#cursors = cursors;
    this.#metrics = metrics;

    this.#id = uuidv7(access.clock.nowMs());
  }

  /** Runs until the process stops. */
  async run(): Promise<void> {
    if (!this.#config.deliveries) return;
    const signal = this.#access.closing;
    const renewing = this.#renewing();
    for await (const events of this.#access.feed.batches({ after: this.#access.position, signal })) {
      if (!events.some(({ type }) => CHANGES.has(type))) continue;
      await this.#update(events.flatMap((event) => (event.type === 'SubscriptionRemoved' ? [event.data.name] : [])));
    }
    await renewing;
    await this.#inTurn(async () => this.#stopAll());
    const held = this.#held;
    this.#held = undefined;
    // Without it another gateway waits until the lease expires.
    if (held !== undefined) await this.#leases.release(held.lease).catch(() => undefined);
  }

  get #hasWork(): boolean {
    const [first] = this.#access.state.views.all('subscription');
    return first !== undefined;
  }

  /** Renews the lease, or tries to acquire it, three times in its duration. */
  async #renewing(): Promise<void> {
    const { closing } = this.#access;
    while (!closing.aborted) {
      await this.#update();
      await delay(this.#config.deliveryLeaseMs / 3, undefined, { signal: closing }).catch(() => undefined);
    }
  }

  /**
   * Acquires or renews the lease while there are subscriptions, then starts and stops deliveries accordingly. Never
   * rejects.
   */
  #update(removed: readonly string[] = []): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#access.closing.aborted) return;
      try {
        if (this.#hasWork) await this.#acquire();
        await this.#reconcile();
        for (const name of removed) await this.#forget(name);
        this.#failing = false;
      } catch (error) {
        if (this.#held !== undefined && performance.now() >= this.#held.untilMs) await this.#lose();
        if (!this.#failing && !this.#access.closing.aborted)
          this.#logger.warn('the lease on deliveries to subscriptions cannot be renewed; retrying', {
            error: messageOf(error),
          });
        this.#failing = true;
      }
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work);
    return this.#last;
  }

  async #acquire(): Promise<void> {
    const ttlMs = this.#config.deliveryLeaseMs;
    const askedMs = performance.now();
    const lease = await this.#leases.acquire({ work: WORK, holder: this.#id, ttlMs });
    if (lease === undefined) return this.#lose();
    if (this.#held === undefined) this.#logger.info('this gateway delivers to subscriptions', { epoch: lease.epoch });
    else if (this.#held.lease.epoch !== lease.epoch) await this.#lose();
    this.#held = { lease, untilMs: askedMs + ttlMs };
  }

  /** Another gateway may deliver now. */
  async #lose(): Promise<void> {
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#logger.warn('this gateway has lost the lease on deliveries to subscriptions');
    await this.#stopAll();
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.#stop(name)));
  }

  async #reconcile(): Promise<void> {
    const lease = this.#held?.lease;
    if (lease === undefined) return;
    const declared = [...this.#access.state.views.all('subscription')];
    const wanted = new Map(
      declared.filter(({ spec }) => spec.paused !== true).map((subscription) => [subscription.name, subscription]),
    );
    for (const name of this.#running.keys()) if (!wanted.has(name)) await this.#stop(name);
    for (const [name, subscription] of wanted) {
      const begun = begunBy(subscription);
      if (this.#running.get(name)?.begunBy === begun) continue;
      await this.#stop(name);
      const stop = new AbortController();
      this.#running.set(name, {
        begunBy: begun,
        stop,
        ended: this.#deliver(name, lease, stop.signal).finally(() => {
          // It ended by itself, since it was fenced: the next renewal of the lease begins it again.
          if (this.#running.get(name)?.stop === stop) this.#running.delete(name);
        }),
      });
    }
  }

  /** Removes the cursor of a subscription that was removed: a later one of the same name begins without it. */
  async #forget(name: string): Promise<void> {
    if (this.#held !== undefined && this.#access.state.views.get('subscription', name) === undefined)
      await this.#cursors.remove(name, this.#held.lease);
  }

  async #stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    this.#running.delete(name);
    running?.stop.abort();
    await running?.ended;
  }

  async #deliver(name: string, lease: WorkLease, stop: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stop, this.#access.closing]);
    while (!signal.aborted) {
      try {
        const subscription = await this.#subscription(name);
        if (subscription === undefined) return;
        const { subscriptionHosts: allowed, deliveryRetryMs: retryMs } = this.#config;
        const delivery = new Delivery(subscription, {
          access: this.#access,
          allowed,
          variables: this.#variables,
          retryMs,
          noteMs: NOTE_MS,
          advance: (progress) => this.#cursors.advance(progress, lease),
          count: (result) => this.#metrics.attempted(result),
        });
        const end = await delivery.run(signal);
        if (end === 'fenced' || !(await delivery.finish())) return;
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.warn('events cannot be delivered to a subscription; retrying', {
          subscription: name,
          error: messageOf(error),
        });
        await delay(this.#config.deliveryRetryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Returns the subscription with the position of its cursor, or undefined when it was removed. */
  async #subscription(name: string): Promise<SubscriptionView | undefined> {
    const cursors = await this.#cursors.list();
    const found = this.#access.state.views.get('subscription', name);
    return found === undefined
      ? undefined
      : withProgress(
          found,
          cursors.find(({ subscription }) => subscription === name),
        );
  }
}
