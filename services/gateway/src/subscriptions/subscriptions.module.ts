// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { ReadSideModule } from '../read-side/read-side.module.js';
import { StateModule } from '../state.module.js';
import { ResourcesModule } from '../resources/resources.module.js';
import { Deliveries } from './deliveries.js';
import { DeliveryMetrics } from './delivery-metrics.js';
import { SubscriptionsController } from './subscriptions.controller.js';
import { SubscriptionsService } from './subscriptions.service.js';

/** Subscriptions and the delivery of their events. */
@Module({
  imports: [StateModule, ReadSideModule, ResourcesModule],
  controllers: [SubscriptionsController],
  providers: [SubscriptionsService, Deliveries, DeliveryMetrics],
  exports: [SubscriptionsService, Deliveries],
})
export class SubscriptionsModule {}
