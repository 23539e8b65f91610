// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { MetricDefinitions } from '@plumbline/core';
import type { Verdict } from '@plumbline/events';
import { METER } from '@plumbline/platform';

/** The metrics of the policy service. */
export const POLICY_METRICS = {
  evaluations: {
    name: 'plumbline_policy_evaluations_total',
    type: 'counter',
    description: 'Evaluations of versions by result',
    labels: { result: '`allowed`, `denied`, `failed`' },
  },
  seconds: {
    name: 'plumbline_policy_evaluation_duration_seconds',
    type: 'histogram',
    unit: 's',
    description: 'Duration of evaluations by result',
    labels: { result: '`allowed`, `denied`, `failed`' },
    advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
  },
  decisions: {
    name: 'plumbline_policy_decisions_total',
    type: 'counter',
    description: 'Events that decisions led to, by type',
    labels: { type: 'type of the event' },
  },
} satisfies MetricDefinitions;

/** What the policy service counts. Labels are closed sets: the number of applications has no bound. */
@Injectable()
export class PolicyMetrics {
  readonly #evaluations: Counter;
  readonly #seconds: Histogram;
  readonly #decisions: Counter;

  constructor(@Inject(METER) meter: Meter) {
    const { evaluations, seconds, decisions } = POLICY_METRICS;
    this.#evaluations = meter.createCounter(evaluations.name, evaluations);
    this.#seconds = meter.createHistogram(seconds.name, seconds);
    this.#decisions = meter.createCounter(decisions.name, decisions);
  }

  evaluated(verdicts: readonly Verdict[] | undefined, durationMs: number): void {
    const result =
      verdicts === undefined ? 'failed' : verdicts.some((verdict) => verdict.result === 'Deny') ? 'denied' : 'allowed';
    this.#evaluations.add(1, { result });
    this.#seconds.record(durationMs / 1_000, { result });
  }

  decided(type: string): void {
    this.#decisions.add(1, { type });
  }
}
