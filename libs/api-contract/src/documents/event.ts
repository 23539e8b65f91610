// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';
import { actor, positionField, timeField } from './fields.js';

// The fields of `data` depend on the type: the schema documents the envelope, the type is the union of all events.
export const eventEnvelope = component(
  'Event',
  z
    .looseObject({
      id: z.string().describe('Id of the event.'),
      type: z.string().describe('Type of the event, e.g. VersionReleased.'),
      schemaVersion: z.number().int().describe('Version of the schema of `data`.'),
      stream: z.string().describe('Stream of one aggregate.'),
      revision: z.number().int().describe('Index in the stream.'),
      position: positionField,
      occurredAt: timeField,
      recordedAt: timeField,
      actor: actor.describe('Who caused it.'),
      causationId: z.string().describe('Id of the event or request that led to it.'),
      correlationId: z.string().describe('Shared by the whole way of one change.'),
      data: z.record(z.string(), z.unknown()).describe('What happened; fields by type.'),
    })
    .describe('One event of the log.'),
) as unknown as z.ZodType<RecordedEvent>;
