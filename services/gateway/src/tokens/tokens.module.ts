// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { ReadSideModule } from '../read-side/read-side.module.js';
import { StateModule } from '../state.module.js';
import { TokensController } from './tokens.controller.js';
import { TokensService } from './tokens.service.js';

/** Access tokens. */
@Module({
  imports: [StateModule, ReadSideModule],
  controllers: [TokensController],
  providers: [TokensService],
})
export class TokensModule {}
