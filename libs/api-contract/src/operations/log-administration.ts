// SPDX-License-Identifier: Apache-2.0
import { isName } from '@plumbline/core';
import { z } from 'zod';
import { component } from '../component.js';
import { positionField, timeField } from '../documents/fields.js';
import { queryFlag } from '../queries.js';
import { operation } from '../operation.js';

const timeoutMs = z
  .number()
  .int()
  .min(0)
  .max(600_000)
  .default(30_000)
  .describe('How long to wait for the end, in milliseconds; 0 does not wait. What was begun goes on in any case.');
const holdId = z
  .string()
  .refine(isName, 'must be lower case letters, digits, "-" and "."')
  .describe('Name of the hold.');

const parkedItem = component(
  'ParkedWork',
  z
    .object({
      consumer: z.string().describe('What cannot apply the event; `views` are those of this API.'),
      key: z.string().describe('The stream that stands still; all others go on.'),
      position: positionField.describe('Position of the event that failed.'),
      error: z.string().describe('How it failed.'),
      attempts: z.number().int().describe('Attempts that failed.'),
      waiting: z.number().int().describe('Later events of the stream that wait behind it.'),
      parkedAt: timeField,
    })
    .describe('An event that cannot be applied, and what it holds up.'),
);

const legalHold = component(
  'LegalHold',
  z
    .object({
      id: holdId,
      from: z.number().int().describe('First position.'),
      to: z.number().int().optional().describe('Position after the last one; everything that follows when absent.'),
      reason: z.string().describe('Why.'),
      placedBy: z.string().describe('Id of the actor.'),
      placedAt: timeField,
      liftedBy: z.string().optional().describe('Id of the actor; absent while the hold is in force.'),
      liftedAt: timeField.optional().describe('RFC 3339, UTC; absent while the hold is in force.'),
    })
    .describe('Events that stay in the database, and readable, until the hold is lifted.'),
);

const holdChange = component(
  'LegalHoldChange',
  z
    .object({
      action: z.enum(['placed', 'lifted', 'unchanged']).describe('What was done; `unchanged` when it was so already.'),
      hold: legalHold,
      position: positionField.describe('Position of the event that tells of it.'),
    })
    .describe('Answer to a change of a legal hold.'),
);

const parkedExample = {
  consumer: 'views',
  key: 'application-default/web',
  position: 41,
  error: 'cannot be applied',
  attempts: 1,
  waiting: 3,
  parkedAt: '2026-11-20T09:30:00.000000Z',
};
const holdExample = {
  id: 'case-7',
  from: 100,
  to: 200,
  reason: 'asked by counsel',
  placedBy: '019aa0c4-…',
  placedAt: '2026-11-20T09:30:00.000000Z',
};

/** `GET /api/v1/log/parked` */
export const listParkedWork = operation({
  id: 'listParkedWork',
  method: 'GET',
  path: '/api/v1/log/parked',
  tag: 'Log',
  access: 'viewer',
  summary: 'List events that cannot be applied and hold up their stream, the oldest first.',
  response: component(
    'ParkedWorkList',
    z.object({ items: z.array(parkedItem).readonly().describe('The items.') }).describe('What is parked.'),
  ),
  errors: ['PLB-6001'],
  example: { items: [parkedExample] },
});

/** `POST /api/v1/log/parked:release` */
export const releaseParkedWork = operation({
  id: 'releaseParkedWork',
  method: 'POST',
  path: '/api/v1/log/parked:release',
  tag: 'Log',
  access: 'admin',
  summary: 'Try parked work again after its cause was mended.',
  description:
    'The views are built anew beside the shown ones and shown then, so everything that is parked is tried, and what was mended goes on: each stream with an event `WorkReleased` by you. Ask again with a longer time if it is `Pending`.',
  body: component(
    'ReleaseRequest',
    z
      .strictObject({
        consumer: z.string().min(1).max(100).describe('As listed.'),
        key: z.string().min(1).max(300).describe('As listed.'),
        timeoutMs,
      })
      .describe('What to release.'),
  ),
  response: component(
    'ReleaseResult',
    z
      .object({
        outcome: z
          .enum(['Released', 'StillParked', 'Pending'])
          .describe('`StillParked` when it failed again; `Pending` when it is still being tried.'),
        consumer: z.string().describe('As asked for.'),
        key: z.string().describe('As asked for.'),
        released: z.number().int().describe('Streams that go on again, this one and others.'),
        item: parkedItem.optional().describe('What is parked, with how it failed; absent when it was released.'),
        position: positionField
          .optional()
          .describe('Position of the event that tells of it; absent when nothing was released.'),
      })
      .describe('Answer to a release.'),
  ),
  errors: ['PLB-3156', 'PLB-6001', 'PLB-6002', 'PLB-6008'],
  bodyExample: { consumer: 'views', key: 'application-default/web' },
  example: { outcome: 'Released', consumer: 'views', key: 'application-default/web', released: 1, position: 57 },
});

/** `GET /api/v1/log/holds` */
export const listLegalHolds = operation({
  id: 'listLegalHolds',
  method: 'GET',
  path: '/api/v1/log/holds',
  tag: 'Log',
  access: 'admin',
  summary: 'List legal holds, the oldest first.',
  query: z.strictObject({ lifted: queryFlag.default(false).describe('Also those that were lifted.') }),
  response: component(
    'LegalHoldList',
    z.object({ items: z.array(legalHold).readonly().describe('The items.') }).describe('Legal holds.'),
  ),
  errors: ['PLB-6001', 'PLB-6007'],
  example: { items: [holdExample] },
});

/** `POST /api/v1/log/holds` */
export const placeLegalHold = operation({
  id: 'placeLegalHold',
  method: 'POST',
  path: '/api/v1/log/holds',
  tag: 'Log',
  access: 'admin',
  summary:
    'Place a legal hold: its events are neither removed from the database nor erased until it is lifted. Sending the same again changes nothing.',
  body: component(
    'LegalHoldRequest',
    z
      .strictObject({
        id: holdId.describe('Name of the hold; never used again, also not after it was lifted.'),
        from: z.number().int().min(0).describe('First position.'),
        to: z
          .number()
          .int()
          .min(1)
          .optional()
          .describe('Position after the last one; everything that follows when absent.'),
        reason: z.string().trim().min(1).max(1_000).describe('Why; kept in the log, so name no person.'),
      })
      .refine(({ from, to }) => to === undefined || to > from, { path: ['to'], message: 'must be above "from"' })
      .describe('A legal hold to place.'),
  ),
  response: holdChange,
  errors: ['PLB-4108', 'PLB-6001', 'PLB-6002', 'PLB-6007'],
  bodyExample: { id: holdExample.id, from: holdExample.from, to: holdExample.to, reason: holdExample.reason },
  example: { action: 'placed', hold: holdExample, position: 57 },
});

/** `DELETE /api/v1/log/holds/{id}` */
export const liftLegalHold = operation({
  id: 'liftLegalHold',
  method: 'DELETE',
  path: '/api/v1/log/holds/{id}',
  tag: 'Log',
  access: 'admin',
  summary: 'Lift a legal hold. It stays in the list of those that were.',
  params: z.strictObject({ id: holdId }),
  response: holdChange,
  errors: ['PLB-3154', 'PLB-6001', 'PLB-6002', 'PLB-6007'],
  example: {
    action: 'lifted',
    hold: { ...holdExample, liftedBy: '019aa0c4-…', liftedAt: '2026-11-23T09:30:00.000000Z' },
    position: 58,
  },
});

/** `POST /api/v1/log/persons:erase` */
export const erasePerson = operation({
  id: 'erasePerson',
  method: 'POST',
  path: '/api/v1/log/persons:erase',
  tag: 'Log',
  access: 'admin',
  summary: 'Make a person unreadable in the log, for ever. Nothing brings it back.',
  description:
    "Drops the key that the person's names and addresses are sealed under, and builds the views anew without them. No byte of the log changes, so checkpoints and proofs stay valid. Once it was asked for it is done, also after a crash. The person is in the body, since paths are kept in access logs.",
  body: component(
    'ErasureRequest',
    z
      .strictObject({
        person: z
          .string()
          .trim()
          .min(1)
          .max(320)
          .describe('What the person is known by: the id of a token, or an e-mail address of commits.'),
        timeoutMs,
      })
      .describe('Whom to erase.'),
  ),
  response: component(
    'ErasureResult',
    z
      .object({
        outcome: z
          .enum(['Erased', 'AlreadyErased', 'Pending'])
          .describe('`Pending` while the views are still being built: ask again.'),
        subject: z
          .string()
          .describe(
            'The person as the log names it, in sealed values and in the events `PersonErasureRequested` and `PersonErased`: a keyed hash that names nobody.',
          ),
        events: z
          .number()
          .int()
          .optional()
          .describe(
            'Events that hold something of the person, which nobody can read any more; absent while it is pending.',
          ),
        erasedAt: timeField.optional().describe('When the key was dropped; RFC 3339, UTC.'),
        position: positionField
          .optional()
          .describe('Position of the event that tells of it; absent while it is pending.'),
      })
      .describe('Answer to an erasure.'),
  ),
  errors: ['PLB-3155', 'PLB-4109', 'PLB-4110', 'PLB-6001', 'PLB-6002', 'PLB-6008'],
  bodyExample: { person: 'ada@example.com' },
  example: {
    outcome: 'Erased',
    subject: 's0123456789abcdef01234567',
    events: 12,
    erasedAt: '2026-11-20T09:30:00.000000Z',
    position: 57,
  },
});
