// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Meter } from '@opentelemetry/api';
import { ConflictError, messageOf } from '@plumbline/core';
import { durationMs } from '@plumbline/events';
import { EVENT_REACTOR, type Logger, LOGGER, METER } from '@plumbline/platform';
import { type BackoffLimits, type EventReactor, Worklist, type WorkOutcome } from '@plumbline/reactor';
import { WatcherState } from '../domain/state.js';
import { WATCHER_CONFIG, type WatcherConfig } from '../watcher.config.js';
import { RepositoryFetch } from './fetch.js';

const LONGEST_BACKOFF_MS = 60_000;
/** Polls of many repositories with the same interval spread over a tenth of it. */
const JITTER = 0.1;

/** Fetches repositories at their intervals, and at once when an event gives a reason to. */
@Injectable()
export class RepositoryPoller {
  readonly #reactor: EventReactor;
  readonly #state: WatcherState;
  readonly #fetch: RepositoryFetch;
  readonly #list: Worklist<string>;
  /** Position of the declaration that a repository was added to the list for. */
  readonly #declared = new Map<string, number>();

  constructor(
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(WatcherState) state: WatcherState,
    @Inject(RepositoryFetch) fetch: RepositoryFetch,
    @Inject(WATCHER_CONFIG) config: WatcherConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(METER) meter: Meter,
  ) {
    this.#reactor = reactor;
    this.#state = state;
    this.#fetch = fetch;
    this.#list = new Worklist<string>({
      name: 'watcher',
      meter,
      concurrency: config.concurrency,
      groupOf: (name) => state.projectOf(name),
      backoff: (name) => this.#backoffOf(name),
      work: async (name, { signal }) => this.#work(name, signal),
      onError: (name, error, { attempt, retryMs }) =>
        logger.debug('a fetch failed; trying again', { repository: name, attempt, retryMs, message: messageOf(error) }),
    });
  }

  /** Begins: fetches every repository once, then what has a reason. */
  start(): void {
    this.#state.takeDirty();
    for (const name of this.#state.repositories) this.#reconcile(name);
    this.#list.start();
  }

  /** Considers the repositories that events have changed. */
  wake(): void {
    for (const name of this.#state.takeDirty()) this.#reconcile(name);
  }

  /** Ends after the fetches that are under way. */
  async stop(): Promise<void> {
    await this.#list.stop();
  }

  #reconcile(name: string): void {
    const view = this.#state.repository(name);
    if (view === undefined) {
      this.#declared.delete(name);
      this.#list.delete(name);
      this.#fetch.forget(name);
      return;
    }
    // A new interval counts from now on, not from the next poll on.
    const isNewlyDeclared = this.#declared.get(name) !== view.declared.position;
    this.#declared.set(name, view.declared.position);
    if (isNewlyDeclared || this.#state.hasNewRef(name) || this.#fetch.isRefreshDue(name)) this.#list.add(name);
  }

  async #work(name: string, signal: AbortSignal): Promise<WorkOutcome> {
    try {
      await this.#fetch.fetch(name, signal);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // Decided on a state that the log has left behind.
      await this.#reactor.catchUp();
      return { againInMs: 0 };
    }
    if (this.#state.repository(name) === undefined) return {};
    return { againInMs: Math.round(this.#intervalMs(name) * (1 - JITTER + 2 * JITTER * Math.random())) };
  }

  #intervalMs(name: string): number {
    return durationMs(this.#state.repository(name)?.spec.interval ?? '60s');
  }

  #backoffOf(name: string): BackoffLimits {
    const intervalMs = this.#intervalMs(name);
    return { firstMs: 2 * intervalMs, maxMs: Math.max(intervalMs, LONGEST_BACKOFF_MS) };
  }
}
