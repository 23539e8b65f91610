// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, ConflictError, StreamName, type TargetId } from '@plumbline/core';
import { durationMs } from '@plumbline/events';
import { recordSpan, type WorkOutcome } from '@plumbline/reactor';
import { kindServed } from '../clusters/kinds.js';
import type { ClusterSession } from '../clusters/cluster-session.js';
import { decide, type Decision, type LiveFacts } from '../domain/decide.js';
import { healthSignature, type TargetState } from '../domain/target-state.js';
import { Marks, ownerOf } from '../domain/owner-marks.js';
import {
  type DriftedObjects,
  type HealthObservation,
  NOT_WATCHED,
  observeDrift,
  observeHealth,
  overdue,
} from './observe.js';
import { SyncReports } from './sync-reports.js';
import { spanAttributes, syncSpecOf, type TargetContext } from './target-context.js';
import { TargetPlans } from './target-plans.js';
import { TargetRemoval } from './target-removal.js';
import { TargetSyncs } from './target-syncs.js';

const RECHECK_MS = 5_000;
const NOT_WATCHED_MS = 10_000;
const QUARANTINED_MS = 10_000;
const CONFLICTS_AT_ONCE = 3;

/** Works on one target, one action per run. Everything that changes during a run is seen together by the next run. */
export class TargetWorker {
  readonly #context: TargetContext;

  #observationDue = true;
  /** Whether the next report of a healthy target ends the wait for the last sync, also when it was healthy before. */
  #isHealthAwaited = false;
  #againAtMs = Number.POSITIVE_INFINITY;
  #conflicts = 0;
  #notWatchedSinceMs: number | undefined;
  readonly #marks: Marks;
  readonly #reports: SyncReports;
  readonly #syncs: TargetSyncs;
  readonly #removal: TargetRemoval;
  readonly #plans: TargetPlans;

  constructor(
    readonly id: TargetId,
    context: TargetContext,
  ) {
    this.#context = context;

    this.#marks = new Marks(context.config.installation, id);
    this.#reports = new SyncReports(context);
    this.#syncs = new TargetSyncs(context, this.#marks, this.#reports);
    this.#removal = new TargetRemoval(context, this.#marks, this.#reports);
    this.#plans = new TargetPlans(context, this.#marks);
  }

  /** Observes the target with the next run, because an object of it changed. */
  requestObservation(): void {
    this.#observationDue = true;
  }

  /** Does the next action for the target. Returns when to run again. A rejection is retried with a back-off. */
  async run(): Promise<WorkOutcome> {
    this.#againAtMs = Number.POSITIVE_INFINITY;
    try {
      const isDone = await this.#turn();
      this.#conflicts = 0;
      return isDone ? this.#outcome() : { againInMs: 0 };
    } catch (error) {
      if (!(error instanceof ConflictError) || this.#conflicts >= CONFLICTS_AT_ONCE) throw error;
      // Another process appended to the stream of the target: fold its events, then decide again.
      this.#conflicts += 1;
      await this.#context.log.catchUp();
      return { againInMs: 0 };
    }
  }

  #outcome(): WorkOutcome {
    if (this.#againAtMs === Number.POSITIVE_INFINITY) return {};
    return { againInMs: Math.max(1, this.#againAtMs - this.#context.clock.nowMs()) };
  }

  #runAgainAt(atMs: number): void {
    this.#againAtMs = Math.min(this.#againAtMs, atMs);
  }

  get #target(): TargetState {
    return this.#context.fleet.target(this.id);
  }

  /** Returns false if the target has to be worked on again at once. */
  async #turn(): Promise<boolean> {
    const target = this.#target;
    const { id, application, cluster } = target;
    const streams = [StreamName.target(id), StreamName.application(application), StreamName.cluster(cluster)];
    if (this.#context.log.hasQuarantined(streams)) {
      this.#runAgainAt(this.#context.clock.nowMs() + QUARANTINED_MS);
      return true;
    }
    const session = this.#context.session(cluster);
    const decision = decide(this.#context.fleet, target, await this.#facts(target, session));
    if (decision.type === 'wait') this.#runAgainAt(decision.untilMs);
    if (decision.type !== 'none' && decision.type !== 'wait') {
      const before = target.last?.syncId;
      await this.#act(target, session, decision);
      if (target.last?.syncId !== before) this.#isHealthAwaited = true;
      this.#observationDue = true;
      return false;
    }
    if (session?.ready !== true) return true;
    if (await this.#plans.next(target, session)) return false;
    return this.#observationDue ? this.#observe(target, session) : true;
  }

  async #act(target: TargetState, session: ClusterSession | undefined, decision: Decision): Promise<void> {
    switch (decision.type) {
      case 'sync':
        if (session !== undefined) await this.#syncs.sync(target, session, decision);
        return;
      case 'resume':
        if (session !== undefined) await this.#syncs.resume(target, session, decision);
        return;
      case 'remove':
        await this.#removal.remove(target, session, decision);
        return;
      case 'refuse':
        await this.#reports.refused(target, decision);
        return;
      default:
    }
  }

  async #facts(target: TargetState, session: ClusterSession | undefined): Promise<LiveFacts> {
    const ready = session?.ready === true;
    const base = {
      nowMs: this.#context.clock.nowMs(),
      ready,
      connectedAtMs: session?.connectedAtMs ?? 0,
      deletionDone: false,
      claimFree: false,
      kindArrived: false,
    };
    if (!ready || target.last === undefined || target.last.result === 'Succeeded') return base;
    const { claims, foreign, unknownKinds } = target.last;
    if (foreign.length > 0 || unknownKinds.length > 0) this.#runAgainAt(this.#context.clock.nowMs() + RECHECK_MS);
    return {
      ...base,
      deletionDone: await this.#deletionDone(target, session),
      claimFree:
        claims.some((key) => this.#context.ownership.claimsOf(session).isFreeFor(this.id, key)) ||
        foreign.some((key) => this.#isFree(session, key)),
      kindArrived: await this.#kindArrived(session, unknownKinds),
    };
  }

  async #deletionDone(target: TargetState, session: ClusterSession): Promise<boolean> {
    const inventory = await this.#context.inventories.of(target);
    for (const { key, uid, deleting } of inventory.values()) {
      if (deleting === true && session.cache.isLive(key) && session.cache.get(key)?.uid !== uid) return true;
    }
    return false;
  }

  #isFree(session: ClusterSession, key: string): boolean {
    const owner = ownerOf(session.cache.get(key)?.owner, key);
    return (
      session.cache.isLive(key) &&
      (owner === undefined || !this.#context.ownership.isHeldElsewhere(owner, session.name))
    );
  }

  async #kindArrived(session: ClusterSession, unknownKinds: readonly string[]): Promise<boolean> {
    for (const id of unknownKinds) if (await kindServed(session.client, id)) return true;
    return false;
  }

  /** Reports drift and health. Returns false if the target has to be worked on again at once. */
  async #observe(target: TargetState, session: ClusterSession): Promise<boolean> {
    if (target.removed || (target.last === undefined && target.inventoryDigest === undefined)) return true;
    this.#observationDue = false;
    const inventory = await this.#context.inventories.of(target);
    const tools = this.#context.tools(session);
    const isDone = await this.#reportDrift(target, await observeDrift(tools, this.#marks, inventory));
    const health = this.#watched(await observeHealth(tools, inventory));
    if (health === undefined) return isDone;
    const nowMs = this.#context.clock.nowMs();
    const { timeout } = syncSpecOf(this.#context.fleet, target);
    const report = overdue(health.report, target, { nowMs, timeout });
    if (healthSignature(report) !== target.health?.signature) {
      const { application, environment, cluster } = target;
      await this.#context.log.target(target, {
        type: 'HealthChanged',
        data: { application, environment, cluster, ...report },
      });
      this.#isHealthAwaited ||= report.health === 'Healthy';
    }
    if (report.health === 'Healthy' && this.#isHealthAwaited) {
      this.#isHealthAwaited = false;
      this.#recordWait(target);
    }
    this.#scheduleTimed(target, health.timed);
    return isDone;
  }

  async #reportDrift(target: TargetState, drift: DriftedObjects): Promise<boolean> {
    const { application, environment, cluster } = target;
    const isKnown = canonicalJson(drift) === canonicalJson(target.drift) && target.driftCause !== undefined;
    if (drift.length > 0 && !isKnown) {
      const data = { application, environment, cluster, objects: drift };
      await this.#context.log.target(target, { type: 'DriftDetected', data });
      this.#context.metrics.drifted(data);
      return false;
    }
    if (drift.length === 0 && target.drift.length > 0)
      await this.#context.log.target(target, { type: 'DriftResolved', data: { application, environment, cluster } });
    return true;
  }

  /** Records the time from the last sync until the target became healthy as a span. */
  #recordWait(target: TargetState): void {
    const { last } = target;
    if (last === undefined) return;
    const { correlationId, version, atMs } = last;
    const attributes = spanAttributes(target, version);
    recordSpan(this.#context.tracer, { name: 'wait', correlationId, attributes }, atMs);
  }

  /** A watch that is lost for a moment is not reported; after ten seconds, the health is unknown. */
  #watched(observed: HealthObservation | undefined): HealthObservation | undefined {
    const nowMs = this.#context.clock.nowMs();
    if (observed !== undefined) {
      this.#notWatchedSinceMs = undefined;
      return observed;
    }
    this.#notWatchedSinceMs ??= nowMs;
    this.#observationDue = true;
    this.#runAgainAt(nowMs + RECHECK_MS);
    return nowMs - this.#notWatchedSinceMs < NOT_WATCHED_MS ? undefined : { report: NOT_WATCHED, timed: false };
  }

  /** Schedules the next observation if time alone may change the health. */
  #scheduleTimed(target: TargetState, timed: boolean): void {
    const { health } = target;
    const nowMs = this.#context.clock.nowMs();
    const overdueMs =
      health?.health === 'Progressing' && health.progressingSinceMs !== undefined
        ? health.progressingSinceMs + durationMs(syncSpecOf(this.#context.fleet, target).timeout)
        : Number.POSITIVE_INFINITY;
    const atMs = Math.min(timed ? nowMs + RECHECK_MS : Number.POSITIVE_INFINITY, Math.max(overdueMs, nowMs + 100));
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#observationDue = true;
    this.#runAgainAt(atMs);
  }
}
