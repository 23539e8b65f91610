// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject, Req } from '@nestjs/common';
import { InputError } from '@plumbline/core';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { component } from '../api/documents.js';
import { type InputOf, operation } from '../api/operation.js';
import { Input, Serve } from '../api/serve.js';
import { sourceOf } from '../api/source.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { Provider } from './signatures.js';
import { WebhooksService } from './webhooks.service.js';

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
  params: z.strictObject({ provider: z.enum(Provider).describe('Who sends it.') }),
  response: component(
    'WebhookTaken',
    z.object({ taken: z.literal(true).describe('The webhook was taken.') }).describe('Answer to a webhook.'),
  ),
  errors: ['PLB-1708', 'PLB-2003', 'PLB-5702'],
  bodyExample: { repository: 'https://git.example.com/shop.git', ref: 'refs/heads/main' },
  example: { taken: true },
});

/** Webhooks of Git providers. */
@Controller()
export class WebhooksController {
  readonly #webhooks: WebhooksService;
  readonly #config: GatewayConfig;

  constructor(@Inject(WebhooksService) webhooks: WebhooksService, @Inject(GATEWAY_CONFIG) config: GatewayConfig) {
    this.#webhooks = webhooks;
    this.#config = config;
  }

  @Serve(takeWebhook)
  async take(
    @Input() { params }: InputOf<typeof takeWebhook>,
    @Req() request: FastifyRequest,
  ): Promise<{ readonly taken: true }> {
    // The body parser leaves the bytes of webhooks as they are: see http-edge.
    const { body } = request;
    if (!Buffer.isBuffer(body)) throw new InputError('PLB-1708', 'the webhook has no body');
    await this.#webhooks.take({
      provider: params.provider,
      headers: request.headers,
      body,
      source: sourceOf(request, this.#config.trustProxy),
    });
    return { taken: true };
  }
}
