// SPDX-License-Identifier: Apache-2.0
import { subscriptionSpec } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';
import { changeResult } from '../documents/accepted.js';
import { positionField } from '../documents/fields.js';
import { subscriptionView } from '../documents/subscription.js';
import { examples, onePage } from '../examples.js';
import { operation } from '../operation.js';
import { itemQuery, nameParams, pageOf, listQuery } from '../queries.js';

const example = {
  name: 'chat',
  labels: {},
  declared: examples.project.declared,
  position: 57,
  delivered: 12,
  parked: [],
  spec: {
    url: 'https://hooks.example.com/plumbline',
    secretFile: '/etc/plumbline/subscriptions/chat',
    filter: { types: ['SyncCompleted'], environment: 'production' },
    maxAttempts: 12,
    timeout: '10s',
  },
};

/** `GET /api/v1/subscriptions` */
export const listSubscriptions = operation({
  id: 'listSubscriptions',
  method: 'GET',
  path: '/api/v1/subscriptions',
  tag: 'Subscriptions',
  access: 'admin',
  summary: 'List subscriptions by name, with how far they are and what is parked.',
  query: listQuery,
  response: pageOf('SubscriptionPage', subscriptionView),
  example: onePage(example),
});

/** `GET /api/v1/subscriptions/{name}` */
export const getSubscription = operation({
  id: 'getSubscription',
  method: 'GET',
  path: '/api/v1/subscriptions/{name}',
  tag: 'Subscriptions',
  access: 'admin',
  summary: 'Show a subscription.',
  params: nameParams,
  query: itemQuery,
  response: subscriptionView,
  errors: ['PLB-3110'],
  example,
});

/** `POST /api/v1/subscriptions` */
export const declareSubscription = operation({
  id: 'declareSubscription',
  method: 'POST',
  path: '/api/v1/subscriptions',
  tag: 'Subscriptions',
  access: 'admin',
  summary:
    'Declare a subscription: events from now on, or after a position, are sent to its endpoint. Sending the same again changes nothing.',
  description:
    'The same as applying a resource of kind Subscription. Deliveries are CloudEvents in structured mode, signed over id, time and body, in the order of the log; each at least once, with the same id.',
  body: component(
    'SubscriptionRequest',
    z
      .strictObject({
        name: z
          .string()
          .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be lower case letters, digits and "-"')
          .describe('Name.'),
        labels: z
          .record(z.string().min(1).max(300), z.string().max(300))
          .readonly()
          .default({})
          .describe('Labels by name.'),
        spec: subscriptionSpec.describe('What is delivered, and to whom.'),
      })
      .describe('A subscription to declare.'),
  ),
  response: component(
    'SubscriptionResult',
    z
      .object({
        action: z.enum(['created', 'configured', 'unchanged']).describe('What was done.'),
        position: positionField,
      })
      .describe('Answer to a declaration.'),
  ),
  errors: ['PLB-1705', 'PLB-1714', 'PLB-4704'],
  bodyExample: {
    name: example.name,
    spec: { url: example.spec.url, secretFile: example.spec.secretFile, filter: example.spec.filter },
  },
  example: { action: 'created', position: 57 },
});

/** `DELETE /api/v1/subscriptions/{name}` */
export const deleteSubscription = operation({
  id: 'deleteSubscription',
  method: 'DELETE',
  path: '/api/v1/subscriptions/{name}',
  tag: 'Subscriptions',
  access: 'admin',
  summary: 'Remove a subscription.',
  params: nameParams,
  response: changeResult,
  errors: ['PLB-3110', 'PLB-4704'],
  example: { action: 'removed', position: 57 },
});

/** `POST /api/v1/subscriptions/{name}/replay` */
export const replaySubscription = operation({
  id: 'replaySubscription',
  method: 'POST',
  path: '/api/v1/subscriptions/{name}/replay',
  tag: 'Subscriptions',
  access: 'admin',
  status: 202,
  summary: 'Deliver everything after a position again, what was parked included.',
  params: nameParams,
  body: component(
    'ReplayRequest',
    z
      .strictObject({
        after: z.number().int().min(-1).describe('Position of the last event that is not wanted again.'),
      })
      .describe('From where to deliver again.'),
  ),
  response: z.object({ position: positionField }),
  errors: ['PLB-1705', 'PLB-3110', 'PLB-4704'],
  bodyExample: { after: 41 },
  example: { position: 57 },
});
