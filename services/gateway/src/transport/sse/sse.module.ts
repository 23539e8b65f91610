// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { EventsModule } from '../../events/events.module.js';
import { EventStreamController } from './event-stream.controller.js';

/** Event streams for browsers and other HTTP clients. */
@Module({ imports: [EventsModule], controllers: [EventStreamController] })
export class SseModule {}
