// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import { METER } from '@plumbline/platform';

const RENDERS = 'plumbline_renderer_renders';
const RENDER_SECONDS = 'plumbline_renderer_render_duration_seconds';
const ENVIRONMENTS = 'plumbline_renderer_environments';

/** What considering an environment led to. `unchanged`: its newest version has the same inputs or objects. */
export type EnvironmentResult = 'rendered' | 'unchanged' | 'failed' | 'unavailable';

/** What the renderer counts. Labels are closed sets: the number of applications has no bound. */
@Injectable()
export class RendererMetrics {
  readonly #renders: Counter;
  readonly #seconds: Histogram;
  readonly #environments: Counter;

  constructor(@Inject(METER) meter: Meter) {
    this.#renders = meter.createCounter(RENDERS, { description: 'Runs of renderers, by renderer and result' });
    this.#seconds = meter.createHistogram(RENDER_SECONDS, {
      description: 'Duration of runs of renderers, by renderer',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] },
    });
    this.#environments = meter.createCounter(ENVIRONMENTS, {
      description: 'Environments that were considered after a commit or a declaration, by result',
    });
  }

  ran(renderer: string, result: 'succeeded' | 'failed', durationMs: number): void {
    this.#renders.add(1, { renderer, result });
    this.#seconds.record(durationMs / 1_000, { renderer });
  }

  considered(result: EnvironmentResult): void {
    this.#environments.add(1, { result });
  }
}
