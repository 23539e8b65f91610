// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from './event.js';

/** Returns the event as the public API shows it: without credentials, not even their hashes. */
export function publicEvent(event: RecordedEvent): Record<string, unknown> {
  if (event.type === 'TokenIssued') {
    const { hash: _, ...data } = event.data;
    return { ...event, data };
  }
  if (event.type !== 'Unknown') return { ...event };
  return { ...event, type: event.data.originalType, data: event.data.raw };
}

/** A {@link publicEvent} in the structured mode of CloudEvents 1.0, as JSON. */
export function cloudEvent(event: RecordedEvent): string {
  const { id, type, stream, occurredAt, recordedAt, position, actor, causationId, correlationId, schemaVersion, data } =
    publicEvent(event);
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: '/plumbline/log/0',
    type: `dev.plumbline.${String(type)}`,
    subject: stream,
    time: occurredAt,
    datacontenttype: 'application/json',
    position,
    recordedat: recordedAt,
    schemaversion: schemaVersion,
    actor: typeof actor === 'object' && actor !== null && 'id' in actor ? actor.id : undefined,
    causationid: causationId,
    correlationid: correlationId,
    data,
  });
}
