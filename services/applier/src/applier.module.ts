// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { reactorProvider } from '@plumbline/platform';
import { APPLIER_CONFIG, type ApplierConfig, applierConfigProvider } from './applier.config.js';
import { ApplierEvents } from './applier.events.js';
import { ApplierMetrics } from './applier.metrics.js';
import { ApplierService } from './applier.service.js';
import { CONNECT_CLUSTER } from './clusters/cluster-sessions.js';
import { clusterConnector } from './clusters/connect.js';
import { EventsConsumer } from './consumers/events.consumer.js';
import { Fleet } from './domain/fleet.js';

/** Plans, applies, prunes, and watches health and drift; the only module that talks to clusters. */
@Module({
  controllers: [ApplierEvents, EventsConsumer],
  providers: [
    applierConfigProvider,
    {
      provide: CONNECT_CLUSTER,
      inject: [APPLIER_CONFIG],
      useFactory: (config: ApplierConfig) => clusterConnector({ requestsPerCluster: config.requestsPerCluster }),
    },
    ApplierMetrics,
    Fleet,
    ApplierService,
    reactorProvider({
      consumer: 'applier',
      service: 'applier',
      events: ApplierEvents,
      fold: Fleet,
      code: [import.meta.url, import.meta.resolve('@plumbline/read-models')],
    }),
  ],
})
export class ApplierModule {}
