// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { duration } from './duration.js';

/** Which events a subscription delivers; all that is given must fit. */
export const subscriptionFilter = z.strictObject({
  types: z.array(z.string().min(1).max(100)).min(1).max(100).readonly().optional().describe('Types of events.'),
  application: z
    .string()
    .min(1)
    .max(130)
    .transform((text) => (text.includes('/') ? text : `default/${text}`))
    .optional()
    .describe('`PROJECT/NAME`; `NAME` in project default.'),
  project: z.string().min(1).max(63).optional().describe('Events of this project and its applications.'),
  environment: z.string().min(1).max(63).optional().describe('Events of this environment.'),
  cluster: z.string().min(1).max(63).optional().describe('Events of this cluster.'),
  actor: z.string().min(1).max(300).optional().describe('Id or name of who caused them.'),
});

/** What a subscription delivers, and to whom. Of the secret it has where to find it: never the value. */
export const subscriptionSpec = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .describe('Endpoint; its host must be one that the gateway may deliver to.'),
    secretFile: z
      .string()
      .min(1)
      .max(1000)
      .regex(/^\//, 'must be an absolute path')
      .optional()
      .describe('File, readable by the gateway, with the secret that deliveries are signed with.'),
    secretEnv: z
      .string()
      .max(300)
      .regex(/^PLUMBLINE_CRED_[A-Z0-9_]+$/, 'must begin with PLUMBLINE_CRED_')
      .optional()
      .describe('Environment variable of the gateway with that secret.'),
    filter: subscriptionFilter.default({}).describe('Which events; all when empty.'),
    after: z
      .number()
      .int()
      .min(-1)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe(
        'Position after which deliveries start: -1 for all events; default: the position of the declaration. Another value restarts deliveries there.',
      ),
    paused: z.boolean().optional().describe('Pauses deliveries while true; events wait in the log.'),
    maxAttempts: z.number().int().min(1).max(100).default(12).describe('Attempts before a delivery is dead-lettered.'),
    timeout: duration.default('10s').describe('How long one attempt may take.'),
  })
  .refine(
    ({ secretFile, secretEnv }) => (secretFile === undefined) !== (secretEnv === undefined),
    'give exactly one of secretFile, secretEnv',
  );
/** Compiled {@link subscriptionSpec}. */
export type SubscriptionSpec = z.infer<typeof subscriptionSpec>;
