// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { ReadSideModule } from '../read-side/read-side.module.js';
import { StateModule } from '../state.module.js';
import { EventsController } from './events.controller.js';
import { EventsService } from './events.service.js';
import { LeafIndex } from './leaf-index.js';

/** Events: pages, streams, and the audit search. */
@Module({
  imports: [StateModule, ReadSideModule],
  controllers: [EventsController],
  providers: [EventsService, LeafIndex],
  exports: [EventsService],
})
export class EventsModule {}
