// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { EventsConsumer } from './consumers/events.consumer.js';
import { rendererConfigProvider } from './renderer.config.js';
import { RendererService } from './renderer.service.js';

/** Renders revisions into versions. */
@Module({ controllers: [EventsConsumer], providers: [RendererService, rendererConfigProvider] })
export class RendererModule {}
