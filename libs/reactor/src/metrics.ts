// SPDX-License-Identifier: Apache-2.0
import type { BatchObservableCallback, Counter, Meter, Observable } from '@opentelemetry/api';

const POSITION = 'plumbline_reactor_position';
const LAG_EVENTS = 'plumbline_reactor_lag_events';
const LAG_SECONDS = 'plumbline_reactor_lag_seconds';
const QUARANTINED = 'plumbline_reactor_quarantined_streams';
const WORK_QUEUE = 'plumbline_reactor_work_queue';
const EVENTS = 'plumbline_reactor_events';
const SNAPSHOTS = 'plumbline_reactor_snapshots';

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
  const position = meter.createObservableGauge(POSITION, {
    description: 'Last processed position of the log, by consumer',
  });
  const lagEvents = meter.createObservableGauge(LAG_EVENTS, {
    description: 'Positions between the last processed one and the head of the log, by consumer',
  });
  const lagSeconds = meter.createObservableGauge(LAG_SECONDS, {
    description: 'Age of the oldest event that is not processed yet, by consumer; 0 when there is none',
  });
  const quarantined = meter.createObservableGauge(QUARANTINED, {
    description: 'Streams with an event that the consumer could not process',
  });
  const queue = meter.createObservableGauge(WORK_QUEUE, {
    description: 'Keys of a worklist, by state: due, busy, delayed',
  });
  const observing = (observables: Observable[], callback: BatchObservableCallback): (() => void) => {
    meter.addBatchObservableCallback(callback, observables);
    return () => meter.removeBatchObservableCallback(callback, observables);
  };
  return {
    events: meter.createCounter(EVENTS, { description: 'Events by consumer and result' }),
    snapshots: meter.createCounter(SNAPSHOTS, { description: 'Snapshots of folds, by consumer and result' }),
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
