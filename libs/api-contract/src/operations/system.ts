// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { component } from '../component.js';
import { examples } from '../examples.js';
import { operation } from '../operation.js';

/** `GET /api/v1/version` */
export const getServerVersion = operation({
  id: 'getServerVersion',
  method: 'GET',
  path: '/api/v1/version',
  tag: 'System',
  access: 'public',
  summary: 'Tell what runs here.',
  response: component(
    'ServerVersion',
    z
      .object({
        name: z.string().describe('Always `plumbline`.'),
        version: z.string().describe('Version of the server.'),
        apiVersions: z.array(z.string()).readonly().describe('Versions of declarative resources that it takes.'),
      })
      .describe('What runs here.'),
  ),
  example: { name: 'plumbline', version: '0.1.0', apiVersions: ['plumbline.dev/v1alpha1'] },
});

/** `GET /api/v1/whoami` */
export const whoAmI = operation({
  id: 'whoAmI',
  method: 'GET',
  path: '/api/v1/whoami',
  tag: 'Access',
  access: 'viewer',
  summary: 'Tell whose token this is.',
  response: component(
    'WhoAmI',
    z
      .object({
        id: z.string().describe('Id of the token.'),
        name: z.string().describe('Name of the token.'),
        role: z.enum(['viewer', 'operator', 'admin']).describe('What it may do.'),
        emails: z.array(z.string()).readonly().describe('Addresses of the holder in commits.'),
        expiresAt: z.string().optional().describe('When it ends; never when absent.'),
      })
      .describe('Whose token this is.'),
  ),
  example: { id: examples.token.id, name: 'anna', role: 'operator', emails: ['anna@example.com'] },
});
