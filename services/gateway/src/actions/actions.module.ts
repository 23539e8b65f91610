// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { StateModule } from '../state.module.js';
import { ActionsController } from './actions.controller.js';
import { ActionsService } from './actions.service.js';

/** Plans, syncs, rollbacks, suspensions and refreshes. */
@Module({
  imports: [StateModule],
  controllers: [ActionsController],
  providers: [ActionsService],
  exports: [ActionsService],
})
export class ActionsModule {}
