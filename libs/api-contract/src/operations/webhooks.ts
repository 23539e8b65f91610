// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { component } from '../component.js';
import { operation } from '../operation.js';

/** Senders of webhooks; `generic` is the format described in the guide. */
export const WebhookProvider = ['github', 'gitlab', 'gitea', 'generic'] as const;
/** One of {@link WebhookProvider}. */
export type WebhookProvider = (typeof WebhookProvider)[number];

/** `POST /webhooks/{provider}` */
export const takeWebhook = operation({
  id: 'takeWebhook',
  method: 'POST',
  path: '/webhooks/{provider}',
  tag: 'Webhooks',
  access: 'public',
  status: 202,
  summary: 'Take a push webhook: a hint to look at the repository now.',
  description: [
    'Signed with the secret of the repository or of the gateway: `X-Hub-Signature-256` (github, and generic over `{"repository": URL, "ref": "refs/heads/main"}`),',
    '`X-Gitlab-Token` (gitlab), `X-Gitea-Signature` (gitea). At most 1 MiB. A repository that is not declared is no error.',
  ].join(' '),
  params: z.strictObject({ provider: z.enum(WebhookProvider).describe('Who sends it.') }),
  response: component(
    'WebhookTaken',
    z.object({ taken: z.literal(true).describe('The webhook was taken.') }).describe('Answer to a webhook.'),
  ),
  errors: ['PLB-1708', 'PLB-2003', 'PLB-5702'],
  bodyExample: { repository: 'https://git.example.com/shop.git', ref: 'refs/heads/main' },
  example: { taken: true },
});
