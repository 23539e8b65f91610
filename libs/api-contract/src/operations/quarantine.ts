// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { component } from '../component.js';
import { positionField, timeField } from '../documents/fields.js';
import { operation } from '../operation.js';

/** Every consumer of the log that quarantines streams. */
export const CONSUMERS = ['watcher', 'renderer', 'policy', 'applier', 'gateway', 'audit-read-models'] as const;
/** One of {@link CONSUMERS}. */
export type ConsumerName = (typeof CONSUMERS)[number];

const quarantinedStream = component(
  'QuarantinedStream',
  z
    .object({
      consumer: z.string().describe('Consumer that could not process the event; all other consumers continue.'),
      stream: z.string().describe('Later events of this stream wait for this consumer; all other streams continue.'),
      position: positionField.describe('Position of the event that failed.'),
      message: z.string().describe('Why it failed.'),
      attempts: z.number().int().describe('Attempts that failed.'),
      since: timeField.describe('When the failure was first recorded; RFC 3339, UTC.'),
      waiting: z.number().int().optional().describe('Later events that wait; only `audit-read-models` reports it.'),
      retryRequestedAt: timeField
        .optional()
        .describe('When a retry was requested whose result the consumer has not reported yet; RFC 3339, UTC.'),
    })
    .describe('A stream with an event that a consumer could not process.'),
);

const consumerReport = component(
  'ConsumerReport',
  z
    .object({
      consumer: z.string().describe('Name of the consumer.'),
      state: z
        .enum(['Reported', 'RetryPending', 'NotReported'])
        .describe(
          '`Reported`: the items are what the consumer reported last. `RetryPending`: it has not reported the result of a retry. `NotReported`: there is no report, so it is not known whether streams are quarantined.',
        ),
      reportedAt: timeField.optional().describe('Time of the newest report; absent without one. RFC 3339, UTC.'),
      message: z.string().optional().describe('Why the state is not known, and where to look; absent if it is known.'),
    })
    .describe('How current the list is for one consumer.'),
);

const consumers = z.array(consumerReport).readonly().describe('One entry for each consumer that was asked about.');

const itemExample = {
  consumer: 'policy',
  stream: 'application-default/web',
  position: 41,
  message: 'unexpected strategy',
  attempts: 1,
  since: '2026-11-20T09:30:00.000000Z',
};
const consumersExample = [{ consumer: 'policy', state: 'Reported' as const, reportedAt: itemExample.since }];

/** `GET /api/v1/log/quarantine` */
export const listQuarantine = operation({
  id: 'listQuarantine',
  method: 'GET',
  path: '/api/v1/log/quarantine',
  tag: 'Log',
  access: 'viewer',
  summary: 'List the streams that consumers have quarantined, by position.',
  description:
    'The list is built from what consumers have recorded in the log, and for `audit-read-models` from its tables. An empty list does not mean that nothing is quarantined: check `consumers` for those whose state is not known.',
  response: component(
    'QuarantineList',
    z
      .object({ items: z.array(quarantinedStream).readonly().describe('The quarantined streams.'), consumers })
      .describe('Quarantined streams of all consumers.'),
  ),
  errors: ['PLB-6001'],
  example: { items: [itemExample], consumers: consumersExample },
});

/** `POST /api/v1/log/quarantine:retry` */
export const retryQuarantine = operation({
  id: 'retryQuarantine',
  method: 'POST',
  path: '/api/v1/log/quarantine:retry',
  tag: 'Log',
  access: 'admin',
  summary: 'Process quarantined streams again after the cause was fixed.',
  description:
    'Appends `StreamRetryRequested` as the user; each consumer then processes its quarantined streams from the event that failed, and reports the result. Waits for these reports up to `timeoutMs`.',
  body: component(
    'QuarantineRetryRequest',
    z
      .strictObject({
        consumer: z.enum(CONSUMERS).optional().describe('All consumers when absent.'),
        stream: z.string().min(1).max(300).optional().describe('All quarantined streams when absent.'),
        timeoutMs: z
          .number()
          .int()
          .min(0)
          .max(600_000)
          .default(30_000)
          .describe('Maximum time to wait for the result, in milliseconds; 0 does not wait.'),
      })
      .describe('Streams to process again.'),
  ),
  response: component(
    'QuarantineRetryResult',
    z
      .object({
        outcome: z
          .enum(['Recovered', 'StillQuarantined', 'Pending'])
          .describe(
            '`Recovered`: no listed stream remains. `StillQuarantined`: at least one failed again. `Pending`: at least one consumer has not reported the result yet.',
          ),
        position: positionField.describe('Position of the event `StreamRetryRequested`.'),
        recovered: z.number().int().describe('Listed streams that are no longer quarantined.'),
        items: z.array(quarantinedStream).readonly().describe('The requested streams that remain quarantined.'),
        consumers,
      })
      .describe('Result of a retry.'),
  ),
  errors: ['PLB-3156', 'PLB-6001'],
  bodyExample: { consumer: 'policy', stream: 'application-default/web' },
  example: { outcome: 'Recovered', position: 57, recovered: 1, items: [], consumers: consumersExample },
});
