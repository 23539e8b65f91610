// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { EventsConsumer } from './consumers/events.consumer.js';
import { watcherConfigProvider } from './watcher.config.js';
import { WatcherService } from './watcher.service.js';

/** Follows the refs of repositories. */
@Module({ controllers: [EventsConsumer], providers: [WatcherService, watcherConfigProvider] })
export class WatcherModule {}
