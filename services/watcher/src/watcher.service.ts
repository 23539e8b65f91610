// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EVENT_REACTOR } from '@plumbline/platform';
import type { EventReactor } from '@plumbline/reactor';
import { RepositoryPoller } from './repositories/poller.js';

/** Starts and stops the watcher: first the state, then the work that follows from it. */
@Injectable()
export class WatcherService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #reactor: EventReactor;
  readonly #poller: RepositoryPoller;

  constructor(@Inject(EVENT_REACTOR) reactor: EventReactor, @Inject(RepositoryPoller) poller: RepositoryPoller) {
    this.#reactor = reactor;
    this.#poller = poller;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#reactor.start();
    this.#poller.start();
    this.#reactor.onProcessed(() => this.#poller.wake());
    this.#poller.wake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    // The fetches first: they may wait for the reactor.
    await this.#poller.stop();
    await this.#reactor.stop();
  }
}
