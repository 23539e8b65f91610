// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { component } from '../component.js';
import type { Immutable } from '../immutable.js';
import { timeField } from './fields.js';

export const tokenView = component(
  'Token',
  z
    .object({
      id: z.string().describe('Id of the token: the actor of what is done with it.'),
      name: z.string().describe('Name for people.'),
      role: z.enum(['viewer', 'operator', 'admin']).describe('What it may do.'),
      emails: z.array(z.string()).readonly().describe('Addresses of the holder in commits.'),
      issuedAt: timeField,
      expiresAt: z.string().optional().describe('When it ends; never when absent.'),
      revokedAt: z.string().optional().describe('When it was revoked.'),
    })
    .describe('An access token, without the token.'),
);

/** An access token, without the token and without its hash. */
export type TokenItem = Immutable<z.output<typeof tokenView>>;
/** What a token allows. */
export type Role = TokenItem['role'];
