// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/** Injection token of the {@link EventBus} publisher (only the audit service's relay publishes). */
export const EVENT_BUS = Symbol('EVENT_BUS');

/** The Nest message pattern on which every service receives {@link EventEnvelopeBatch}es: `@EventPattern(EVENTS_PATTERN)`. */
export const EVENTS_PATTERN = 'pl.ev';

/** The events of consecutive positions, as one bus message. */
export interface EventEnvelopeBatch {
  readonly shard: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly events: readonly RecordedEvent[];
}

/**
 * Publishes committed events to all services. At least once, possibly repeated; receivers drop by position.
 * An implementation MUST carry encoded bytes (no shared objects), MUST deliver asynchronously, and MUST redeliver when a handler throws.
 */
export interface EventBus {
  /** Resolves when the bus has taken the batch; rejects with `UpstreamError` PLB-6010 when it could not (publish again). */
  publish(batch: EventEnvelopeBatch): Promise<void>;
  /** False while the bus is not connected: the log goes on, latency only. */
  readonly connected: boolean;
  close(): Promise<void>;
}
