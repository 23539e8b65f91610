// SPDX-License-Identifier: Apache-2.0
import type { ChangeAction, EventOf, RecordedEvent } from '@plumbline/events';
import { versionKey } from '@plumbline/read-models';

/** How one sync of a version on a cluster ended. */
export interface TargetOutcome {
  readonly cluster: string;
  readonly syncId: string;
  readonly cause: EventOf<'SyncCompleted'>['data']['cause'];
  readonly result: 'Succeeded' | 'Failed' | 'Partial' | 'Refused';
  readonly reason: string;
  readonly message: string;
  readonly counts: Readonly<Partial<Record<ChangeAction, number>>>;
  readonly at: string;
  readonly durationMs: number;
  readonly position: number;
}

/** Outcomes kept of a version in an environment: history is for people, the audit query has all of them. */
const KEPT = 50;

/** Contents of an {@link OutcomeBook}: outcomes by version. */
export type OutcomeSnapshot = readonly (readonly [version: string, readonly TargetOutcome[]])[];

/** The outcomes of the syncs of each version, newest first. */
export class OutcomeBook {
  readonly #outcomes = new Map<string, readonly TargetOutcome[]>();

  apply(event: RecordedEvent): void {
    if (event.type === 'SyncCompleted') {
      const { cluster, syncId, cause, result, reason, message, changes, durationMs } = event.data;
      this.#add(event.data, {
        cluster,
        syncId,
        cause,
        result,
        reason,
        message,
        counts: changes.counts,
        at: event.recordedAt,
        durationMs,
        position: event.position,
      });
    } else if (event.type === 'SyncRefused') {
      const { cluster, releaseId, reason, message } = event.data;
      this.#add(event.data, {
        cluster,
        syncId: releaseId,
        cause: 'Release',
        result: 'Refused',
        reason,
        message,
        counts: {},
        at: event.recordedAt,
        durationMs: 0,
        position: event.position,
      });
    }
  }

  /** Returns the contents as JSON values. */
  snapshot(): OutcomeSnapshot {
    return [...this.#outcomes];
  }

  /** Replaces the contents by those of {@link snapshot}. */
  restore(outcomes: OutcomeSnapshot): void {
    this.#outcomes.clear();
    for (const [version, ended] of outcomes) this.#outcomes.set(version, ended);
  }

  /** Outcomes of a version in an environment, newest first. */
  of(application: string, version: number, environment: string): readonly TargetOutcome[] {
    return this.#outcomes.get(versionKey(application, version, environment)) ?? [];
  }

  #add(
    at: { readonly application: string; readonly version: number; readonly environment: string },
    outcome: TargetOutcome,
  ): void {
    const key = versionKey(at.application, at.version, at.environment);
    this.#outcomes.set(key, [outcome, ...(this.#outcomes.get(key) ?? [])].slice(0, KEPT));
  }
}
