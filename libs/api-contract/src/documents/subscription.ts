// SPDX-License-Identifier: Apache-2.0
import { subscriptionSpec } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';
import type { Immutable } from '../immutable.js';
import { labelsField, positionField, provenance, timeField } from './fields.js';

export const subscriptionView = component(
  'Subscription',
  z
    .object({
      name: z.string().describe('Name.'),
      labels: labelsField,
      spec: subscriptionSpec.describe('What is delivered, and to whom.'),
      declared: provenance.describe('Where the declaration came from.'),
      position: z.number().int().describe('Everything up to here was delivered or parked, at least.'),
      delivered: z.number().int().describe('Deliveries that the endpoint took.'),
      progressedAt: z.string().optional().describe('When the position moved last; RFC 3339.'),
      replayed: provenance.optional().describe('The last time that somebody asked to deliver again.'),
      begun: z
        .number()
        .int()
        .optional()
        .describe(
          'Position of the declaration or replay that deliveries began with, when the newest declaration only changed how they are made.',
        ),
      parked: z
        .array(
          z.object({
            position: positionField,
            key: z.string().describe('What waits: an application, or else a stream.'),
            attempts: z.number().int().describe('Attempts that failed.'),
            message: z.string().describe('How the last one failed.'),
            at: timeField,
          }),
        )
        .readonly()
        .describe('What the endpoint did not take; what follows of the key waits for a replay.'),
    })
    .describe('A subscription: events that are sent to an endpoint.'),
);

/** A subscription, its delivery progress and what its endpoint did not accept. */
export type SubscriptionView = Immutable<z.output<typeof subscriptionView>>;
