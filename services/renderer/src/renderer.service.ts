// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Meter } from '@opentelemetry/api';
import { ApplicationId, ConflictError, messageOf, UpstreamError } from '@plumbline/core';
import { EVENT_REACTOR, type Logger, LOGGER, METER } from '@plumbline/platform';
import { type EventReactor, Worklist, type WorkOutcome } from '@plumbline/reactor';
import { ApplicationRender } from './application-render.js';
import { RendererState } from './domain/state.js';
import { RenderEngine } from './renderers/render-engine.js';
import { DeclaredResources } from './sources/declared-resources.js';

const CONCURRENCY = 128;
const BACKOFF = { firstMs: 500, maxMs: 60_000 };
/** A render that exceeds its time takes a core for every attempt. */
const BACKOFF_OF_SLOW = { firstMs: 500, maxMs: 600_000 };
/** A failure that may pass by itself is appended when it has lasted this many attempts. */
const REPORTED_AFTER_ATTEMPTS = 4;

/** Renders what a revision or a declaration changed, and reads the resources that repositories declare. */
@Injectable()
export class RendererService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #reactor: EventReactor;
  readonly #state: RendererState;
  readonly #render: ApplicationRender;
  readonly #engine: RenderEngine;
  readonly #resources: DeclaredResources;
  readonly #applications: Worklist<string>;
  readonly #repositories: Worklist<string>;

  constructor(
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(RendererState) state: RendererState,
    @Inject(ApplicationRender) render: ApplicationRender,
    @Inject(RenderEngine) engine: RenderEngine,
    @Inject(DeclaredResources) resources: DeclaredResources,
    @Inject(LOGGER) logger: Logger,
    @Inject(METER) meter: Meter,
  ) {
    this.#reactor = reactor;
    this.#state = state;
    this.#render = render;
    this.#engine = engine;
    this.#resources = resources;
    this.#applications = new Worklist<string>({
      name: 'renderer',
      meter,
      concurrency: CONCURRENCY,
      groupOf: (id) => ApplicationId.project(ApplicationId.parse(id)),
      backoff: (_id, error) =>
        error instanceof UpstreamError && error.code === 'PLB-6404' ? BACKOFF_OF_SLOW : BACKOFF,
      work: async (id, { attempt }) => this.#work(id, attempt),
      onError: (application, error, { attempt, retryMs }) =>
        logger.warn('an application could not be rendered; trying again', {
          application,
          attempt,
          retryMs,
          message: messageOf(error),
        }),
    });
    this.#repositories = new Worklist<string>({
      name: 'renderer-resources',
      meter,
      concurrency: CONCURRENCY,
      backoff: BACKOFF,
      work: async (name) => this.#caughtUp(async () => this.#resources.read(name)),
      onError: (repository, error, { attempt, retryMs }) =>
        logger.warn('the resources of a repository could not be read; trying again', {
          repository,
          attempt,
          retryMs,
          message: messageOf(error),
        }),
    });
  }

  /** Renders since the start: an application that a commit does not change costs none. */
  get renders(): number {
    return this.#engine.renders;
  }

  /** Catches up, then considers every application once. */
  async onApplicationBootstrap(): Promise<void> {
    await this.#reactor.start();
    for (const id of this.#state.applications) this.#applications.add(id);
    for (const name of this.#state.repositories) this.#repositories.add(name);
    this.#applications.start();
    this.#repositories.start();
    this.#reactor.onProcessed(() => this.#wake());
    this.#wake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#engine.stop();
    // The work first: it may wait for the reactor.
    await Promise.all([this.#applications.stop(), this.#repositories.stop()]);
    await this.#reactor.stop();
  }

  /** Resolves when nothing is due. */
  async whenIdle(): Promise<void> {
    await Promise.all([this.#applications.whenIdle(), this.#repositories.whenIdle()]);
  }

  #wake(): void {
    for (const id of this.#state.takeDirtyApplications()) this.#applications.add(id);
    for (const name of this.#state.takeDirtyRepositories()) this.#repositories.add(name);
  }

  async #work(id: string, attempt: number): Promise<WorkOutcome> {
    try {
      return await this.#caughtUp(async () => ((await this.#render.render(id)) === 'outdated' ? { againInMs: 0 } : {}));
    } catch (error) {
      if (attempt === REPORTED_AFTER_ATTEMPTS) await this.#render.reportUnavailable(id, error).catch(() => undefined);
      throw error;
    }
  }

  /** Runs work; after a conflict it runs again, on the state that the log has by then. */
  async #caughtUp(work: () => Promise<WorkOutcome | void>): Promise<WorkOutcome> {
    try {
      return (await work()) ?? {};
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      await this.#reactor.catchUp();
      return { againInMs: 0 };
    }
  }
}
