// SPDX-License-Identifier: Apache-2.0
import { InputError, type InputIssue, InvariantError } from '@plumbline/core';
import { z } from 'zod';
import type { NewEvent, RecordedEvent } from './event.js';
import { type EventType, payloads } from './payloads.js';
import { upcast } from './upcasters.js';

const envelope = z.looseObject({
  id: z.string(),
  type: z.string(),
  schemaVersion: z.number().int(),
  stream: z.string(),
  revision: z.number().int(),
  position: z.number().int(),
  occurredAt: z.string(),
  recordedAt: z.string(),
  actor: z.object({ kind: z.enum(['user', 'service', 'agent', 'system']), id: z.string(), name: z.string() }),
  causationId: z.string(),
  correlationId: z.string(),
  data: z.unknown(),
});

/** Mistakes of a zod error as issues with dotted paths. */
export function issuesOf(error: z.ZodError, prefix = ''): InputIssue[] {
  return error.issues.map((issue) => ({
    path: [prefix, ...issue.path.map(String)].filter((part) => part !== '').join('.'),
    message: issue.message,
  }));
}

/** True for a type that this build knows. */
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(payloads, type);
}

/**
 * Checks an event before it is appended and drops fields that its schema does not know.
 * @throws InputError PLB-1101 for an unknown type, PLB-1102 for data that does not match, with every mistake in
 * `details.issues`.
 */
export function checkNewEvent(event: { readonly type: string; readonly data: unknown }): NewEvent {
  if (!isEventType(event.type))
    throw new InputError('PLB-1101', `"${event.type}" is not an event type of this version`);
  const result = payloads[event.type].safeParse(event.data);
  if (!result.success) {
    throw new InputError('PLB-1102', `data of ${event.type} does not match its schema`, {
      issues: issuesOf(result.error, 'data'),
    });
  }
  return { ...event, data: result.data } as NewEvent;
}

/**
 * Reads an event from the canonical text that the log stores. Old schema versions are upcast; a type of a newer
 * writer becomes `Unknown`.
 * @throws InvariantError PLB-9101 when the text is not an event.
 */
export function decodeEvent(body: string): RecordedEvent {
  return eventFromJson(JSON.parse(body));
}

/** As {@link decodeEvent}, from parsed JSON. */
export function eventFromJson(json: unknown): RecordedEvent {
  const parsed = envelope.safeParse(json);
  if (!parsed.success)
    throw new InvariantError('PLB-9101', 'a stored event has no valid envelope', {
      details: { issues: issuesOf(parsed.error) },
    });
  const raw = parsed.data;
  const upcasted = upcast(raw.type, raw.schemaVersion, raw.data);
  if (upcasted === undefined || !isEventType(raw.type)) {
    return { ...raw, type: 'Unknown', data: { originalType: raw.type, raw: raw.data } };
  }
  return { ...raw, data: upcasted } as unknown as RecordedEvent;
}
