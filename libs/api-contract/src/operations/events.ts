// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { asOfQuery } from '../as-of.js';
import { component } from '../component.js';
import { eventEnvelope } from '../documents/event.js';
import { examples } from '../examples.js';
import { operation } from '../operation.js';
import { applicationText, commaSeparated } from '../queries.js';

const position = z.coerce.number<string | number>().int().min(-1);
const filter = {
  types: commaSeparated.optional().describe('Types of events, separated by commas.'),
  application: applicationText.optional().describe('`PROJECT/NAME`; `NAME` in project default.'),
  project: z.string().max(63).optional().describe('Events of this project and its applications.'),
  environment: z.string().max(63).optional().describe('Events of this environment.'),
  cluster: z.string().max(63).optional().describe('Events of this cluster.'),
  actor: z.string().max(300).optional().describe('Id or name of who caused them.'),
};
const text = z.string().max(300).optional();

/** `GET /api/v1/events` */
export const readEvents = operation({
  id: 'readEvents',
  method: 'GET',
  path: '/api/v1/events',
  tag: 'Events',
  access: 'viewer',
  summary: 'Read events in order, after a position.',
  description:
    'With `asOf` or `knownAt` only what had happened or was recorded then: a position bounds what was recorded, a time as `asOf` what had occurred. Give `head` of the first page as `knownAt` of the next ones, and late reports do not lengthen the list while you read it.',
  query: z.strictObject({
    after: position.default(-1).describe('Position of the last event already seen; -1 for the beginning.'),
    limit: z.coerce.number<string | number>().int().min(1).max(1000).default(100).describe('Events at most.'),
    ...filter,
    ...asOfQuery,
  }),
  response: component(
    'EventsPage',
    z
      .object({
        events: z.array(eventEnvelope).readonly().describe('Events in order.'),
        after: z
          .number()
          .int()
          .describe('Give it as `after` to go on; it moves also when the filter dropped everything.'),
        head: z
          .number()
          .int()
          .describe(
            'Position of the last event in the log, or of the last one that counts as of the point in time; -1 when there is none.',
          ),
      })
      .describe('A page of events.'),
  ),
  example: { events: [examples.event], after: 57, head: 57 },
});

/** `GET /api/v1/events/stream` */
export const streamEvents = operation({
  id: 'streamEvents',
  method: 'GET',
  path: '/api/v1/events/stream',
  tag: 'Events',
  access: 'viewer',
  summary: 'Follow events as server-sent events.',
  description: [
    'Each message has `event: event`, the position as `id` and the event as JSON in `data`. Reconnect with `Last-Event-ID` to go on where it stopped; without it and without',
    '`after` the stream begins with the next event. `event: progress` messages carry only an `id`, when a filter drops everything; `caught-up`, `fell-behind` and `draining` tell',
    'where the stream stands towards the newest events. A comment is sent every 15 seconds. With `ids=token` each `id` also carries what the log has at that position:',
    'a log that was restored or forked then refuses with PLB-4710 (`LOG_DIVERGED`) instead of going on silently.',
  ].join(' '),
  query: z.strictObject({
    after: z
      .string()
      .max(100)
      .optional()
      .describe('Position of the last event already seen, or a token; `Last-Event-ID` goes before it.'),
    ids: z.enum(['position', 'token']).default('position').describe('What the ids of messages are.'),
    ...filter,
  }),
  response: z.string().describe('A stream of server-sent events.'),
  responseType: 'text/event-stream',
  errors: ['PLB-1712', 'PLB-1713', 'PLB-4710', 'PLB-5704'],
  example: 'id: 57\nevent: event\ndata: {"type":"SyncRequested","position":57}\n\n',
});

/** `GET /api/v1/audit` */
export const queryAudit = operation({
  id: 'queryAudit',
  method: 'GET',
  path: '/api/v1/audit',
  tag: 'Events',
  access: 'viewer',
  summary: 'Find events by who, what, where and when.',
  description:
    'With `asOf` or `knownAt` only what had happened or was recorded then. The cursor keeps the point in time for the pages that follow. As of a time, a page may hold fewer events than asked for while there are more: late reports are searched in everything recorded since.',
  query: z.strictObject({
    actor: text.describe('Id or name of the actor.'),
    type: text.describe('Type of event.'),
    application: applicationText.optional().describe('`PROJECT/NAME`; `NAME` in project default.'),
    environment: text.describe('Name of the environment.'),
    cluster: text.describe('Name of the cluster.'),
    correlationId: text.describe('The way of one change.'),
    since: z.iso.datetime({ offset: true }).optional().describe('RFC 3339, inclusive.'),
    until: z.iso.datetime({ offset: true }).optional().describe('RFC 3339, exclusive.'),
    order: z.enum(['asc', 'desc']).default('desc').describe('Newest first is `desc`.'),
    limit: z.coerce.number<string | number>().int().min(1).max(500).default(100).describe('Events at most.'),
    cursor: z.string().max(1000).optional().describe('From the page before.'),
    ...asOfQuery,
  }),
  response: component(
    'AuditPage',
    z
      .object({
        events: z.array(eventEnvelope).readonly().describe('Events that match.'),
        cursor: z.string().optional().describe('Give it back for the next page; absent on the last.'),
      })
      .describe('Events that match a filter.'),
  ),
  example: { events: [examples.event] },
});
