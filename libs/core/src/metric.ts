// SPDX-License-Identifier: Apache-2.0

/**
 * A metric of a process. Its instrument is created from the definition, and `docs/reference/metrics.md` is generated
 * from it. Definitions are exported as constants `*_METRICS` of files whose names end in `metrics.ts`.
 */
export interface MetricDefinition {
  /** As exported: ends in `_total` for counters, in `_seconds` or `_bytes` before that for these units. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** `s` for seconds, `By` for bytes; absent for numbers of things. */
  readonly unit?: 's' | 'By';
  readonly description: string;
  /** Values or meaning of each label. The number of values of a label is bounded. */
  readonly labels: Readonly<Record<string, string>>;
  /** Boundaries of a histogram, in its unit. */
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
  /** Name of the version before, which is exported too. */
  readonly alias?: string;
}

/** The metrics of a part of a process. */
export type MetricDefinitions = Readonly<Record<string, MetricDefinition>>;
