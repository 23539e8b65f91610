// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { MetricDefinitions } from '@plumbline/core';
import { METER } from '@plumbline/platform';

/** The metrics of the watcher. */
export const WATCHER_METRICS = {
  fetches: {
    name: 'plumbline_watcher_fetches_total',
    type: 'counter',
    description: 'Fetches of repositories by result',
    labels: { result: '`changed`, `unchanged`, `failed`' },
  },
  seconds: {
    name: 'plumbline_watcher_fetch_duration_seconds',
    type: 'histogram',
    unit: 's',
    description: 'Duration of fetches by result',
    labels: { result: '`changed`, `unchanged`, `failed`' },
    advice: { explicitBucketBoundaries: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] },
  },
} satisfies MetricDefinitions;

/** What a fetch led to. */
export type FetchResult = 'changed' | 'unchanged' | 'failed';

/** What the watcher counts. Labels are closed sets: the number of repositories has no bound. */
@Injectable()
export class WatcherMetrics {
  readonly #fetches: Counter;
  readonly #seconds: Histogram;

  constructor(@Inject(METER) meter: Meter) {
    const { fetches, seconds } = WATCHER_METRICS;
    this.#fetches = meter.createCounter(fetches.name, fetches);
    this.#seconds = meter.createHistogram(seconds.name, seconds);
  }

  fetched(result: FetchResult, durationMs: number): void {
    this.#fetches.add(1, { result });
    this.#seconds.record(durationMs / 1_000, { result });
  }
}
