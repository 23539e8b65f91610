// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import { METER } from '@plumbline/platform';

const FETCHES = 'plumbline_watcher_fetches';
const FETCH_SECONDS = 'plumbline_watcher_fetch_duration_seconds';

/** What a fetch led to. */
export type FetchResult = 'changed' | 'unchanged' | 'failed';

/** What the watcher counts. Labels are closed sets: the number of repositories has no bound. */
@Injectable()
export class WatcherMetrics {
  readonly #fetches: Counter;
  readonly #seconds: Histogram;

  constructor(@Inject(METER) meter: Meter) {
    this.#fetches = meter.createCounter(FETCHES, { description: 'Fetches of repositories by result' });
    this.#seconds = meter.createHistogram(FETCH_SECONDS, {
      description: 'Duration of fetches by result',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] },
    });
  }

  fetched(result: FetchResult, durationMs: number): void {
    this.#fetches.add(1, { result });
    this.#seconds.record(durationMs / 1_000, { result });
  }
}
