// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import {
  type Clock,
  ConflictError,
  derivedId,
  messageOf,
  PlumblineError,
  requestTimeMs,
  StreamName,
  uuidTimeMs,
} from '@plumbline/core';
import { EVENT_LOG, type EventLog, Follower } from '@plumbline/event-log';
import { durationMs, type NewEvent, type RecordedEvent, type RepositorySpec } from '@plumbline/events';
import { GitMirror, readCredentials } from '@plumbline/git';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import type { RepositoryView } from '@plumbline/read-models';
import { decideFetched, type Finding, isNewFailure } from './domain/decide.js';
import { WatcherState } from './domain/state.js';
import { RepositoryWatch } from './repository-watch.js';
import { Slots } from './slots.js';
import { WATCHER_CONFIG, type WatcherConfig } from './watcher.config.js';

const ACTOR = { kind: 'service', id: 'watcher', name: 'watcher' } as const;
const APPEND_ATTEMPTS = 5;

interface Watched {
  readonly watch: RepositoryWatch;
  readonly mirror: GitMirror | undefined;
  readonly sourceKey: string;
  /** Position of the declaration that it works by. */
  declared: number;
}

const sourceKeyOf = (spec: RepositorySpec): string => JSON.stringify([spec.url, spec.credentials ?? {}]);

/** Follows the log for what to look at, fetches, and appends what is new. */
@Injectable()
export class WatcherService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log: EventLog;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #config: WatcherConfig;

  readonly #state = new WatcherState();
  readonly #follower: Follower;
  readonly #watched = new Map<string, Watched>();
  readonly #slots: Slots;
  readonly #slotsOfFailing: Slots;
  /** Position of the newest refresh request that a look has answered, per repository. */
  readonly #refreshed = new Map<string, number>();
  readonly #stop = new AbortController();
  #acting = false;

  constructor(
    @Inject(EVENT_LOG) log: EventLog,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
    @Inject(WATCHER_CONFIG) config: WatcherConfig,
  ) {
    this.#log = log;
    this.#logger = logger;
    this.#clock = clock;
    this.#config = config;

    this.#slots = new Slots(config.concurrency);
    this.#slotsOfFailing = new Slots(Math.max(1, Math.floor(config.concurrency / 4)));
    this.#follower = new Follower({
      log,
      from: 0,
      onEvents: (events) => this.#fold(events),
      onError: (message) => this.#logger.warn('the log could not be followed; trying again', { message }),
    });
  }

  /** Catches up, then looks at every repository once. */
  async onApplicationBootstrap(): Promise<void> {
    await this.#follower.start();
    this.#acting = true;
    this.#state.takeDirty();
    for (const repository of this.#state.views.all('repository')) this.#reconcile(repository.name);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#acting = false;
    this.#stop.abort();
    // The looks in hand first: they may wait for the follower.
    await Promise.allSettled([...this.#watched.values()].map(({ watch }) => watch.stop()));
    await this.#follower.stop();
  }

  /** Takes a batch from the bus. */
  offer(batch: EventEnvelopeBatch): void {
    this.#follower.offer(batch);
  }

  #fold(events: readonly RecordedEvent[]): void {
    for (const event of events) this.#state.apply(event);
    if (!this.#acting) return;
    for (const repository of this.#state.takeDirty()) this.#reconcile(repository);
  }

  /** Makes what is watched match what is declared, and wakes what has a reason to. */
  #reconcile(name: string): void {
    const view = this.#state.views.get('repository', name);
    const watched = this.#watched.get(name);
    const sourceKey = view === undefined ? undefined : sourceKeyOf(view.spec);
    if (watched !== undefined && watched.sourceKey !== sourceKey) {
      this.#watched.delete(name);
      void watched.watch.stop();
    }
    if (view === undefined || sourceKey === undefined) return;
    const current = this.#watched.get(name);
    if (current === undefined) {
      this.#watch(view, sourceKey);
      return;
    }
    // A new interval counts from now on, not from the next look on.
    const isNewlyDeclared = current.declared !== view.declared.position;
    current.declared = view.declared.position;
    const refresh = this.#state.refreshOf(name);
    if (
      isNewlyDeclared ||
      this.#state.hasNewRef(name) ||
      (refresh !== undefined && refresh.position > (this.#refreshed.get(name) ?? -1))
    )
      current.watch.wake();
  }

  #watch({ name, spec, declared }: RepositoryView, sourceKey: string): void {
    let mirror: GitMirror | undefined;
    try {
      mirror = new GitMirror({
        root: this.#config.mirrorRoot,
        url: spec.url,
        surroundings: this.#config.surroundings,
        credentials: () => readCredentials(spec.credentials, this.#config.credentials),
        ...(this.#config.knownHostsFile === undefined ? {} : { knownHostsFile: this.#config.knownHostsFile }),
      });
    } catch (error) {
      this.#logger.warn('a repository cannot be watched', { repository: name, message: messageOf(error) });
      void this.#failed(name, error);
    }
    const watch: RepositoryWatch = new RepositoryWatch({
      intervalMs: () => durationMs(this.#state.views.get('repository', name)?.spec.interval ?? '60s'),
      look: () => (mirror === undefined ? Promise.resolve(false) : this.#lookInSlot(name, mirror, watch)),
    });
    this.#watched.set(name, { watch, mirror, sourceKey, declared: declared.position });
    watch.wake();
  }

  async #lookInSlot(name: string, mirror: GitMirror, watch: RepositoryWatch): Promise<boolean> {
    // Repositories that hang must not take the slots of those that answer.
    return (watch.isFailing ? this.#slotsOfFailing : this.#slots).run(() => this.#look(name, mirror));
  }

  async #look(name: string, mirror: GitMirror): Promise<boolean> {
    if (!this.#acting) return true;
    // Noted before the fetch: a request that comes while it runs wants another one.
    const refresh = this.#state.refreshOf(name);
    if (refresh !== undefined) this.#refreshed.set(name, refresh.position);
    // So are the refs: one that is wanted since then may have been made since then too, and is not missing because this fetch has not seen it.
    const wanted = this.#state.wantedRefs(name);
    let resolved: Map<string, string | undefined>;
    try {
      const refs = await mirror.fetch(this.#stop.signal);
      resolved = new Map();
      for (const ref of wanted) resolved.set(ref, (await mirror.resolve(ref, refs, this.#stop.signal))?.revision);
    } catch (error) {
      await this.#failed(name, error);
      return false;
    }
    if (this.#watched.get(name)?.mirror !== mirror) return true;
    await this.#appendFindings(name, mirror, resolved).catch((error: unknown) => {
      this.#logger.warn('what a fetch found could not be appended; looking again later', {
        repository: name,
        message: messageOf(error),
      });
    });
    return true;
  }

  async #appendFindings(
    name: string,
    mirror: GitMirror,
    resolved: ReadonlyMap<string, string | undefined>,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const findings = decideFetched(this.#state, name, resolved);
      try {
        for (const finding of findings)
          await this.#append(
            name,
            await this.#eventOf(name, mirror, finding),
            finding.type === 'recovered' ? 'recovered' : finding.ref,
          );
        return;
      } catch (error) {
        if (!this.#acting || attempt >= APPEND_ATTEMPTS || (error instanceof PlumblineError && error.retry === 'never'))
          throw error;
        if (!(error instanceof ConflictError))
          await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** attempt).unref());
        await this.#follower.whenProcessed((await this.#log.head()) - 1);
      }
    }
  }

  async #eventOf(name: string, mirror: GitMirror, finding: Finding): Promise<NewEvent> {
    switch (finding.type) {
      case 'recovered':
        return { type: 'RepositoryRecovered', data: { repository: name } };
      case 'missing':
        return { type: 'RefMissing', data: { repository: name, ref: finding.ref, message: finding.message } };
      case 'moved': {
        const { ref, revision, previous } = finding;
        const isForward = previous === undefined || previous === revision || mirror.isAncestor(previous, revision);
        const [commit, forced] = await Promise.all([
          mirror.commit(revision),
          Promise.resolve(isForward).then((forward) => !forward),
        ]);
        return {
          type: 'RevisionObserved',
          data: { repository: name, ref, revision, forced, commit, ...(previous === undefined ? {} : { previous }) },
        };
      }
    }
  }

  async #failed(name: string, error: unknown): Promise<void> {
    const message = messageOf(error).slice(0, 4_000);
    const reason =
      error instanceof PlumblineError
        ? String(error.details['reason'] ?? (error.code === 'PLB-1302' ? 'CredentialsMissing' : 'NotAllowed'))
        : 'GitFailed';
    if (!this.#acting || !isNewFailure(this.#state, name, reason)) return;
    this.#logger.warn('a repository cannot be reached', { repository: name, reason });
    await this.#append(
      name,
      { type: 'RepositoryUnreachable', data: { repository: name, reason, message } },
      reason,
    ).catch((appendError: unknown) => {
      this.#logger.warn('that a repository cannot be reached could not be appended', {
        repository: name,
        message: messageOf(appendError),
      });
    });
  }

  /** Appends once per state of the log that it was decided on, and waits until the own fold has it. */
  async #append(repository: string, event: NewEvent, what: string): Promise<void> {
    const cause = this.#state.causeOf(repository);
    const nowMs = this.#clock.nowMs();
    const causeMs = cause === undefined ? nowMs : uuidTimeMs(cause.eventId);
    const revision = event.type === 'RevisionObserved' ? event.data.revision : '';
    const refresh = this.#state.refreshOf(repository);
    const isAnswer = refresh !== undefined && cause !== undefined && refresh.position > cause.position;
    const { lastPosition } = await this.#log.append({
      requestId: derivedId(
        requestTimeMs(causeMs, nowMs),
        'watcher',
        repository,
        String(cause?.position ?? -1),
        event.type,
        what,
        revision,
      ),
      actor: ACTOR,
      service: 'watcher',
      ...(isAnswer ? { causationId: refresh.id, correlationId: refresh.correlationId } : {}),
      items: [{ stream: StreamName.repository(repository), expected: { type: 'exists' }, events: [event] }],
    });
    this.#logger.info('a repository changed', {
      repository,
      type: event.type,
      position: lastPosition,
      ...(revision === '' ? {} : { revision }),
    });
    await this.#follower.whenProcessed(lastPosition);
  }
}
