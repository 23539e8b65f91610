// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, ConflictError, messageOf, type TargetId } from '@plumbline/core';
import { durationMs } from '@plumbline/events';
import { kindServed } from '../clusters/kinds.js';
import type { ClusterSession } from '../clusters/cluster-session.js';
import { decide, type Decision, type LiveFacts } from '../domain/decide.js';
import { healthSignature, type TargetState } from '../domain/target-state.js';
import { Marks, ownerOf } from '../domain/ownership.js';
import { BLIND, type HealthObservation, observeDrift, observeHealth, overdue } from './observe.js';
import type { RunnerDeps } from './runner-deps.js';
import { TargetPlans } from './target-plans.js';
import { TargetSyncs } from './target-syncs.js';

const OBSERVE_DEBOUNCE_MS = 100;
const RECHECK_MS = 5_000;
const BLIND_MS = 10_000;
const RECHECK_LATER_MS = 5_000;
const TROUBLE_FIRST_MS = 500;
const TROUBLE_LAST_MS = 60_000;

/** Does what is due for one target, one thing at a time: whatever came meanwhile is seen together at the next look. */
export class TargetRunner {
  readonly #deps: RunnerDeps;

  #dirty = false;
  #observeDue = true;
  #running: Promise<void> | undefined;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #troubles = 0;
  #blindSinceMs: number | undefined;
  readonly #marks: Marks;
  readonly #syncs: TargetSyncs;
  readonly #plans: TargetPlans;

  constructor(
    readonly id: TargetId,
    deps: RunnerDeps,
  ) {
    this.#deps = deps;

    this.#marks = new Marks(deps.config.installation, id);
    this.#syncs = new TargetSyncs(deps, this.#marks);
    this.#plans = new TargetPlans(deps, this.#marks);
  }

  /** True while work is under way. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Something that decides about the target changed: look now. */
  kick(): void {
    this.#dirty = true;
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
      if (this.#dirty && !this.#stopped) this.kick();
    });
  }

  /** An object of the target changed: look soon, together with what else changes in the meantime. */
  notice(): void {
    this.#observeDue = true;
    this.#wakeAt(this.#deps.clock.nowMs() + OBSERVE_DEBOUNCE_MS);
  }

  /** Ends after the work in hand. */
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
        this.#troubles = 0;
      } catch (error) {
        await this.#trouble(error);
      }
    }
  }

  async #trouble(error: unknown): Promise<void> {
    this.#troubles += 1;
    if (error instanceof ConflictError && this.#troubles <= 3) {
      // Somebody else appended to the target's stream: see it, then decide again.
      this.#dirty = await this.#deps.refold(this.id).then(
        () => true,
        () => false,
      );
      if (this.#dirty) return;
    }
    const delayMs = Math.min(TROUBLE_LAST_MS, TROUBLE_FIRST_MS * 2 ** (this.#troubles - 1));
    this.#deps.session(this.#target.cluster)?.suspect();
    this.#deps.logger.warn('a target could not be worked on; trying again', {
      target: this.id,
      message: messageOf(error),
      delayMs,
    });
    this.#wakeAt(this.#deps.clock.nowMs() + delayMs);
  }

  get #target(): TargetState {
    return this.#deps.fleet.target(this.id);
  }

  async #turn(): Promise<void> {
    const target = this.#target;
    const session = this.#deps.session(target.cluster);
    const decision = decide(this.#deps.fleet, target, await this.#facts(target, session));
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
    switch (decision.type) {
      case 'sync':
        if (session !== undefined) await this.#syncs.sync(target, session, decision);
        return;
      case 'resume':
        if (session !== undefined) await this.#syncs.resume(target, session, decision);
        return;
      case 'remove':
        await this.#syncs.remove(target, session, decision);
        return;
      case 'refuse':
        await this.#syncs.refuse(target, decision);
        return;
      default:
    }
  }

  async #facts(target: TargetState, session: ClusterSession | undefined): Promise<LiveFacts> {
    const ready = session?.ready === true;
    const base = {
      nowMs: this.#deps.clock.nowMs(),
      ready,
      connectedAtMs: session?.connectedAtMs ?? 0,
      deletionDone: false,
      claimFree: false,
      kindArrived: false,
    };
    if (!ready || target.last === undefined || target.last.result === 'Succeeded') return base;
    const { claims, foreign, unknownKinds } = target.last;
    if (foreign.length > 0 || unknownKinds.length > 0) this.#wakeAt(this.#deps.clock.nowMs() + RECHECK_LATER_MS);
    return {
      ...base,
      deletionDone: await this.#deletionDone(target, session),
      claimFree:
        claims.some((key) => (session.claims.get(key) ?? this.id) === this.id) ||
        foreign.some((key) => this.#isFree(session, key)),
      kindArrived: await this.#kindArrived(session, unknownKinds),
    };
  }

  async #deletionDone(target: TargetState, session: ClusterSession): Promise<boolean> {
    const inventory = await this.#deps.inventories.of(target);
    for (const { key, uid, deleting } of inventory.values()) {
      if (deleting === true && session.cache.isLive(key) && session.cache.get(key)?.uid !== uid) return true;
    }
    return false;
  }

  #isFree(session: ClusterSession, key: string): boolean {
    const owner = ownerOf(session.cache.get(key)?.owner, key);
    return session.cache.isLive(key) && (owner === undefined || !this.#deps.heldElsewhere(owner, session.name));
  }

  async #kindArrived(session: ClusterSession, unknownKinds: readonly string[]): Promise<boolean> {
    for (const id of unknownKinds) if (await kindServed(session.client, id)) return true;
    return false;
  }

  async #observe(target: TargetState, session: ClusterSession): Promise<void> {
    if (target.removed || (target.last === undefined && target.inventoryDigest === undefined)) return;
    this.#observeDue = false;
    const inventory = await this.#deps.inventories.of(target);
    const tools = this.#deps.tools(session);
    const drift = await observeDrift(tools, this.#marks, inventory);
    const same = canonicalJson(drift) === canonicalJson(target.drift);
    if (drift.length > 0 && (!same || target.driftCause === undefined)) {
      const { application, environment, cluster } = target;
      const data = { application, environment, cluster, objects: drift };
      await this.#deps.log.target(target, { type: 'DriftDetected', data });
      this.#deps.metrics.drifted(data);
      this.#dirty = true;
    } else if (drift.length === 0 && target.drift.length > 0) {
      const { application, environment, cluster } = target;
      await this.#deps.log.target(target, { type: 'DriftResolved', data: { application, environment, cluster } });
    }
    const health = this.#sighted(await observeHealth(tools, inventory));
    if (health === undefined) return;
    const report = overdue(health.report, target, {
      nowMs: this.#deps.clock.nowMs(),
      timeout: this.#timeoutOf(target),
    });
    if (healthSignature(report) !== target.health?.signature) {
      const { application, environment, cluster } = target;
      await this.#deps.log.target(target, {
        type: 'HealthChanged',
        data: { application, environment, cluster, ...report },
      });
    }
    this.#lookAgain(target, health.timed);
  }

  /** A watch that is lost for a moment is nothing to report; for longer, the health is unknown. */
  #sighted(seen: HealthObservation | undefined): HealthObservation | undefined {
    const nowMs = this.#deps.clock.nowMs();
    if (seen !== undefined) {
      this.#blindSinceMs = undefined;
      return seen;
    }
    this.#blindSinceMs ??= nowMs;
    this.#observeDue = true;
    this.#wakeAt(nowMs + RECHECK_MS);
    return nowMs - this.#blindSinceMs < BLIND_MS ? undefined : { report: BLIND, timed: false };
  }

  #timeoutOf(target: TargetState): string {
    return this.#deps.fleet.syncSpec(target.application, target.environment)?.timeout ?? '5m';
  }

  /** Where time alone may change the health, it is looked at again without an event of the cluster. */
  #lookAgain(target: TargetState, timed: boolean): void {
    const { health } = target;
    const nowMs = this.#deps.clock.nowMs();
    const overdueMs =
      health?.health === 'Progressing' && health.progressingSinceMs !== undefined
        ? health.progressingSinceMs + durationMs(this.#timeoutOf(target))
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
        this.kick();
      },
      Math.max(0, atMs - this.#deps.clock.nowMs()),
    );
  }
}
