// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { duration } from './resources.js';

/** Which events a subscription delivers; all that is given must fit. */
export const subscriptionFilter = z.strictObject({
  types: z.array(z.string().min(1).max(100)).min(1).max(100).readonly().optional().describe('Types of events.'),
  application: z.string().min(1).max(130).optional().describe('`PROJECT/NAME`.'),
  project: z.string().min(1).max(63).optional().describe('Events of this project and its applications.'),
  environment: z.string().min(1).max(63).optional().describe('Events of this environment.'),
  cluster: z.string().min(1).max(63).optional().describe('Events of this cluster.'),
  actor: z.string().min(1).max(300).optional().describe('Id or name of who caused them.'),
});

/** What a subscription delivers, and to whom. */
export const subscriptionSpec = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).max(2000).describe('Endpoint; its host must be one that the gateway may deliver to.'),
  secretFile: z.string().min(1).max(1000).regex(/^\//, 'must be an absolute path').describe('File, readable by the gateway, with the secret that deliveries are signed with.'),
  filter: subscriptionFilter.default({}).describe('Which events; all when empty.'),
  maxAttempts: z.number().int().min(1).max(100).default(12).describe('Attempts before what an event belongs to is parked.'),
  timeout: duration.default('10s').describe('How long one attempt may take.'),
});
/** Compiled {@link subscriptionSpec}. */
export type SubscriptionSpec = z.infer<typeof subscriptionSpec>;
