// SPDX-License-Identifier: Apache-2.0
import type { Attributes, Meter } from '@opentelemetry/api';
import { AggregationTemporality, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';

class PulledReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}

  override selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE;
  }
}

/** A meter whose values can be read. */
export interface RecordedMetrics {
  readonly meter: Meter;
  /** Returns the newest value of an instrument with all of these attributes, or undefined. */
  valueOf(name: string, attributes?: Readonly<Record<string, string>>): Promise<number | undefined>;
}

/** Creates a meter whose values can be read. */
export function recordedMetrics(): RecordedMetrics {
  const reader = new PulledReader();
  const provider = new MeterProvider({ readers: [reader] });
  return {
    meter: provider.getMeter('spec'),
    valueOf: async (name, attributes = {}) => {
      const { resourceMetrics } = await reader.collect();
      const points = resourceMetrics.scopeMetrics
        .flatMap(({ metrics }) => metrics)
        .filter(({ descriptor }) => descriptor.name === name)
        .flatMap(
          ({ dataPoints }): readonly { readonly attributes: Attributes; readonly value: unknown }[] => dataPoints,
        );
      const point = points.find((candidate) =>
        Object.entries(attributes).every(([key, value]) => candidate.attributes[key] === value),
      );
      return typeof point?.value === 'number' ? point.value : undefined;
    },
  };
}
