// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { reactorProvider } from '@plumbline/platform';
import { WatcherState } from './domain/state.js';
import { RepositoryFetch } from './repositories/fetch.js';
import { RepositoryPoller } from './repositories/poller.js';
import { watcherConfigProvider } from './watcher.config.js';
import { WatcherEvents } from './watcher.events.js';
import { WatcherMetrics } from './watcher.metrics.js';
import { WatcherService } from './watcher.service.js';

/** Follows the refs of repositories. */
@Module({
  controllers: [WatcherEvents],
  providers: [
    watcherConfigProvider,
    WatcherState,
    WatcherMetrics,
    RepositoryFetch,
    RepositoryPoller,
    WatcherService,
    reactorProvider({
      consumer: 'watcher',
      service: 'watcher',
      events: WatcherEvents,
      fold: WatcherState,
      code: [import.meta.url, import.meta.resolve('@plumbline/read-models')],
    }),
  ],
})
export class WatcherModule {}
