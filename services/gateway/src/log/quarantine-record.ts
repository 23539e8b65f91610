// SPDX-License-Identifier: Apache-2.0
import { StreamName } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import { type QuarantineView, ViewStore } from '@plumbline/read-models';

const STREAM = StreamName.parse('log-quarantine');

/**
 * What consumers have recorded in the log about quarantined streams. Each {@link refresh} reads the new events only.
 */
export class QuarantineRecord {
  readonly #log: Pick<EventLog, 'readStream'>;
  readonly #views = new ViewStore({ kinds: ['quarantine'] });
  readonly #reportedAt = new Map<string, string>();
  #nextRevision = 0;

  constructor(log: Pick<EventLog, 'readStream'>) {
    this.#log = log;
  }

  /** Quarantined streams, in no particular order. */
  get documents(): readonly QuarantineView[] {
    return [...this.#views.all('quarantine')];
  }

  /** Time of the newest report of a consumer; `undefined` without one. */
  reportedAt(consumer: string): string | undefined {
    return this.#reportedAt.get(consumer);
  }

  /** Reads up to the head of the stream. @throws UpstreamError PLB-6001 when the log cannot be read */
  async refresh(): Promise<void> {
    for (const event of await this.#log.readStream(STREAM, this.#nextRevision)) {
      this.#views.apply(event);
      this.#nextRevision = event.revision + 1;
      if (event.type === 'StreamQuarantined' || event.type === 'StreamRecovered')
        this.#reportedAt.set(event.data.consumer, event.recordedAt);
    }
  }
}
