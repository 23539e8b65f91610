// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { takeWebhook } from '@plumbline/api-contract';
import { InputError } from '@plumbline/core';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { sourceOf } from '../operations/source.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { WebhooksService } from './webhooks.service.js';

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
  async take(@Input() { params }: InputOf<typeof takeWebhook>, @Req() request: FastifyRequest) {
    // The body parser leaves the bytes of webhooks as they are: see http-edge.
    const { body } = request;
    if (!Buffer.isBuffer(body)) throw new InputError('PLB-1708', 'the webhook has no body');
    await this.#webhooks.take({
      provider: params.provider,
      headers: request.headers,
      body,
      source: sourceOf(request, this.#config.trustProxy),
    });
    return { taken: true as const };
  }
}
