// SPDX-License-Identifier: Apache-2.0

/** Sync states of a target, used by events, REST, CLI and alerts alike. */
export const SyncState = ['Synced', 'OutOfSync', 'Syncing', 'Failed', 'Waiting', 'Refused', 'Unknown'] as const;
/** One of {@link SyncState}. */
export type SyncState = (typeof SyncState)[number];

/** Health of an object or a target, from best to worst. */
export const HealthState = ['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown'] as const;
/** One of {@link HealthState}. */
export type HealthState = (typeof HealthState)[number];

/** A state with its reason (one CamelCase word), a message for people, and since when (RFC 3339). */
export interface Condition<State extends string> {
  readonly state: State;
  readonly reason: string;
  readonly message: string;
  readonly since: string;
}

/** The worse of two health states; an application is as healthy as its worst object. */
export function worstHealth(states: Iterable<HealthState>): HealthState {
  let worst = 0;
  for (const state of states) worst = Math.max(worst, HealthState.indexOf(state));
  return HealthState[worst] ?? 'Unknown';
}

/** The next condition: keeps `since` when the state did not change. */
export function nextCondition<State extends string>(
  previous: Condition<State> | undefined,
  next: Condition<State>,
): Condition<State> {
  return previous?.state === next.state ? { ...next, since: previous.since } : next;
}
