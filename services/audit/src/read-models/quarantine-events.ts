// SPDX-License-Identifier: Apache-2.0
import { type Clock, derivedId, requestTimeMs, StreamName } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import type { NewEvent } from '@plumbline/events';
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
 * Appends a StreamQuarantined event for each event that failed, before the cursor passes it; a derived request id makes a repetition
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
