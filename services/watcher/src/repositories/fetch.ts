// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Tracer } from '@opentelemetry/api';
import {
  type Clock,
  derivedId,
  messageOf,
  PlumblineError,
  requestTimeMs,
  StreamName,
  uuidTimeMs,
} from '@plumbline/core';
import type { NewEvent, RecordedEvent, RepositorySpec } from '@plumbline/events';
import { GitMirror, readCredentials } from '@plumbline/git';
import { CLOCK, EVENT_REACTOR, type Logger, LOGGER, TRACER } from '@plumbline/platform';
import { type EventReactor, recordSpan } from '@plumbline/reactor';
import { decideFetched, type Finding, isNewFailure } from '../domain/decide.js';
import { WatcherState } from '../domain/state.js';
import { WATCHER_CONFIG, type WatcherConfig } from '../watcher.config.js';
import { WatcherMetrics } from '../watcher.metrics.js';

const ACTOR = { kind: 'service', id: 'watcher', name: 'watcher' } as const;

interface Mirror {
  readonly mirror: GitMirror;
  readonly sourceKey: string;
}

const sourceKeyOf = (spec: RepositorySpec): string => JSON.stringify([spec.url, spec.credentials ?? {}]);

/** Fetches repositories into their mirrors and appends what is new. */
@Injectable()
export class RepositoryFetch {
  readonly #reactor: EventReactor;
  readonly #state: WatcherState;
  readonly #config: WatcherConfig;
  readonly #metrics: WatcherMetrics;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #tracer: Tracer;
  readonly #mirrors = new Map<string, Mirror>();
  /** Position of the newest refresh request that a fetch has answered, by repository. */
  readonly #refreshed = new Map<string, number>();

  constructor(
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(WatcherState) state: WatcherState,
    @Inject(WATCHER_CONFIG) config: WatcherConfig,
    @Inject(WatcherMetrics) metrics: WatcherMetrics,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
    @Inject(TRACER) tracer: Tracer,
  ) {
    this.#reactor = reactor;
    this.#state = state;
    this.#config = config;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#clock = clock;
    this.#tracer = tracer;
  }

  /** True when a refresh was requested that no fetch has answered. */
  isRefreshDue(name: string): boolean {
    const refresh = this.#state.refreshOf(name);
    return refresh !== undefined && refresh.position > (this.#refreshed.get(name) ?? -1);
  }

  /** Drops what is kept for a repository that does not exist any more. */
  forget(name: string): void {
    this.#mirrors.delete(name);
    this.#refreshed.delete(name);
  }

  /**
   * Fetches a repository once and appends what changed. Does nothing when there is no such repository.
   * @throws UpstreamError and InputError of the fetch, after it was appended that the repository is unreachable; what
   * `append` throws
   */
  async fetch(name: string, signal: AbortSignal): Promise<void> {
    const view = this.#state.repository(name);
    if (view === undefined) return;
    const startMs = this.#clock.nowMs();
    // Noted before the fetch: a request that comes while it runs wants another one.
    const refresh = this.#state.refreshOf(name);
    if (refresh !== undefined) this.#refreshed.set(name, refresh.position);
    // So are the refs: one that is wanted since then may have been made since then, and is not missing because this
    // fetch lacks it.
    const wanted = this.#state.wantedRefs(name);
    let mirror: GitMirror;
    let resolved: Map<string, string | undefined>;
    try {
      mirror = this.#mirrorOf(name, view.spec);
      const refs = await mirror.fetch(signal);
      resolved = new Map();
      for (const ref of wanted) resolved.set(ref, (await mirror.resolve(ref, refs, signal))?.revision);
    } catch (error) {
      if (signal.aborted) return;
      this.#metrics.fetched('failed', this.#clock.nowMs() - startMs);
      await this.#failed(name, error);
      throw error;
    }
    // The repository was declared with another source meanwhile: what was fetched is of no use.
    if (this.#mirrors.get(name)?.mirror !== mirror) return;
    const events = await this.#appendFindings(name, mirror, resolved);
    this.#metrics.fetched(events.length > 0 ? 'changed' : 'unchanged', this.#clock.nowMs() - startMs);
    for (const correlationId of new Set(events.map((event) => event.correlationId)))
      recordSpan(this.#tracer, { name: 'fetch', correlationId, attributes: { 'plumbline.repository': name } }, startMs);
  }

  #mirrorOf(name: string, spec: RepositorySpec): GitMirror {
    const sourceKey = sourceKeyOf(spec);
    const known = this.#mirrors.get(name);
    if (known?.sourceKey === sourceKey) return known.mirror;
    this.#mirrors.delete(name);
    const { mirrorRoot, gitProcess, credentials, knownHostsFile } = this.#config;
    const mirror = new GitMirror({
      root: mirrorRoot,
      url: spec.url,
      gitProcess,
      credentials: () => readCredentials(spec.credentials, credentials),
      ...(knownHostsFile === undefined ? {} : { knownHostsFile }),
    });
    this.#mirrors.set(name, { mirror, sourceKey });
    return mirror;
  }

  async #appendFindings(
    name: string,
    mirror: GitMirror,
    resolved: ReadonlyMap<string, string | undefined>,
  ): Promise<readonly RecordedEvent[]> {
    const appended: RecordedEvent[] = [];
    for (const finding of decideFetched(this.#state, name, resolved)) {
      const event = await this.#eventOf(name, mirror, finding);
      appended.push(...(await this.#append(name, event, finding.type === 'recovered' ? 'recovered' : finding.ref)));
    }
    return appended;
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
    if (!isNewFailure(this.#state, name, reason)) return;
    this.#logger.warn('a repository cannot be fetched', { repository: name, reason });
    await this.#append(name, { type: 'RepositoryUnreachable', data: { repository: name, reason, message } }, reason);
  }

  /** Appends once per state of the log that it was decided on. */
  async #append(repository: string, event: NewEvent, what: string): Promise<readonly RecordedEvent[]> {
    const cause = this.#state.causeOf(repository);
    const nowMs = this.#clock.nowMs();
    const causeMs = cause === undefined ? nowMs : uuidTimeMs(cause.eventId);
    const revision = event.type === 'RevisionObserved' ? event.data.revision : '';
    const refresh = this.#state.refreshOf(repository);
    const isAnswer = refresh !== undefined && cause !== undefined && refresh.position > cause.position;
    const { lastPosition, events } = await this.#reactor.append({
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
      ...(isAnswer ? { causationId: refresh.eventId, correlationId: refresh.correlationId } : {}),
      items: [{ stream: StreamName.repository(repository), expected: { type: 'exists' }, events: [event] }],
    });
    this.#logger.info('a repository changed', {
      repository,
      type: event.type,
      position: lastPosition,
      ...(revision === '' ? {} : { revision }),
    });
    return events;
  }
}
