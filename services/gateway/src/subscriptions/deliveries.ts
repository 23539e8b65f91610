// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { messageOf, uuidv7 } from '@plumbline/core';
import { WORK_LEASES, type WorkLeases } from '@plumbline/event-log';
import type { EventType } from '@plumbline/events';
import { CONFIG_SOURCE, type ConfigSource, type Logger, LOGGER } from '@plumbline/platform';
import type { SubscriptionView } from '@plumbline/read-models';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { ACTOR, begunBy, Delivery } from './delivery.js';

const NOTE_MS = 5_000;
const WORK = 'deliveries';
const TURNS: ReadonlySet<EventType | 'Unknown'> = new Set([
  'SubscriptionDeclared',
  'SubscriptionRemoved',
  'DeliveryReplayRequested',
  'DeliveriesClaimed',
  'DeliveriesReleased',
] as const);

interface Running {
  /** Position of the event that it was begun for: another declaration or a replay begins anew. */
  readonly begunBy: number;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/**
 * Keeps a delivery running for each subscription of the log, and no others. Of several gateways the one delivers that claimed it last: each
 * one does when it starts, when another one stopped in order, when it takes the first subscription, and when the one that delivers has been
 * silent for the time of a lease.
 */
@Injectable()
export class Deliveries {
  readonly #access: LogAccess;
  readonly #config: GatewayConfig;
  readonly #logger: Logger;
  readonly #variables: ConfigSource;
  readonly #leases: WorkLeases;

  readonly #running = new Map<string, Running>();
  readonly #id: string;

  constructor(
    @Inject(LOG_ACCESS) access: LogAccess,
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(CONFIG_SOURCE) variables: ConfigSource,
    @Inject(WORK_LEASES) leases: WorkLeases,
  ) {
    this.#access = access;
    this.#config = config;
    this.#logger = logger;
    this.#variables = variables;
    this.#leases = leases;

    this.#id = uuidv7(access.clock.nowMs());
  }

  /** Until the process stops. */
  async run(): Promise<void> {
    if (!this.#config.deliveries) return;
    const signal = this.#access.closing;
    let after = this.#access.position;
    await this.#claim();
    await this.#reconcile();
    const watching = this.#watch();
    for await (const events of this.#access.feed.batches({ after, signal })) {
      after = events.at(-1)?.position ?? after;
      if (!events.some(({ type }) => TURNS.has(type))) continue;
      const declared = events.some(({ type }) => type === 'SubscriptionDeclared');
      if (this.#access.state.deliveriesHolder === undefined || (declared && this.#isFirst())) await this.#claim();
      await this.#reconcile();
    }
    await watching;
    await Promise.all([...this.#running.keys()].map((name) => this.#stop(name)));
    if (this.#holds) await this.#say('DeliveriesReleased').catch(() => undefined);
  }

  get #hasWork(): boolean {
    const [first] = this.#access.state.views.all('subscription');
    return first !== undefined;
  }

  get #holds(): boolean {
    return this.#access.state.deliveriesHolder === this.#id;
  }

  /** True when there is one subscription and nothing was delivered to it: who held the deliveries when there were none may be long gone. */
  #isFirst(): boolean {
    const [first, ...others] = this.#access.state.views.all('subscription');
    return first !== undefined && others.length === 0 && first.progressedAt === undefined && first.parked.length === 0;
  }

  /** Takes the deliveries over, if there are any; tries until it can, or the process stops. */
  async #claim(): Promise<void> {
    const { closing } = this.#access;
    while (!closing.aborted && !this.#holds) {
      if (!this.#hasWork) return;
      try {
        await this.#say('DeliveriesClaimed');
        return;
      } catch (error) {
        this.#logger.warn('the deliveries to subscriptions cannot be claimed now; it is tried again', {
          error: messageOf(error),
        });
        await delay(this.#config.deliveryRetryMs, undefined, { signal: closing }).catch(() => undefined);
      }
    }
  }

  /** Says that this gateway lives while it delivers, and looks whether the one that delivers does. Nothing is appended and nothing asked while there is nothing to deliver. */
  async #watch(): Promise<void> {
    const { closing } = this.#access;
    const ttlMs = this.#config.deliveryLeaseMs;
    let isSilent = false;
    while (!closing.aborted) {
      try {
        if (this.#hasWork) {
          if (this.#holds) await this.#leases.keep(WORK, ttlMs);
          else if (await this.#leases.isVacant(WORK, ttlMs)) await this.#takeOver();
        }
        isSilent = false;
      } catch (error) {
        if (!isSilent && !closing.aborted)
          this.#logger.warn('it cannot be seen whether the deliveries to subscriptions go on; it is tried again', {
            error: messageOf(error),
          });
        isSilent = true;
      }
      await delay(ttlMs / 3, undefined, { signal: closing }).catch(() => undefined);
    }
  }

  /** The event leads to the deliveries, as every claim does. */
  async #takeOver(): Promise<void> {
    this.#logger.warn('the gateway that delivers to subscriptions is silent; this one takes over', {
      silent: this.#access.state.deliveriesHolder,
    });
    // Of several that see it one is enough.
    await this.#leases.keep(WORK, this.#config.deliveryLeaseMs);
    await this.#claim();
  }

  async #say(type: 'DeliveriesClaimed' | 'DeliveriesReleased'): Promise<void> {
    await this.#access.append({
      actor: ACTOR,
      items: [{ stream: 'log-deliveries', expected: { type: 'any' }, events: [{ type, data: { holder: this.#id } }] }],
    });
  }

  async #reconcile(): Promise<void> {
    const subscriptions = this.#holds
      ? [...this.#access.state.views.all('subscription')].filter(({ spec }) => spec.paused !== true)
      : [];
    const wanted = new Map(subscriptions.map((subscription) => [subscription.name, subscription]));
    for (const name of this.#running.keys()) if (!wanted.has(name)) await this.#stop(name);
    for (const [name, subscription] of wanted) {
      const begun = begunBy(subscription);
      if (this.#running.get(name)?.begunBy === begun) continue;
      await this.#stop(name);
      const stop = new AbortController();
      this.#running.set(name, {
        begunBy: begun,
        stop,
        ended: this.#deliver(name, AbortSignal.any([stop.signal, this.#access.closing])),
      });
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
      const subscription: SubscriptionView | undefined = this.#access.state.views.get('subscription', name);
      if (subscription === undefined) return;
      const { subscriptionHosts: allowed, deliveryRetryMs: retryMs } = this.#config;
      const delivery = new Delivery(subscription, {
        access: this.#access,
        allowed,
        variables: this.#variables,
        retryMs,
        noteMs: NOTE_MS,
      });
      try {
        await delivery.run(signal);
        await delivery.finish();
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.warn('a subscription cannot be delivered now; it is tried again', {
          subscription: name,
          error: messageOf(error),
        });
        await delay(this.#config.deliveryRetryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
