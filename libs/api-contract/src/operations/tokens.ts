// SPDX-License-Identifier: Apache-2.0
import { duration } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';
import { changeResult } from '../documents/accepted.js';
import { tokenView } from '../documents/token.js';
import { examples, onePage } from '../examples.js';
import { operation } from '../operation.js';
import { pageOf, listQuery } from '../queries.js';

/** `GET /api/v1/tokens` */
export const listTokens = operation({
  id: 'listTokens',
  method: 'GET',
  path: '/api/v1/tokens',
  tag: 'Access',
  access: 'admin',
  summary: 'List access tokens, without what opens the door.',
  query: listQuery,
  response: pageOf('TokenPage', tokenView),
  errors: ['PLB-5102'],
  example: onePage(examples.token),
});

/** `POST /api/v1/tokens` */
export const issueToken = operation({
  id: 'issueToken',
  method: 'POST',
  path: '/api/v1/tokens',
  tag: 'Access',
  access: 'admin',
  status: 201,
  summary: 'Issue an access token. It is shown in this answer and never again.',
  body: component(
    'TokenRequest',
    z
      .strictObject({
        name: z.string().min(1).max(100).describe('Name for people; approvals carry it.'),
        role: z.enum(['viewer', 'operator', 'admin']).describe('What it may do.'),
        emails: z
          .array(z.email())
          .max(20)
          .readonly()
          .default([])
          .describe('Addresses of the holder in commits: whoever wrote a version does not count as its approver.'),
        expiresIn: duration.optional().describe('Ends after this; never when absent.'),
      })
      .describe('A token to issue.'),
  ),
  response: component(
    'IssuedToken',
    z
      .object({
        token: z.string().describe('The token.'),
        item: tokenView.describe('What is kept of it.'),
      })
      .describe('A new token.'),
  ),
  bodyExample: { name: 'anna', role: 'operator', emails: ['anna@example.com'], expiresIn: '720h' },
  example: { token: 'plumb_…', item: examples.token },
});

/** `DELETE /api/v1/tokens/{id}` */
export const revokeToken = operation({
  id: 'revokeToken',
  method: 'DELETE',
  path: '/api/v1/tokens/{id}',
  tag: 'Access',
  access: 'admin',
  summary: 'Revoke a token; it stops with the next request.',
  params: z.strictObject({ id: z.string().min(1).max(100).describe('Id of the token.') }),
  response: changeResult,
  errors: ['PLB-3106', 'PLB-4706'],
  example: { action: 'revoked', position: 57 },
});
