// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { EventsConsumer } from './consumers/events.consumer.js';
import { policyConfigProvider } from './policy.config.js';
import { PolicyService } from './policy.service.js';

/** Decides on versions and signs releases. */
@Module({ controllers: [EventsConsumer], providers: [PolicyService, policyConfigProvider] })
export class PolicyModule {}
