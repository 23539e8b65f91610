// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import {
  type Clock,
  ConflictError,
  derivedId,
  messageOf,
  requestTimeMs,
  StreamName,
  UpstreamError,
  uuidTimeMs,
} from '@plumbline/core';
import { type AppendItem, EVENT_LOG, type EventLog, Follower } from '@plumbline/event-log';
import type { EnvironmentSpec, EventData, NewEvent, RecordedEvent } from '@plumbline/events';
import type { GitTree } from '@plumbline/git';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import { Sources } from './adapters/sources.js';
import { failureOf, isTransient, UNAVAILABLE } from './domain/failure.js';
import { ACTOR } from './domain/provenance.js';
import { isSameVersion, RendererState, type RenderTask, settingsOf } from './domain/state.js';
import { FollowedResources } from './followed-resources.js';
import { RenderEngine } from './render-engine.js';
import { RENDERER_CONFIG, type RendererConfig } from './renderer.config.js';
import { createRenderers } from './renderers/index.js';

const CONCURRENCY = 128;
const MAX_RETRY_MS = 60_000;
/** A render that takes too long would take a core for every attempt. */
const MAX_RETRY_OF_SLOW_MS = 600_000;
/** A failure that may pass is told to users when it has lasted this many attempts. */
const TOLD_AFTER_ATTEMPTS = 4;

type Outcome =
  | { readonly type: 'unchanged' }
  | { readonly type: 'rendered'; readonly data: EventData<'VersionRendered'> }
  | { readonly type: 'failed'; readonly data: EventData<'RenderFailed'> };

/** Follows the log, renders what a revision or a declaration changed, and appends versions. */
@Injectable()
export class RendererService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log: EventLog;
  readonly #logger: Logger;
  readonly #clock: Clock;

  readonly #state = new RendererState();
  readonly #sources: Sources;
  readonly #engine: RenderEngine;
  readonly #resources: FollowedResources;
  readonly #follower: Follower;
  readonly #due = new Set<string>();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #attempts = new Map<string, number>();
  readonly #stopping = new AbortController();
  #acting = false;

  constructor(
    @Inject(EVENT_LOG) log: EventLog,
    @Inject(OBJECT_STORE) objects: ObjectStore,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
    @Inject(RENDERER_CONFIG) config: RendererConfig,
  ) {
    this.#log = log;
    this.#logger = logger;
    this.#clock = clock;

    this.#sources = new Sources(config.sources);
    this.#engine = new RenderEngine(
      createRenderers(config.surroundings),
      objects,
      config.sealKey,
      this.#stopping.signal,
    );
    this.#resources = new FollowedResources({ log, objects, clock, sources: this.#sources, views: this.#state.views });
    this.#follower = new Follower({
      log,
      from: 0,
      onEvents: (events) => this.#fold(events),
      onError: (message) => this.#logger.warn('the log could not be followed; trying again', { message }),
    });
  }

  /** Renders since the start, for operators and specs: untouched applications cost none. */
  get renders(): number {
    return this.#engine.renders;
  }

  /** Catches up, then looks at every application once. */
  async onApplicationBootstrap(): Promise<void> {
    await this.#follower.start();
    this.#acting = true;
    this.#state.takeDirty();
    for (const { id } of this.#state.views.all('application')) this.#due.add(id);
    this.#act();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#acting = false;
    this.#stopping.abort();
    await Promise.allSettled(this.#busy.values());
    await this.#follower.stop();
  }

  /** Resolves when nothing that is known is due. */
  async whenIdle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy.values());
  }

  /** Takes a batch from the bus. */
  offer(batch: EventEnvelopeBatch): void {
    this.#follower.offer(batch);
  }

  #fold(events: readonly RecordedEvent[]): void {
    for (const event of events) this.#state.apply(event);
    if (!this.#acting) return;
    for (const id of this.#state.takeDirty()) this.#due.add(id);
    this.#act();
  }

  #act(): void {
    if (!this.#acting) return;
    for (const name of this.#resources.due()) this.#readResources(name);
    for (const id of this.#due) {
      if (this.#busy.size >= CONCURRENCY) return;
      // Looked at again when the one in hand is done.
      if (this.#busy.has(id)) continue;
      this.#due.delete(id);
      const work = this.#work(id).finally(() => {
        this.#busy.delete(id);
        this.#act();
      });
      this.#busy.set(id, work);
    }
  }

  /** One at a time per repository, beside the renders: its key among the busy ones is no application's name. */
  #readResources(name: string): void {
    const key = `repository ${name}`;
    if (this.#busy.has(key)) return;
    const work = this.#resources
      .read(name)
      .then(async (position) => {
        this.#attempts.delete(key);
        if (position !== undefined) await this.#follower.whenProcessed(position);
      })
      .catch(async (error: unknown) => {
        if (!this.#acting) return;
        const attempt = (this.#attempts.get(key) ?? 0) + 1;
        this.#attempts.set(key, attempt);
        const retryMs = Math.min(MAX_RETRY_MS, 250 * 2 ** Math.min(attempt, 12));
        this.#logger.warn('the resources of a repository could not be read; trying again', {
          repository: name,
          attempt,
          retryMs,
          message: messageOf(error),
        });
        // Stays busy meanwhile: nothing else would make it succeed.
        await delay(retryMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      })
      .finally(() => {
        this.#busy.delete(key);
        this.#act();
      });
    this.#busy.set(key, work);
  }

  async #work(id: string): Promise<void> {
    const task = this.#state.taskOf(id);
    if (task === undefined) return;
    try {
      await this.#render(task);
      this.#attempts.delete(id);
    } catch (error) {
      if (this.#acting) await this.#retry(task, error);
    }
  }

  async #retry(task: RenderTask, error: unknown): Promise<void> {
    const { id } = task.application;
    if (error instanceof ConflictError) {
      await this.#log
        .head()
        .then((head) => this.#follower.whenProcessed(head - 1))
        .catch(() => undefined);
      this.#due.add(id);
      return;
    }
    const attempt = (this.#attempts.get(id) ?? 0) + 1;
    this.#attempts.set(id, attempt);
    const isSlow = error instanceof UpstreamError && error.code === 'PLB-6404';
    const retryMs = Math.min(isSlow ? MAX_RETRY_OF_SLOW_MS : MAX_RETRY_MS, 250 * 2 ** Math.min(attempt, 12));
    this.#logger.warn('an application could not be rendered; trying again', {
      application: id,
      revision: task.revision,
      attempt,
      retryMs,
      message: messageOf(error),
    });
    if (attempt === TOLD_AFTER_ATTEMPTS) await this.#tellUnavailable(task, error).catch(() => undefined);
    setTimeout(() => {
      this.#due.add(id);
      this.#act();
    }, retryMs).unref();
  }

  async #tellUnavailable(task: RenderTask, error: unknown): Promise<void> {
    const { message } = failureOf(error);
    const outcomes = task.application.spec.environments
      .filter(({ name }) => !this.#state.hasFailed(task, name, 'any'))
      .map(({ name }): Outcome => ({
        type: 'failed',
        data: {
          application: task.application.id,
          environment: name,
          revision: task.revision,
          reason: UNAVAILABLE,
          message,
        },
      }));
    await this.#append(task, outcomes);
  }

  async #render(task: RenderTask): Promise<void> {
    const { application, repository } = task;
    const spec = this.#state.views.get('repository', repository)?.spec;
    if (spec === undefined) return;
    const tree = await this.#sources.tree(spec, task.revision);
    const results = await Promise.allSettled(
      application.spec.environments.map((environment) => this.#environment(task, tree, environment)),
    );
    const outcomes = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const now = this.#state.taskOf(application.id);
    // Git or the declaration has moved on meanwhile: only the newest is of interest.
    if (now === undefined || now.cause.position !== task.cause.position || now.revision !== task.revision) {
      this.#due.add(application.id);
      return;
    }
    await this.#append(task, outcomes);
    // What may pass by itself is tried again, without holding up the other environments.
    for (const result of results) if (result.status === 'rejected') throw result.reason;
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

  /** One append for all environments that a revision changed: they share the number. */
  async #append(task: RenderTask, outcomes: readonly Outcome[]): Promise<void> {
    const { application, cause, nextVersion } = task;
    const versions: NewEvent[] = [];
    const failures: NewEvent[] = [];
    const content: string[] = [];
    for (const outcome of outcomes) {
      if (outcome.type === 'unchanged') continue;
      if (outcome.type === 'rendered') versions.push({ type: 'VersionRendered', data: outcome.data });
      else failures.push({ type: 'RenderFailed', data: outcome.data });
      content.push(
        outcome.data.environment,
        outcome.type === 'rendered' ? outcome.data.renderDigest : outcome.data.message,
      );
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
    if (items.length === 0) return;
    const { lastPosition } = await this.#log.append({
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
    await this.#follower.whenProcessed(lastPosition);
  }
}
