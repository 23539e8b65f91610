// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, ConflictError, messageOf, type TargetId } from '@plumbline/core';
import { durationMs } from '@plumbline/events';
import { kindServed } from '../clusters/kinds.js';
import type { ClusterSession } from '../clusters/cluster-session.js';
import { decide, type Decision, type LiveFacts } from '../domain/decide.js';
import { healthSignature, type TargetState } from '../domain/target-state.js';
import { Marks, ownerOf } from '../domain/owner-marks.js';
import { type HealthObservation, NOT_WATCHED, observeDrift, observeHealth, overdue } from './observe.js';
import { SyncReports } from './sync-reports.js';
import { syncSpecOf, type TargetContext } from './target-context.js';
import { TargetPlans } from './target-plans.js';
import { TargetRemoval } from './target-removal.js';
import { TargetSyncs } from './target-syncs.js';

const OBSERVE_DEBOUNCE_MS = 100;
const RECHECK_MS = 5_000;
const NOT_WATCHED_MS = 10_000;
const RECHECK_LATER_MS = 5_000;
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 60_000;

/** Works on one target, one action at a time. Everything that changes during an action is seen together by the next turn. */
export class TargetRunner {
  readonly #context: TargetContext;

  #dirty = false;
  #observeDue = true;
  #running: Promise<void> | undefined;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #failures = 0;
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

  /** True while the target is worked on. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Decides on the target now, because an input of the decision changed. */
  schedule(): void {
    this.#dirty = true;
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
      if (this.#dirty && !this.#stopped) this.schedule();
    });
  }

  /** Observes the target soon, together with further changes, because an object of it changed. */
  scheduleObservation(): void {
    this.#observeDue = true;
    this.#wakeAt(this.#context.clock.nowMs() + OBSERVE_DEBOUNCE_MS);
  }

  /** Resolves when the current action is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false;
      try {
        await this.#turn();
        this.#failures = 0;
      } catch (error) {
        await this.#failed(error);
      }
    }
  }

  async #failed(error: unknown): Promise<void> {
    this.#failures += 1;
    if (error instanceof ConflictError && this.#failures <= 3) {
      // Another process appended to the stream of the target: fold its events, then decide again.
      this.#dirty = await this.#context.refold(this.id).then(
        () => true,
        () => false,
      );
      if (this.#dirty) return;
    }
    const delayMs = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** (this.#failures - 1));
    this.#context.session(this.#target.cluster)?.suspect();
    this.#context.logger.warn('the work on a target failed; retrying', {
      target: this.id,
      message: messageOf(error),
      delayMs,
    });
    this.#wakeAt(this.#context.clock.nowMs() + delayMs);
  }

  get #target(): TargetState {
    return this.#context.fleet.target(this.id);
  }

  async #turn(): Promise<void> {
    const target = this.#target;
    const session = this.#context.session(target.cluster);
    const decision = decide(this.#context.fleet, target, await this.#facts(target, session));
    if (decision.type === 'wait') this.#wakeAt(decision.untilMs);
    if (decision.type !== 'none' && decision.type !== 'wait') {
      await this.#act(target, session, decision);
      this.#observeDue = true;
      this.#dirty = true;
      return;
    }
    if (session?.ready !== true) return;
    if (await this.#plans.next(target, session)) {
      this.#dirty = true;
      return;
    }
    if (this.#observeDue) await this.#observe(target, session);
  }

  async #act(target: TargetState, session: ClusterSession | undefined, decision: Decision): Promise<void> {
    const slots = this.#context.slots(target.cluster);
    switch (decision.type) {
      case 'sync':
        if (session !== undefined) await slots.run(() => this.#syncs.sync(target, session, decision));
        return;
      case 'resume':
        if (session !== undefined) await slots.run(() => this.#syncs.resume(target, session, decision));
        return;
      case 'remove':
        await slots.run(() => this.#removal.remove(target, session, decision));
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
    if (foreign.length > 0 || unknownKinds.length > 0) this.#wakeAt(this.#context.clock.nowMs() + RECHECK_LATER_MS);
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

  async #observe(target: TargetState, session: ClusterSession): Promise<void> {
    if (target.removed || (target.last === undefined && target.inventoryDigest === undefined)) return;
    this.#observeDue = false;
    const inventory = await this.#context.inventories.of(target);
    const tools = this.#context.tools(session);
    const drift = await observeDrift(tools, this.#marks, inventory);
    const same = canonicalJson(drift) === canonicalJson(target.drift);
    if (drift.length > 0 && (!same || target.driftCause === undefined)) {
      const { application, environment, cluster } = target;
      const data = { application, environment, cluster, objects: drift };
      await this.#context.log.target(target, { type: 'DriftDetected', data });
      this.#context.metrics.drifted(data);
      this.#dirty = true;
    } else if (drift.length === 0 && target.drift.length > 0) {
      const { application, environment, cluster } = target;
      await this.#context.log.target(target, { type: 'DriftResolved', data: { application, environment, cluster } });
    }
    const health = this.#watched(await observeHealth(tools, inventory));
    if (health === undefined) return;
    const report = overdue(health.report, target, {
      nowMs: this.#context.clock.nowMs(),
      timeout: syncSpecOf(this.#context.fleet, target).timeout,
    });
    if (healthSignature(report) !== target.health?.signature) {
      const { application, environment, cluster } = target;
      await this.#context.log.target(target, {
        type: 'HealthChanged',
        data: { application, environment, cluster, ...report },
      });
    }
    this.#scheduleTimed(target, health.timed);
  }

  /** A watch that is lost for a moment is not reported; after ten seconds, the health is unknown. */
  #watched(observed: HealthObservation | undefined): HealthObservation | undefined {
    const nowMs = this.#context.clock.nowMs();
    if (observed !== undefined) {
      this.#notWatchedSinceMs = undefined;
      return observed;
    }
    this.#notWatchedSinceMs ??= nowMs;
    this.#observeDue = true;
    this.#wakeAt(nowMs + RECHECK_MS);
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
    this.#observeDue = true;
    this.#wakeAt(atMs);
  }

  #wakeAt(atMs: number): void {
    if (this.#stopped || atMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.schedule();
      },
      Math.max(0, atMs - this.#context.clock.nowMs()),
    );
  }
}
