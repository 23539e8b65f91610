// SPDX-License-Identifier: Apache-2.0
import { type Clock, derivedId, requestTimeMs, StreamName, uuidv7 } from '@plumbline/core';
import type { EventLog, ParkedItem } from '@plumbline/event-log';
import { type NewEvent, readStoredEvent } from '@plumbline/events';
import type { Logger } from '@plumbline/platform';
import type { Parked } from './view-fold.js';

/** Name of the read models in the events about quarantined streams. */
export const READ_MODELS = 'audit-read-models';

const STREAM = StreamName.parse('log-quarantine');
const DAY_MS = 24 * 3_600_000;
const MESSAGE_CHARS = 1_000;

/** What {@link announceQuarantine} needs. */
export interface QuarantineEventsOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error'>;
}

/**
 * Appends a StreamQuarantined event for each event that failed, before the cursor passes it; a derived request id
 * makes a repetition
 * harmless. Streams of the log itself (`log-…`) are only logged, or an event about them could cause the next one.
 */
export async function announceQuarantine(
  failed: readonly Parked[],
  version: number,
  { log, clock, logger }: QuarantineEventsOptions,
): Promise<void> {
  for (const { position, key: stream, revision, message, recordedAt } of failed) {
    logger.error('an event cannot be applied to the read models; its stream is quarantined until it is retried', {
      position,
      stream,
      reason: message,
    });
    if (stream.startsWith('log-')) continue;
    const nowMs = clock.nowMs();
    const causeMs =
      recordedAt === undefined ? Math.floor(nowMs / DAY_MS) * DAY_MS : requestTimeMs(Date.parse(recordedAt), nowMs);
    const event: NewEvent = {
      type: 'StreamQuarantined',
      data: {
        consumer: READ_MODELS,
        stream,
        position,
        ...(revision === undefined ? {} : { revision }),
        message: message.slice(0, MESSAGE_CHARS),
      },
    };
    await log.append({
      requestId: derivedId(causeMs, 'stream-quarantined', READ_MODELS, String(version), String(position)),
      actor: { kind: 'system', id: 'audit', name: 'audit' },
      service: 'audit',
      items: [{ stream: STREAM, expected: { type: 'any' }, events: [event] }],
    });
  }
}

/** What {@link recordRetries} needs. */
export interface RetryRecordOptions {
  readonly log: Pick<EventLog, 'append' | 'readStreamBodies'>;
  readonly clock: Clock;
}

interface Recorded {
  readonly position: number;
  readonly retryRequested: boolean;
}

/**
 * Makes the record in the log equal to what is quarantined: appends StreamRecovered for each recorded stream that is
 * not quarantined any
 * more, and StreamQuarantined for each one that is not recorded, or that failed again, at another event or after a
 * retry request.
 */
export async function recordRetries(
  quarantined: readonly ParkedItem[],
  { log, clock }: RetryRecordOptions,
): Promise<void> {
  const recorded = recordedOf(await log.readStreamBodies(STREAM));
  const events = [...recorded].flatMap(([stream, { position, retryRequested }]): NewEvent[] => {
    const item = quarantined.find(({ key }) => key === stream);
    if (item === undefined) return [{ type: 'StreamRecovered', data: { consumer: READ_MODELS, stream, position } }];
    if (item.position === position && !retryRequested) return [];
    return [quarantinedEvent(stream, item.position, item.error)];
  });
  for (const { key: stream, position, error } of quarantined)
    if (!recorded.has(stream) && !stream.startsWith('log-')) events.push(quarantinedEvent(stream, position, error));
  if (events.length === 0) return;
  await log.append({
    requestId: uuidv7(clock.nowMs()),
    actor: { kind: 'system', id: 'audit', name: 'audit' },
    service: 'audit',
    items: [{ stream: STREAM, expected: { type: 'any' }, events }],
  });
}

function quarantinedEvent(stream: string, position: number, error: string): NewEvent {
  const message = error.slice(0, MESSAGE_CHARS);
  return { type: 'StreamQuarantined', data: { consumer: READ_MODELS, stream, position, message } };
}

/** What the log records about the read models, by stream. */
function recordedOf(bodies: readonly string[]): ReadonlyMap<string, Recorded> {
  const recorded = new Map<string, Recorded>();
  for (const body of bodies) {
    const event = readStoredEvent((JSON.parse(body) as { readonly position: number }).position, body);
    if (event.type === 'StreamRetryRequested') {
      const { consumer, stream } = event.data;
      if (consumer !== undefined && consumer !== READ_MODELS) continue;
      for (const [name, entry] of recorded)
        if (stream === undefined || stream === name) recorded.set(name, { ...entry, retryRequested: true });
    } else if (event.type === 'StreamQuarantined' && event.data.consumer === READ_MODELS) {
      recorded.set(event.data.stream, { position: event.data.position, retryRequested: false });
    } else if (event.type === 'StreamRecovered' && event.data.consumer === READ_MODELS) {
      recorded.delete(event.data.stream);
    }
  }
  return recorded;
}
