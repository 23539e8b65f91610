// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { ReadSideModule } from '../read-side/read-side.module.js';
import { StateModule } from '../state.module.js';
import { ApprovalsController } from './approvals.controller.js';
import { ApprovalsService } from './approvals.service.js';

/** Versions that wait for approvals, approvals and rejections. */
@Module({
  imports: [StateModule, ReadSideModule],
  controllers: [ApprovalsController],
  providers: [ApprovalsService],
  exports: [ApprovalsService],
})
export class ApprovalsModule {}
