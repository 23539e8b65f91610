// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/** The Nest pattern of consumers that take every event as {@link EventBatch}es: `@EventPattern(EVENTS_PATTERN)`. */
export const EVENTS_PATTERN = 'pl.ev';

/** Verified events of consecutive positions. Without events it only asks the consumer to read the log. */
export interface EventBatch {
  readonly shard: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly events: readonly RecordedEvent[];
}
