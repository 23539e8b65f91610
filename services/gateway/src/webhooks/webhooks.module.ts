// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { StateModule } from '../state.module.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksService } from './webhooks.service.js';

/** Webhooks of Git providers. */
@Module({ imports: [StateModule], controllers: [WebhooksController], providers: [WebhooksService] })
export class WebhooksModule {}
