// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { EventData } from '@plumbline/events';
import { METER } from '@plumbline/platform';

const PLANS = 'plumbline_applier_plans';
const SYNCS = 'plumbline_applier_syncs';
const SYNC_SECONDS = 'plumbline_applier_sync_duration_seconds';
const OBJECTS = 'plumbline_applier_objects';
const REFUSALS = 'plumbline_applier_sync_refusals';
const DRIFTS = 'plumbline_applier_drifted_objects';
const CLUSTERS = 'plumbline_applier_cluster_connected';
const TARGETS = 'plumbline_applier_targets_running';

/** The metrics of the applier. Attributes have closed sets of values or are names of clusters, never of targets, whose number has no bound. */
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

    this.#plans = meter.createCounter(PLANS, { description: 'Requested plans by cluster and result' });
    this.#syncs = meter.createCounter(SYNCS, { description: 'Syncs by cluster, cause and result' });
    this.#seconds = meter.createHistogram(SYNC_SECONDS, {
      description: 'Duration of syncs from start to outcome, by cluster and result',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] },
    });
    this.#objects = meter.createCounter(OBJECTS, {
      description: 'Objects of syncs by cluster and action',
    });
    this.#refusals = meter.createCounter(REFUSALS, {
      description: 'Syncs that were refused before any write, by cluster and reason',
    });
    this.#drifts = meter.createCounter(DRIFTS, { description: 'Drifted objects by cluster and kind of drift' });
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
    this.#meter
      .createObservableGauge(CLUSTERS, { description: '1 while the cluster is connected, 0 otherwise, by cluster' })
      .addCallback((result) => {
        for (const { name, connected } of read().clusters) result.observe(connected ? 1 : 0, { cluster: name });
      });
    this.#meter
      .createObservableGauge(TARGETS, { description: 'Targets that are worked on now' })
      .addCallback((result) => result.observe(read().busy));
  }
}
