// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import type { Accepted, LogAccess } from './log-access.js';

/** How long to wait for what. */
export interface OutcomeWait {
  readonly accepted: Accepted;
  readonly timeoutMs: number;
  /**
   * Looks at each event that the request led to; true ends the wait. Events that were committed together are all
   * looked at.
   */
  readonly onOutcome: (event: RecordedEvent) => boolean;
}

/** Watches the log for the events that a request led to; resolves when told so, or when the time is over. */
export async function waitForOutcome(access: LogAccess, wait: OutcomeWait): Promise<void> {
  if (wait.timeoutMs <= 0) return;
  const signal = AbortSignal.any([AbortSignal.timeout(wait.timeoutMs), access.closing]);
  for await (const events of access.feed.batches({ after: wait.accepted.position, signal })) {
    let done = false;
    for (const event of events) {
      if (event.causationId === wait.accepted.eventId) done = wait.onOutcome(event) || done;
    }
    if (done) return;
  }
}
