// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Tracer } from '@opentelemetry/api';
import { type Clock, derivedId, requestTimeMs, StreamName, uuidTimeMs } from '@plumbline/core';
import type { AppendItem } from '@plumbline/event-log';
import type { EnvironmentSpec, EventData, NewEvent } from '@plumbline/events';
import type { GitTree } from '@plumbline/git';
import { CLOCK, EVENT_REACTOR, type Logger, LOGGER, TRACER } from '@plumbline/platform';
import { type EventReactor, recordSpan } from '@plumbline/reactor';
import { failureOf, isTransient, UNAVAILABLE } from './domain/failure.js';
import { ACTOR } from './domain/provenance.js';
import { isSameVersion, RendererState, type RenderTask, settingsOf } from './domain/state.js';
import { RendererMetrics } from './renderer.metrics.js';
import { RenderEngine } from './renderers/render-engine.js';
import { Sources } from './sources/sources.js';

type Outcome =
  | { readonly type: 'unchanged' }
  | { readonly type: 'rendered'; readonly data: EventData<'VersionRendered'> }
  | { readonly type: 'failed'; readonly data: EventData<'RenderFailed'> };

/** Renders one application at the revision of its ref, and appends what is new. */
@Injectable()
export class ApplicationRender {
  readonly #reactor: EventReactor;
  readonly #state: RendererState;
  readonly #sources: Sources;
  readonly #engine: RenderEngine;
  readonly #metrics: RendererMetrics;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #tracer: Tracer;

  constructor(
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(RendererState) state: RendererState,
    @Inject(Sources) sources: Sources,
    @Inject(RenderEngine) engine: RenderEngine,
    @Inject(RendererMetrics) metrics: RendererMetrics,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
    @Inject(TRACER) tracer: Tracer,
  ) {
    this.#reactor = reactor;
    this.#state = state;
    this.#sources = sources;
    this.#engine = engine;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#clock = clock;
    this.#tracer = tracer;
  }

  /**
   * Renders all environments of an application. Returns `outdated` when the ref or the declaration has moved on
   * meanwhile: only the
   * newest is of interest. Does nothing when there is nothing to render.
   * @throws what may pass by itself, after the other environments were appended; what `append` throws
   */
  async render(id: string): Promise<'done' | 'outdated'> {
    const task = this.#state.taskOf(id);
    const spec = task === undefined ? undefined : this.#state.repository(task.repository)?.spec;
    if (task === undefined || spec === undefined) return 'done';
    const startMs = this.#clock.nowMs();
    const tree = await this.#sources.tree(spec, task.revision);
    const results = await Promise.allSettled(
      task.application.spec.environments.map((environment) => this.#environment(task, tree, environment)),
    );
    const outcomes = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    for (const result of results)
      this.#metrics.considered(result.status === 'fulfilled' ? result.value.type : 'unavailable');
    const now = this.#state.taskOf(id);
    if (now?.cause.position !== task.cause.position || now.revision !== task.revision) return 'outdated';
    if (await this.#append(task, outcomes)) this.#record(task, startMs);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return 'done';
  }

  /** Appends that an application cannot be rendered for now, for the environments that the log does not say so of. */
  async reportUnavailable(id: string, error: unknown): Promise<void> {
    const task = this.#state.taskOf(id);
    if (task === undefined) return;
    const { message } = failureOf(error);
    const outcomes = task.application.spec.environments
      .filter(({ name }) => !this.#state.hasFailed(task, name, 'any'))
      .map(({ name }): Outcome => ({
        type: 'failed',
        data: { application: id, environment: name, revision: task.revision, reason: UNAVAILABLE, message },
      }));
    await this.#append(task, outcomes);
  }

  #record({ application, revision, cause }: RenderTask, startMs: number): void {
    const attributes = { 'plumbline.application': application.id, 'plumbline.revision': revision };
    recordSpan(this.#tracer, { name: 'render', correlationId: cause.correlationId, attributes }, startMs);
  }

  async #environment(task: RenderTask, tree: GitTree, environment: EnvironmentSpec): Promise<Outcome> {
    const { application, revision } = task;
    const at = { application: application.id, environment: environment.name };
    if (this.#state.hasFailed(task, environment.name, 'lasting')) return { type: 'unchanged' };
    const settings = settingsOf(application, environment);
    try {
      const prepared = await this.#engine.prepare(tree, application.spec, { environment, settings });
      const newest = this.#state.newestVersion(application.id, environment.name);
      if (newest?.inputDigest === prepared.inputDigest) return { type: 'unchanged' };
      const rendered = await prepared.render();
      if (isSameVersion(newest, rendered, settings)) return { type: 'unchanged' };
      const { namespace, createNamespace } = settings;
      return {
        type: 'rendered',
        data: {
          ...at,
          version: task.nextVersion,
          repository: task.repository,
          revision,
          commit: task.commit,
          inputDigest: prepared.inputDigest,
          renderer: prepared.renderer,
          ...rendered,
          createNamespace,
          ...(namespace === undefined ? {} : { namespace }),
        },
      };
    } catch (error) {
      if (isTransient(error)) throw error;
      return { type: 'failed', data: { ...at, revision, ...failureOf(error) } };
    }
  }

  /**
   * One append for all environments that a revision changed: they share the number. Returns whether there was
   * anything to append.
   */
  async #append(task: RenderTask, outcomes: readonly Outcome[]): Promise<boolean> {
    const { application, cause, nextVersion } = task;
    const versions: NewEvent[] = [];
    const failures: NewEvent[] = [];
    const content: string[] = [];
    for (const outcome of outcomes) {
      if (outcome.type === 'unchanged') continue;
      if (outcome.type === 'rendered') versions.push({ type: 'VersionRendered', data: outcome.data });
      else failures.push({ type: 'RenderFailed', data: outcome.data });
      const { environment } = outcome.data;
      content.push(environment, outcome.type === 'rendered' ? outcome.data.renderDigest : outcome.data.message);
    }
    const items: AppendItem[] = [];
    if (versions.length > 0)
      items.push({
        stream: StreamName.version(application.id, nextVersion),
        expected: { type: 'noStream' },
        events: versions,
      });
    if (failures.length > 0)
      items.push({ stream: StreamName.application(application.id), expected: { type: 'exists' }, events: failures });
    if (items.length === 0) return false;
    const { lastPosition } = await this.#reactor.append({
      requestId: derivedId(
        requestTimeMs(uuidTimeMs(cause.eventId), this.#clock.nowMs()),
        'render',
        cause.eventId,
        application.id,
        task.revision,
        String(nextVersion),
        ...content,
      ),
      actor: ACTOR,
      service: 'renderer',
      causationId: cause.eventId,
      correlationId: cause.correlationId,
      items,
    });
    this.#logger.info('an application was rendered', {
      application: application.id,
      revision: task.revision,
      position: lastPosition,
      correlationId: cause.correlationId,
      ...(versions.length === 0 ? {} : { version: nextVersion }),
      ...(failures.length === 0 ? {} : { failed: failures.length }),
    });
    return true;
  }
}
