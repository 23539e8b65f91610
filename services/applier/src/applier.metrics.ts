// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { EventData } from '@plumbline/events';
import { METER } from '@plumbline/platform';

const SYNCS = 'plumbline_applier_syncs';
const SYNC_SECONDS = 'plumbline_applier_sync_duration_seconds';
const OBJECTS = 'plumbline_applier_objects';
const REFUSALS = 'plumbline_applier_sync_refusals';
const DRIFTS = 'plumbline_applier_drifted_objects';
const CLUSTERS = 'plumbline_applier_cluster_connected';
const TARGETS = 'plumbline_applier_targets_running';

/** What the applier counts. Labels are closed sets and cluster names, never targets: their number has no bound. */
@Injectable()
export class ApplierMetrics {
  readonly #meter: Meter;

  readonly #syncs: Counter;
  readonly #seconds: Histogram;
  readonly #objects: Counter;
  readonly #refusals: Counter;
  readonly #drifts: Counter;

  constructor(@Inject(METER) meter: Meter) {
    this.#meter = meter;

    this.#syncs = meter.createCounter(SYNCS, { description: 'Syncs by cluster, cause and result' });
    this.#seconds = meter.createHistogram(SYNC_SECONDS, {
      description: 'From the intent of a sync to its outcome',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] },
    });
    this.#objects = meter.createCounter(OBJECTS, {
      description: 'Objects of syncs by cluster and what happened to them',
    });
    this.#refusals = meter.createCounter(REFUSALS, {
      description: 'Syncs that were refused before a write, by cluster and reason',
    });
    this.#drifts = meter.createCounter(DRIFTS, { description: 'Objects found drifted, by cluster and kind of drift' });
  }

  completed(data: EventData<'SyncCompleted'>): void {
    const { cluster, cause, result, durationMs, changes } = data;
    this.#syncs.add(1, { cluster, cause, result });
    this.#seconds.record(durationMs / 1_000, { cluster });
    for (const [action, count] of Object.entries(changes.counts)) this.#objects.add(count, { cluster, action });
  }

  refused({ cluster, reason }: EventData<'SyncRefused'>): void {
    this.#refusals.add(1, { cluster, reason });
  }

  drifted({ cluster, objects }: EventData<'DriftDetected'>): void {
    for (const { kind } of objects) this.#drifts.add(1, { cluster, kind });
  }

  /** Asks for the state of the clusters and the number of runners at work whenever the metrics are read. */
  observe(
    read: () => {
      readonly clusters: Iterable<{ readonly name: string; readonly connected: boolean }>;
      readonly busy: number;
    },
  ): void {
    this.#meter
      .createObservableGauge(CLUSTERS, { description: '1 while the cluster answers, by cluster' })
      .addCallback((result) => {
        for (const { name, connected } of read().clusters) result.observe(connected ? 1 : 0, { cluster: name });
      });
    this.#meter
      .createObservableGauge(TARGETS, { description: 'Targets that are being worked on' })
      .addCallback((result) => result.observe(read().busy));
  }
}
