// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import { type Clock, ConflictError, derivedId, messageOf, StreamName, uuidTimeMs } from '@plumbline/core';
import { type AppendItem, EVENT_LOG, type EventLog, Follower } from '@plumbline/event-log';
import type { NewEvent, RecordedEvent } from '@plumbline/events';
import { parseReleaseSigningKey, signRelease } from '@plumbline/manifest';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import { answerSubmission } from './domain/approvals.js';
import { at, decideApplication, type Decision, type ReleaseDraft } from './domain/decide.js';
import { answerRollback } from './domain/rollback.js';
import { PolicyState, type Trigger } from './domain/state.js';
import { POLICY_CONFIG, type PolicyConfig } from './policy.config.js';
import { VersionFacts } from './version-facts.js';

const ACTOR = { kind: 'service', id: 'policy', name: 'policy' } as const;
const CONCURRENCY = 32;
const RETRY_DELAY_MS = 1_000;
const OLD_TRIGGER_MS = 24 * 3_600_000;

/** Follows the log and appends what the pure domain says is due, one application at a time, many applications at once. */
@Injectable()
export class PolicyService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log: EventLog;
  readonly #logger: Logger;
  readonly #clock: Clock;

  readonly #state = new PolicyState();
  readonly #facts: VersionFacts;
  readonly #signingKey: KeyObject;
  readonly #follower: Follower;
  readonly #due = new Map<string, Trigger>();
  readonly #busy = new Map<string, Promise<void>>();
  #acting = false;

  constructor(
    @Inject(EVENT_LOG) log: EventLog,
    @Inject(OBJECT_STORE) objects: ObjectStore,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
    @Inject(POLICY_CONFIG) config: PolicyConfig,
  ) {
    this.#log = log;
    this.#logger = logger;
    this.#clock = clock;

    this.#facts = new VersionFacts(objects);
    this.#signingKey = parseReleaseSigningKey(readFileSync(config.signingKeyFile, 'utf8'));
    this.#follower = new Follower({
      log,
      from: 0,
      onEvents: (events) => this.#fold(events),
      onError: (message) => this.#logger.warn('the log could not be followed; trying again', { message }),
    });
  }

  /** Catches up, then acts on everything that is due. */
  async onApplicationBootstrap(): Promise<void> {
    await this.#follower.start();
    this.#acting = true;
    for (const application of this.#state.views.all('application')) this.#state.touch(application.id);
    this.#act();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#acting = false;
    await this.#follower.stop();
    await Promise.allSettled(this.#busy.values());
  }

  /** Takes a batch from the bus. */
  offer(batch: EventEnvelopeBatch): void {
    this.#follower.offer(batch);
  }

  #fold(events: readonly RecordedEvent[]): void {
    for (const event of events) this.#state.apply(event);
    this.#act();
  }

  #act(): void {
    if (!this.#acting) return;
    for (const [application, trigger] of this.#state.takeDirty()) this.#due.set(application, trigger);
    for (const [application, trigger] of this.#due) {
      if (this.#busy.size >= CONCURRENCY) return;
      if (this.#busy.has(application)) continue;
      this.#due.delete(application);
      const run = this.#decide(application, trigger).finally(() => {
        this.#busy.delete(application);
        this.#act();
      });
      this.#busy.set(application, run);
    }
  }

  async #decide(id: string, trigger: Trigger): Promise<void> {
    try {
      await this.#answerRequests(id);
      const application = this.#state.views.get('application', id);
      if (application === undefined) return;
      const decisions = await decideApplication(this.#state.views, application, (app, version) =>
        this.#facts.evaluate(this.#state.views, app, version),
      );
      await this.#append(id, decisions, trigger);
    } catch (error) {
      if (!this.#acting) return;
      const retry = error instanceof ConflictError ? 0 : RETRY_DELAY_MS;
      this.#logger.warn('a decision could not be made; trying again', { application: id, message: messageOf(error) });
      setTimeout(() => {
        this.#state.touch(id, trigger);
        this.#act();
      }, retry).unref();
    }
  }

  async #answerRequests(id: string): Promise<void> {
    for (const submission of [...this.#state.submissions.values()].filter((event) => event.data.application === id)) {
      const { decisions } = answerSubmission(this.#state.views, submission);
      await this.#append(id, decisions, { eventId: submission.id, correlationId: submission.correlationId });
    }
    for (const request of [...this.#state.rollbacks.values()].filter((event) => event.data.application === id)) {
      const trigger = { eventId: request.id, correlationId: request.correlationId };
      const answer = answerRollback(this.#state.views, request);
      if (answer.type === 'release') {
        await this.#append(
          id,
          answer.drafts.map((draft) => ({ type: 'release' as const, draft })),
          trigger,
        );
        continue;
      }
      const data = {
        application: id,
        environment: answer.environment,
        toVersion: request.data.toVersion,
        reason: answer.reason,
        message: answer.message,
      };
      await this.#appendItems(
        [
          {
            stream: StreamName.application(id),
            expected: { type: 'any' },
            events: [{ type: 'RollbackRefused', data }],
          },
        ],
        trigger,
      );
    }
  }

  async #append(application: string, decisions: readonly Decision[], trigger: Trigger): Promise<void> {
    if (decisions.length === 0) return;
    const byVersion = new Map<number, NewEvent[]>();
    for (const decision of decisions) {
      const version = decision.type === 'event' ? decision.version : decision.draft.version.version;
      const event = decision.type === 'event' ? decision.event : this.#release(decision.draft, trigger);
      byVersion.set(version, [...(byVersion.get(version) ?? []), event]);
    }
    const items = [...byVersion].map(([version, events]) => ({
      stream: StreamName.version(application, version),
      expected: { type: 'any' as const },
      events,
    }));
    await this.#appendItems(items, trigger);
  }

  /** Appends and waits until the own fold has it, so that the next look at the application sees what was decided. */
  async #appendItems(items: readonly AppendItem[], trigger: Trigger): Promise<void> {
    const content = items.flatMap(({ stream, events }) => [stream, ...events.map(({ type }) => type)]);
    const requestId = derivedId(
      this.#timeOf(trigger),
      'policy',
      trigger.eventId,
      String(this.#follower.nextPosition),
      ...content,
    );
    const { lastPosition } = await this.#log.append({
      requestId,
      actor: ACTOR,
      service: 'policy',
      causationId: trigger.eventId,
      correlationId: trigger.correlationId,
      items,
    });
    await this.#follower.whenProcessed(lastPosition);
  }

  /** Time of the cause; now for a cause so old that the log would not take an id of its time any more. */
  #timeOf(trigger: Trigger): number {
    const timeMs = uuidTimeMs(trigger.eventId);
    const nowMs = this.#clock.nowMs();
    return nowMs - timeMs > OLD_TRIGGER_MS ? nowMs : timeMs;
  }

  #release(draft: ReleaseDraft, trigger: Trigger): NewEvent {
    const { version, generation, kind, clusters, approvals, reason } = draft;
    const releaseId = derivedId(
      this.#timeOf(trigger),
      'release',
      version.application,
      version.environment,
      String(generation),
      version.renderDigest,
    );
    const statement = { ...at(version), renderDigest: version.renderDigest, clusters, generation, releaseId };
    const { keyId, signature } = signRelease(statement, this.#signingKey);
    return {
      type: 'VersionReleased',
      data: { ...statement, kind, approvals, keyId, signature, ...(reason === undefined ? {} : { reason }) },
    };
  }
}
