// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { reactorProvider } from '@plumbline/platform';
import { ApplicationDecisions } from './application-decisions.js';
import { PolicyState } from './domain/state.js';
import { VersionFacts } from './evaluation/version-facts.js';
import { policyConfigProvider } from './policy.config.js';
import { PolicyEvents } from './policy.events.js';
import { PolicyMetrics } from './policy.metrics.js';
import { PolicyService } from './policy.service.js';

/** Decides on versions and signs releases. */
@Module({
  controllers: [PolicyEvents],
  providers: [
    policyConfigProvider,
    PolicyState,
    PolicyMetrics,
    { provide: VersionFacts, inject: [OBJECT_STORE], useFactory: (objects: ObjectStore) => new VersionFacts(objects) },
    ApplicationDecisions,
    PolicyService,
    reactorProvider({
      consumer: 'policy',
      service: 'policy',
      events: PolicyEvents,
      fold: PolicyState,
      code: [import.meta.url, import.meta.resolve('@plumbline/read-models')],
    }),
  ],
})
export class PolicyModule {}
