// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { APPLIER_CONFIG, type ApplierConfig, applierConfigProvider } from './applier.config.js';
import { ApplierMetrics } from './applier.metrics.js';
import { ApplierService } from './applier.service.js';
import { CONNECT_CLUSTER } from './clusters/cluster-registry.js';
import { clusterConnector } from './clusters/connect.js';
import { SIMULATED_OPTIONS, SimulatedClusters } from './clusters/simulated-clusters.js';
import { EventsConsumer } from './consumers/events.consumer.js';

/** Plans, applies, prunes, and watches health and drift; the only module that talks to clusters. */
@Module({
  controllers: [EventsConsumer],
  providers: [
    applierConfigProvider,
    {
      provide: SIMULATED_OPTIONS,
      inject: [APPLIER_CONFIG],
      useFactory: (config: ApplierConfig) => ({ directory: config.simulatedDir, doors: config.simulatedDoors }),
    },
    SimulatedClusters,
    {
      provide: CONNECT_CLUSTER,
      inject: [APPLIER_CONFIG, SimulatedClusters],
      useFactory: (config: ApplierConfig, simulated: SimulatedClusters) =>
        clusterConnector({ requestsPerCluster: config.requestsPerCluster, simulated }),
    },
    ApplierMetrics,
    ApplierService,
  ],
})
export class ApplierModule {}
