// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { MetricDefinitions } from '@plumbline/core';
import { METER } from '@plumbline/platform';

/** The metrics of the renderer. */
export const RENDERER_METRICS = {
  renders: {
    name: 'plumbline_renderer_renders_total',
    type: 'counter',
    description: 'Runs of renderers, by renderer and result',
    labels: { renderer: 'kind of renderer', result: '`succeeded`, `failed`' },
  },
  seconds: {
    name: 'plumbline_renderer_render_duration_seconds',
    type: 'histogram',
    unit: 's',
    description: 'Duration of runs of renderers, by renderer',
    labels: { renderer: 'kind of renderer' },
    advice: { explicitBucketBoundaries: [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] },
  },
  environments: {
    name: 'plumbline_renderer_environments_total',
    type: 'counter',
    description: 'Environments that were considered after a commit or a declaration, by result',
    labels: { result: '`rendered`, `unchanged`, `failed`, `unavailable`' },
  },
} satisfies MetricDefinitions;

/** What considering an environment led to. `unchanged`: its newest version has the same inputs or objects. */
export type EnvironmentResult = 'rendered' | 'unchanged' | 'failed' | 'unavailable';

/** What the renderer counts. Labels are closed sets: the number of applications has no bound. */
@Injectable()
export class RendererMetrics {
  readonly #renders: Counter;
  readonly #seconds: Histogram;
  readonly #environments: Counter;

  constructor(@Inject(METER) meter: Meter) {
    const { renders, seconds, environments } = RENDERER_METRICS;
    this.#renders = meter.createCounter(renders.name, renders);
    this.#seconds = meter.createHistogram(seconds.name, seconds);
    this.#environments = meter.createCounter(environments.name, environments);
  }

  ran(renderer: string, result: 'succeeded' | 'failed', durationMs: number): void {
    this.#renders.add(1, { renderer, result });
    this.#seconds.record(durationMs / 1_000, { renderer });
  }

  considered(result: EnvironmentResult): void {
    this.#environments.add(1, { result });
  }
}
