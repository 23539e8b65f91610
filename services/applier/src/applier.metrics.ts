// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { MetricDefinitions } from '@plumbline/core';
import type { EventData } from '@plumbline/events';
import { METER } from '@plumbline/platform';

/** The metrics of the applier. */
export const APPLIER_METRICS = {
  plans: {
    name: 'plumbline_applier_plans_total',
    type: 'counter',
    description: 'Requested plans by cluster and result',
    labels: { cluster: 'name of the cluster', result: '`computed`, `failed`' },
  },
  syncs: {
    name: 'plumbline_applier_syncs_total',
    type: 'counter',
    description: 'Syncs by cluster, cause and result',
    labels: { cluster: 'name of the cluster', cause: '`cause` of SyncCompleted', result: '`result` of SyncCompleted' },
  },
  seconds: {
    name: 'plumbline_applier_sync_duration_seconds',
    type: 'histogram',
    unit: 's',
    description: 'Duration of syncs from start to outcome, by cluster and result',
    labels: { cluster: 'name of the cluster', result: '`result` of SyncCompleted' },
    advice: { explicitBucketBoundaries: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] },
  },
  objects: {
    name: 'plumbline_applier_objects_total',
    type: 'counter',
    description: 'Objects of syncs by cluster and action',
    labels: { cluster: 'name of the cluster', action: '`action` of a change' },
  },
  refusals: {
    name: 'plumbline_applier_sync_refusals_total',
    type: 'counter',
    description: 'Syncs that were refused before any write, by cluster and reason',
    labels: { cluster: 'name of the cluster', reason: '`reason` of SyncRefused' },
  },
  drifts: {
    name: 'plumbline_applier_drifted_objects_total',
    type: 'counter',
    description: 'Drifted objects by cluster and kind of drift',
    labels: { cluster: 'name of the cluster', kind: '`kind` of an object of DriftDetected' },
  },
  clusters: {
    name: 'plumbline_applier_cluster_connected',
    type: 'gauge',
    description: '1 while the cluster is connected, 0 otherwise, by cluster',
    labels: { cluster: 'name of the cluster' },
  },
  targets: {
    name: 'plumbline_applier_targets_running',
    type: 'gauge',
    description: 'Targets that are worked on now',
    labels: {},
  },
} satisfies MetricDefinitions;

/**
 * The metrics of the applier. Attributes have closed sets of values or are names of clusters, never of targets, whose
 * number has no bound.
 */
@Injectable()
export class ApplierMetrics {
  readonly #meter: Meter;

  readonly #plans: Counter;
  readonly #syncs: Counter;
  readonly #seconds: Histogram;
  readonly #objects: Counter;
  readonly #refusals: Counter;
  readonly #drifts: Counter;

  constructor(@Inject(METER) meter: Meter) {
    this.#meter = meter;

    const { plans, syncs, seconds, objects, refusals, drifts } = APPLIER_METRICS;
    this.#plans = meter.createCounter(plans.name, plans);
    this.#syncs = meter.createCounter(syncs.name, syncs);
    this.#seconds = meter.createHistogram(seconds.name, seconds);
    this.#objects = meter.createCounter(objects.name, objects);
    this.#refusals = meter.createCounter(refusals.name, refusals);
    this.#drifts = meter.createCounter(drifts.name, drifts);
  }

  /** Counts a requested plan. */
  planned(cluster: string, result: 'computed' | 'failed'): void {
    this.#plans.add(1, { cluster, result });
  }

  /** Counts a sync, its objects and its duration. */
  completed(data: EventData<'SyncCompleted'>): void {
    const { cluster, cause, result, durationMs, changes } = data;
    this.#syncs.add(1, { cluster, cause, result });
    this.#seconds.record(durationMs / 1_000, { cluster, result });
    for (const [action, count] of Object.entries(changes.counts)) this.#objects.add(count, { cluster, action });
  }

  /** Counts a refused sync. */
  refused({ cluster, reason }: EventData<'SyncRefused'>): void {
    this.#refusals.add(1, { cluster, reason });
  }

  /** Counts drifted objects. */
  drifted({ cluster, objects }: EventData<'DriftDetected'>): void {
    for (const { kind } of objects) this.#drifts.add(1, { cluster, kind });
  }

  /** Observes the connections of clusters and the number of targets that are worked on. */
  observe(
    read: () => {
      readonly clusters: Iterable<{ readonly name: string; readonly connected: boolean }>;
      readonly busy: number;
    },
  ): void {
    const { clusters, targets } = APPLIER_METRICS;
    this.#meter.createObservableGauge(clusters.name, clusters).addCallback((result) => {
      for (const { name, connected } of read().clusters) result.observe(connected ? 1 : 0, { cluster: name });
    });
    this.#meter.createObservableGauge(targets.name, targets).addCallback((result) => result.observe(read().busy));
  }
}
