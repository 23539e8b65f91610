// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { Verdict } from '@plumbline/events';
import { METER } from '@plumbline/platform';

const EVALUATIONS = 'plumbline_policy_evaluations';
const EVALUATION_SECONDS = 'plumbline_policy_evaluation_duration_seconds';
const DECISIONS = 'plumbline_policy_decisions';

/** What the policy service counts. Labels are closed sets: the number of applications has no bound. */
@Injectable()
export class PolicyMetrics {
  readonly #evaluations: Counter;
  readonly #seconds: Histogram;
  readonly #decisions: Counter;

  constructor(@Inject(METER) meter: Meter) {
    this.#evaluations = meter.createCounter(EVALUATIONS, {
      description: 'Evaluations of versions by result: allowed, denied, failed',
    });
    this.#seconds = meter.createHistogram(EVALUATION_SECONDS, {
      description: 'Duration of evaluations by result',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
    });
    this.#decisions = meter.createCounter(DECISIONS, { description: 'Events that decisions led to, by type' });
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
