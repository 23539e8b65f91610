// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/** An event as it leaves the API: what opens doors stays inside, also when it is only a hash. */
export function publicEvent(event: RecordedEvent): Record<string, unknown> {
  if (event.type === 'TokenIssued') {
    const { hash: _, ...data } = event.data;
    return { ...event, data };
  }
  if (event.type !== 'Unknown') return { ...event };
  return { ...event, type: event.data.originalType, data: event.data.raw };
}
