// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { ReadSideModule } from '../read-side/read-side.module.js';
import { StateModule } from '../state.module.js';
import { FollowedResources } from './followed-resources.js';
import { ResourcesController } from './resources.controller.js';
import { ResourcesService } from './resources.service.js';

/** Declared projects, repositories, clusters, applications and subscriptions, from callers and from repositories. */
@Module({
  imports: [StateModule, ReadSideModule],
  controllers: [ResourcesController],
  providers: [ResourcesService, FollowedResources],
  exports: [ResourcesService, FollowedResources],
})
export class ResourcesModule {}
