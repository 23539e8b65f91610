// SPDX-License-Identifier: Apache-2.0
import type { BatchObservableCallback, Counter, Meter, Observable } from '@opentelemetry/api';
import type { MetricDefinitions } from '@plumbline/core';

/** The metrics of reactors and worklists. */
export const REACTOR_METRICS = {
  position: {
    name: 'plumbline_reactor_position',
    type: 'gauge',
    description: 'Last processed position of the log, by consumer; -1 before the first',
    labels: { consumer: 'name of the consumer' },
  },
  lagEvents: {
    name: 'plumbline_reactor_lag_events',
    type: 'gauge',
    description: 'Positions between the last processed one and the head of the log, by consumer',
    labels: { consumer: 'name of the consumer' },
  },
  lagSeconds: {
    name: 'plumbline_reactor_lag_seconds',
    type: 'gauge',
    unit: 's',
    description: 'Age of the oldest event that is not processed yet, by consumer; 0 when there is none',
    labels: { consumer: 'name of the consumer' },
  },
  quarantined: {
    name: 'plumbline_reactor_quarantined_streams',
    type: 'gauge',
    description: 'Streams with an event that the consumer could not process; above 0 an operator must act',
    labels: { consumer: 'name of the consumer' },
  },
  queue: {
    name: 'plumbline_reactor_work_queue',
    type: 'gauge',
    description: 'Keys of a worklist, by state',
    labels: { queue: 'name of the worklist', state: '`due`, `busy`, `delayed`' },
  },
  events: {
    name: 'plumbline_reactor_events_total',
    type: 'counter',
    description: 'Events by consumer and result',
    labels: {
      consumer: 'name of the consumer',
      result: '`processed`, `waiting` (their stream is quarantined), `quarantined`',
    },
  },
  snapshots: {
    name: 'plumbline_reactor_snapshots_total',
    type: 'counter',
    description: 'Snapshots of folds, by consumer and result',
    labels: { consumer: 'name of the consumer', result: '`written`, `restored`, `ignored`, `failed`' },
  },
} satisfies MetricDefinitions;

/** How far a consumer is. */
export interface ReactorProgress {
  /** Last processed position; -1 before the first. */
  readonly position: number;
  readonly lagEvents: number;
  readonly lagSeconds: number;
  readonly quarantinedStreams: number;
}

/** Keys of a worklist by state. */
export interface QueueSizes {
  readonly due: number;
  readonly busy: number;
  readonly delayed: number;
}

/** The instruments that all reactors and worklists of a process share; attributes tell them apart. */
export interface ReactorInstruments {
  /** Events by result: `processed`, `waiting` (their stream is quarantined), `quarantined`. */
  readonly events: Counter;
  /** Snapshots by result: `written`, `restored`, `ignored`, `failed`. */
  readonly snapshots: Counter;
  /** Observes a consumer; the returned function ends it. */
  observe(consumer: string, read: () => ReactorProgress): () => void;
  /** Observes a worklist; the returned function ends it. */
  observeQueue(queue: string, read: () => QueueSizes): () => void;
}

const instruments = new WeakMap<Meter, ReactorInstruments>();

/** Returns the instruments of a meter; creates them once. */
export function reactorInstruments(meter: Meter): ReactorInstruments {
  const known = instruments.get(meter);
  if (known !== undefined) return known;
  const created = createInstruments(meter);
  instruments.set(meter, created);
  return created;
}

function createInstruments(meter: Meter): ReactorInstruments {
  const metrics = REACTOR_METRICS;
  const position = meter.createObservableGauge(metrics.position.name, metrics.position);
  const lagEvents = meter.createObservableGauge(metrics.lagEvents.name, metrics.lagEvents);
  const lagSeconds = meter.createObservableGauge(metrics.lagSeconds.name, metrics.lagSeconds);
  const quarantined = meter.createObservableGauge(metrics.quarantined.name, metrics.quarantined);
  const queue = meter.createObservableGauge(metrics.queue.name, metrics.queue);
  const observing = (observables: Observable[], callback: BatchObservableCallback): (() => void) => {
    meter.addBatchObservableCallback(callback, observables);
    return () => meter.removeBatchObservableCallback(callback, observables);
  };
  return {
    events: meter.createCounter(metrics.events.name, metrics.events),
    snapshots: meter.createCounter(metrics.snapshots.name, metrics.snapshots),
    observe: (consumer, read) =>
      observing([position, lagEvents, lagSeconds, quarantined], (result) => {
        const progress = read();
        result.observe(position, progress.position, { consumer });
        result.observe(lagEvents, progress.lagEvents, { consumer });
        result.observe(lagSeconds, progress.lagSeconds, { consumer });
        result.observe(quarantined, progress.quarantinedStreams, { consumer });
      }),
    observeQueue: (name, read) =>
      observing([queue], (result) => {
        for (const [state, count] of Object.entries(read()))
          result.observe(queue, Number(count), { queue: name, state });
      }),
  };
}
