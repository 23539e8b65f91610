// SPDX-License-Identifier: Apache-2.0
import type { Meter } from '@opentelemetry/api';
import type { Clock } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import type { ServiceName } from '@plumbline/events';
import type { LiveEvents } from './event-range.js';
import type { Fold } from './fold.js';
import type { EventHandlers } from './handlers.js';
import type { ReactorLogger, ReadinessReport } from './reports.js';
import type { SnapshotStore } from './snapshots/snapshot-store.port.js';

/** Where and when snapshots of the fold are written. */
export interface SnapshotOptions {
  readonly store: SnapshotStore;
  /** Digest of the code that folds; see `codeDigest`. */
  readonly code: string;
  /** Digest of the schemas of events. */
  readonly schema: string;
  /** Positions between two snapshots; 10,000 when absent. */
  readonly everyEvents?: number;
  /** Least time between two snapshots while following, in milliseconds; 30,000 when absent. */
  readonly everyMs?: number;
}

/** The parts of an `EventReactor`. */
export interface ReactorOptions {
  /** Name of the consumer in metrics, readiness and events: `watcher`, `audit-read-models`. */
  readonly consumer: string;
  /** The service that appends. */
  readonly service: ServiceName;
  readonly log: EventLog;
  /** A function is called at the start: controllers of Nest exist only then. */
  readonly handlers: EventHandlers | (() => EventHandlers);
  /** Follows events of every type, also those without a handler, for the listeners of `EventReactor.onEvent`. */
  readonly allTypes?: boolean;
  /** The state behind the handlers. */
  readonly fold: Fold;
  readonly clock: Clock;
  readonly logger: ReactorLogger;
  readonly meter: Meter;
  readonly readiness: ReadinessReport;
  /** Delivers events as they are recorded; without it the log is polled. */
  readonly live?: LiveEvents;
  /** Without it every start processes the whole log. */
  readonly snapshots?: SnapshotOptions;
  /** How often to read the head of the log without deliveries, in milliseconds; 2,000 when absent. */
  readonly idlePollMs?: number;
  /** Events per read; 1,000 when absent. */
  readonly pageSize?: number;
}
