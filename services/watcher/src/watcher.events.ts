// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { EventOf } from '@plumbline/events';
import { WatcherState } from './domain/state.js';

const WATCHER = { consumer: 'watcher' };

/** The events that the watcher consumes. */
@Controller()
export class WatcherEvents {
  readonly #state: WatcherState;

  constructor(@Inject(WatcherState) state: WatcherState) {
    this.#state = state;
  }

  @EventPattern('RepositoryDeclared', WATCHER)
  repositoryDeclared(event: EventOf<'RepositoryDeclared'>): void {
    this.#state.repositoryDeclared(event);
  }

  @EventPattern('RepositoryRemoved', WATCHER)
  repositoryRemoved(event: EventOf<'RepositoryRemoved'>): void {
    this.#state.repositoryRemoved(event);
  }

  @EventPattern('ApplicationDeclared', WATCHER)
  applicationDeclared(event: EventOf<'ApplicationDeclared'>): void {
    this.#state.applicationDeclared(event);
  }

  @EventPattern('ApplicationRemoved', WATCHER)
  applicationRemoved(event: EventOf<'ApplicationRemoved'>): void {
    this.#state.applicationRemoved(event);
  }

  @EventPattern('RefreshRequested', WATCHER)
  refreshRequested(event: EventOf<'RefreshRequested'>): void {
    this.#state.refreshRequested(event);
  }

  @EventPattern('RevisionObserved', WATCHER)
  revisionObserved(event: EventOf<'RevisionObserved'>): void {
    this.#state.revisionObserved(event);
  }

  @EventPattern('RefMissing', WATCHER)
  refMissing(event: EventOf<'RefMissing'>): void {
    this.#state.refMissing(event);
  }

  @EventPattern('RepositoryUnreachable', WATCHER)
  repositoryUnreachable(event: EventOf<'RepositoryUnreachable'>): void {
    this.#state.connectionChanged(event);
  }

  @EventPattern('RepositoryRecovered', WATCHER)
  repositoryRecovered(event: EventOf<'RepositoryRecovered'>): void {
    this.#state.connectionChanged(event);
  }
}
