// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import {
  ConflictError,
  derivedId,
  Digest,
  InputError,
  type InputIssue,
  messageOf,
  PlumblineError,
  requestTimeMs,
  StreamName,
  uuidTimeMs,
} from '@plumbline/core';
import type { Actor, NewEvent } from '@plumbline/events';
import type { AppendItem } from '@plumbline/event-log';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { type Logger, LOGGER } from '@plumbline/platform';
import type { RepositoryView } from '@plumbline/read-models';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { type AppliedResource, planApply } from './apply-plan.js';
import { parseFollowed } from './followed-content.js';
import { ResourcesService } from './resources.service.js';

/** How often what could not be done is tried again, when nothing else happens. */
const RETRY_MS = 5_000;
const LISTED = 300;

/** A repository whose resources were read and wait to be applied. */
interface Due {
  readonly repository: RepositoryView;
  readonly read: NonNullable<RepositoryView['resources']> & { readonly digest: string };
}

/**
 * Puts the resources that a repository declares in force: all of a commit or none of it, as `apply` does for a
 * person.
 */
@Injectable()
export class FollowedResources {
  readonly #access: LogAccess;
  readonly #resources: ResourcesService;
  readonly #store: ObjectStore;
  readonly #config: GatewayConfig;
  readonly #logger: Logger;

  constructor(
    @Inject(LOG_ACCESS) access: LogAccess,
    @Inject(ResourcesService) resources: ResourcesService,
    @Inject(OBJECT_STORE) store: ObjectStore,
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#access = access;
    this.#resources = resources;
    this.#store = store;
    this.#config = config;
    this.#logger = logger;
  }

  /** Works until the process stops: on what is due now, and after each ResourcesRead that comes. Never rejects. */
  async run(): Promise<void> {
    const signal = this.#access.closing;
    while (!signal.aborted) {
      const after = this.#access.position;
      const failed = await this.#work();
      try {
        await this.#nextRead(after, failed ? RETRY_MS : undefined);
      } catch (error) {
        this.#logger.warn('the log cannot be read for the resources of repositories; it is tried again', {
          error: messageOf(error),
        });
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Resolves when resources were read after a position, when the time is over, or when the process stops. */
  async #nextRead(after: number, idleMs: number | undefined): Promise<void> {
    for await (const events of this.#access.feed.batches({
      after,
      signal: this.#access.closing,
      ...(idleMs === undefined ? {} : { idleMs }),
    })) {
      if (events.length === 0 || events.some(({ type }) => type === 'ResourcesRead')) return;
    }
  }

  /** Does all that is due; true when something has to be tried again. */
  async #work(): Promise<boolean> {
    let failed = false;
    for (const due of this.#due()) {
      try {
        await this.#apply(due);
      } catch (error) {
        if (this.#access.closing.aborted) return false;
        failed = true;
        this.#logger.warn('the resources of a repository cannot be applied now; it is tried again', {
          repository: due.repository.name,
          error: messageOf(error),
          ...(error instanceof PlumblineError ? { errorCode: error.code } : {}),
        });
      }
    }
    return failed;
  }

  #due(): readonly Due[] {
    const due: Due[] = [];
    for (const repository of this.#access.state.views.all('repository')) {
      const { resources: read } = repository;
      if (repository.spec.resources !== undefined && read?.state === 'Read' && read.digest !== undefined)
        due.push({ repository, read: { ...read, digest: read.digest } });
    }
    return due;
  }

  async #apply({ repository, read }: Due): Promise<void> {
    const text = await this.#store.get(Digest.parse(read.digest));
    const { name } = repository;
    const actor: Actor = { kind: 'system', id: actorIdOf(name), name: `repository ${name}` };
    // The log refuses ids of long ago; by then the state of the repository is the guard against a repeat.
    const requestId = derivedId(
      requestTimeMs(uuidTimeMs(read.eventId), this.#access.clock.nowMs()),
      'followed-resources',
      read.eventId,
    );
    const append = (items: readonly AppendItem[]): Promise<unknown> =>
      this.#access.append({ actor, requestId, items, cause: read });
    try {
      await this.#resources.decideAgainOnConflict(async () => {
        if (!this.#isDue(name, read.eventId)) return;
        const { resources, items } = this.#plan(repository, text);
        await append([...items, answer(name, appliedEvent(name, read, resources))]);
      });
      this.#logger.info('the resources of a repository are in force', {
        repository: name,
        revision: read.revision,
        correlationId: read.correlationId,
      });
    } catch (error) {
      // Another gateway was faster, and saw other things: its answer stands.
      if (error instanceof ConflictError && error.code === 'PLB-4102') return this.#access.refresh();
      if (!(error instanceof InputError) && !(error instanceof ConflictError && error.code === 'PLB-4701')) throw error;
      await append([answer(name, refusedEvent(name, read, error))]);
      this.#logger.info('the resources of a repository are wrong and were not applied', {
        repository: name,
        revision: read.revision,
        errorCode: error.code,
        correlationId: read.correlationId,
      });
    }
  }

  #isDue(name: string, eventId: string): boolean {
    const read = this.#access.state.views.get('repository', name)?.resources;
    return read?.state === 'Read' && read.eventId === eventId;
  }

  #plan(repository: RepositoryView, text: string): ReturnType<typeof planApply> {
    const resources = parseFollowed(text);
    const by = actorIdOf(repository.name);
    const prune = repository.spec.resources?.prune === true;
    // A repository that declared itself stays: it could not come back by its own means.
    const plan = planApply(this.#access.state, {
      resources,
      deliveryHosts: this.#config.subscriptionHosts,
      position: this.#access.position,
      prunes: prune
        ? (declared) => declared.by === by && !(declared.kind === 'Repository' && declared.id === repository.name)
        : undefined,
    });
    if (resources.length === 0 && plan.items.length > 0) {
      throw new InputError(
        'PLB-1715',
        `repository "${repository.name}" declares no resource any more: nothing was removed. Remove what is to go with "plumb delete", or leave one resource in the repository`,
      );
    }
    return plan;
  }
}

/** Actor of what a repository declares: by it the repository knows its own. */
function actorIdOf(repository: string): string {
  return `repository:${repository}`;
}

function answer(repository: string, event: NewEvent): AppendItem {
  return { stream: StreamName.repository(repository), expected: { type: 'exists' }, events: [event] };
}

function appliedEvent(
  repository: string,
  { revision, digest }: Due['read'],
  resources: readonly AppliedResource[],
): NewEvent {
  const changes = resources
    .filter(({ action }) => action !== 'unchanged')
    .slice(0, LISTED)
    .map(({ kind, id, action }) => ({ kind, id, action }));
  return { type: 'ResourcesApplied', data: { repository, revision, digest, changes } };
}

function refusedEvent(
  repository: string,
  { revision, digest }: Due['read'],
  error: InputError | ConflictError,
): NewEvent {
  const given = Array.isArray(error.details['issues']) ? (error.details['issues'] as readonly InputIssue[]) : [];
  const issues = given
    .slice(0, 50)
    .map(({ path, message }) => ({ path: path.slice(0, 300), message: message.slice(0, 500) }));
  return {
    type: 'ResourcesRefused',
    data: { repository, revision, digest, message: error.message.slice(0, 4_000), issues },
  };
}
