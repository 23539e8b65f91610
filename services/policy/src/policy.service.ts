// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Meter } from '@opentelemetry/api';
import { ApplicationId, ConflictError, messageOf } from '@plumbline/core';
import { EVENT_REACTOR, type Logger, LOGGER, METER } from '@plumbline/platform';
import { type EventReactor, Worklist, type WorkOutcome } from '@plumbline/reactor';
import { ApplicationDecisions } from './application-decisions.js';
import { PolicyState } from './domain/state.js';

const CONCURRENCY = 32;

/** Decides on one application at a time, and on many applications at once. */
@Injectable()
export class PolicyService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #reactor: EventReactor;
  readonly #state: PolicyState;
  readonly #decisions: ApplicationDecisions;
  readonly #list: Worklist<string>;

  constructor(
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(PolicyState) state: PolicyState,
    @Inject(ApplicationDecisions) decisions: ApplicationDecisions,
    @Inject(LOGGER) logger: Logger,
    @Inject(METER) meter: Meter,
  ) {
    this.#reactor = reactor;
    this.#state = state;
    this.#decisions = decisions;
    this.#list = new Worklist<string>({
      name: 'policy',
      meter,
      concurrency: CONCURRENCY,
      groupOf: (id) => ApplicationId.project(ApplicationId.parse(id)),
      backoff: { firstMs: 1_000, maxMs: 60_000 },
      work: async (id) => this.#work(id),
      onError: (application, error, { attempt, retryMs }) =>
        logger.warn('a decision could not be made; trying again', {
          application,
          attempt,
          retryMs,
          message: messageOf(error),
        }),
    });
  }

  /** Catches up, then considers every application once. */
  async onApplicationBootstrap(): Promise<void> {
    await this.#reactor.start();
    for (const id of this.#state.applications) this.#list.add(id);
    this.#list.start();
    this.#reactor.onProcessed(() => this.#wake());
    this.#wake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    // The work first: it may wait for the reactor.
    await this.#list.stop();
    await this.#reactor.stop();
  }

  /** Resolves when nothing is due. */
  async whenIdle(): Promise<void> {
    await this.#list.whenIdle();
  }

  #wake(): void {
    for (const id of this.#state.takeDirty()) this.#list.add(id);
  }

  async #work(id: string): Promise<WorkOutcome> {
    try {
      await this.#decisions.decide(id);
      return {};
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      // Decided on a state that the log has left behind.
      await this.#reactor.catchUp();
      return { againInMs: 0 };
    }
  }
}
