// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Meter } from '@opentelemetry/api';
import type { MetricDefinitions } from '@plumbline/core';
import { METER } from '@plumbline/platform';

/** The metrics of deliveries to subscriptions. */
export const DELIVERY_METRICS = {
  deliveries: {
    name: 'plumbline_gateway_deliveries_total',
    type: 'counter',
    description: 'Attempts to deliver an event to the endpoint of a subscription, by result',
    labels: {
      result: '`delivered`; `failed` (it is repeated); `quarantined` (it failed the last time)',
    },
  },
} satisfies MetricDefinitions;

/** How an attempt to deliver an event ended. */
export type DeliveryResult = 'delivered' | 'failed' | 'quarantined';

/** Counts attempts to deliver events by result. */
@Injectable()
export class DeliveryMetrics {
  readonly #deliveries: Counter;

  constructor(@Inject(METER) meter: Meter) {
    const { deliveries } = DELIVERY_METRICS;
    this.#deliveries = meter.createCounter(deliveries.name, deliveries);
  }

  /** Counts an attempt. */
  attempted(result: DeliveryResult): void {
    this.#deliveries.add(1, { result });
  }
}
