// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Inject, Injectable } from '@nestjs/common';
import type { Tracer } from '@opentelemetry/api';
import { type Clock, derivedId, requestTimeMs, StreamName, uuidTimeMs } from '@plumbline/core';
import type { AppendItem } from '@plumbline/event-log';
import type { NewEvent, Verdict } from '@plumbline/events';
import { parseReleaseSigningKey, signRelease } from '@plumbline/manifest';
import { CLOCK, EVENT_REACTOR, TRACER } from '@plumbline/platform';
import { type EventReactor, recordSpan } from '@plumbline/reactor';
import type { ApplicationView, VersionView } from '@plumbline/read-models';
import { answerSubmission } from './domain/approvals.js';
import { at, decideApplication, type Decision, type ReleaseDraft } from './domain/decide.js';
import { answerRollback } from './domain/rollback.js';
import { PolicyState, type Trigger } from './domain/state.js';
import { VersionFacts } from './evaluation/version-facts.js';
import { POLICY_CONFIG, type PolicyConfig } from './policy.config.js';
import { PolicyMetrics } from './policy.metrics.js';

const ACTOR = { kind: 'service', id: 'policy', name: 'policy' } as const;

/** Answers the requests about one application, decides what is due for it, and appends both. */
@Injectable()
export class ApplicationDecisions {
  readonly #reactor: EventReactor;
  readonly #state: PolicyState;
  readonly #facts: VersionFacts;
  readonly #metrics: PolicyMetrics;
  readonly #clock: Clock;
  readonly #tracer: Tracer;
  readonly #signingKey: KeyObject;

  constructor(
    @Inject(EVENT_REACTOR) reactor: EventReactor,
    @Inject(PolicyState) state: PolicyState,
    @Inject(VersionFacts) facts: VersionFacts,
    @Inject(PolicyMetrics) metrics: PolicyMetrics,
    @Inject(CLOCK) clock: Clock,
    @Inject(TRACER) tracer: Tracer,
    @Inject(POLICY_CONFIG) config: PolicyConfig,
  ) {
    this.#reactor = reactor;
    this.#state = state;
    this.#facts = facts;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#tracer = tracer;
    this.#signingKey = parseReleaseSigningKey(readFileSync(config.signingKeyFile, 'utf8'));
  }

  /** Does everything that is due for an application. @throws what the object store and `append` throw */
  async decide(id: string): Promise<void> {
    await this.#answerApprovals(id);
    await this.#answerRollbacks(id);
    const application = this.#state.views.get('application', id);
    const trigger = this.#state.triggerOf(id);
    if (application === undefined || trigger === undefined) return;
    const decisions = await decideApplication(this.#state.views, application, async (app, version) =>
      this.#evaluate(app, version),
    );
    await this.#append(id, decisions, trigger);
  }

  async #evaluate(application: ApplicationView, version: VersionView): Promise<readonly Verdict[]> {
    const startMs = this.#clock.nowMs();
    let verdicts: readonly Verdict[] | undefined;
    try {
      verdicts = await this.#facts.evaluate(this.#state.views, application, version);
      return verdicts;
    } finally {
      this.#metrics.evaluated(verdicts, this.#clock.nowMs() - startMs);
      const attributes = {
        'plumbline.application': version.application,
        'plumbline.environment': version.environment,
        'plumbline.version': version.version,
      };
      recordSpan(this.#tracer, { name: 'evaluate', correlationId: version.correlationId, attributes }, startMs);
    }
  }

  async #answerApprovals(id: string): Promise<void> {
    for (const submission of this.#state.submissionsOf(id)) {
      const { decisions } = answerSubmission(this.#state.views, submission);
      await this.#append(id, decisions, { eventId: submission.id, correlationId: submission.correlationId });
    }
  }

  async #answerRollbacks(id: string): Promise<void> {
    for (const request of this.#state.rollbacksOf(id)) {
      const trigger = { eventId: request.id, correlationId: request.correlationId };
      const answer = answerRollback(this.#state.views, request);
      if (answer.type === 'release') {
        const decisions = answer.drafts.map((draft) => ({ type: 'release' as const, draft }));
        await this.#append(id, decisions, trigger);
        continue;
      }
      const { environment, reason, message } = answer;
      const data = { application: id, environment, toVersion: request.data.toVersion, reason, message };
      const refused: NewEvent = { type: 'RollbackRefused', data };
      await this.#appendItems(
        [{ stream: StreamName.application(id), expected: { type: 'any' }, events: [refused] }],
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

  /** Appends; the state has the events when it resolves, so that the next decision is made on them. */
  async #appendItems(items: readonly AppendItem[], trigger: Trigger): Promise<void> {
    const content = items.flatMap(({ stream, events }) => [stream, ...events.map(({ type }) => type)]);
    const position = String(this.#reactor.nextPosition);
    const { events } = await this.#reactor.append({
      requestId: derivedId(this.#timeOf(trigger), 'policy', trigger.eventId, position, ...content),
      actor: ACTOR,
      service: 'policy',
      causationId: trigger.eventId,
      correlationId: trigger.correlationId,
      items,
    });
    for (const { type } of events) this.#metrics.decided(type);
  }

  #timeOf(trigger: Trigger): number {
    return requestTimeMs(uuidTimeMs(trigger.eventId), this.#clock.nowMs());
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
