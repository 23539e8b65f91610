// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { applierConfigProvider } from './applier.config.js';
import { ApplierService } from './applier.service.js';
import { EventsConsumer } from './consumers/events.consumer.js';

/** Plans, applies, prunes, and watches health and drift; the only module that talks to clusters. */
@Module({ controllers: [EventsConsumer], providers: [ApplierService, applierConfigProvider] })
export class ApplierModule {}
