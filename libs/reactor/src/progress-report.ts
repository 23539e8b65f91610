// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import { reactorInstruments } from './metrics.js';
import type { Quarantine } from './quarantine.js';
import type { ReactorOptions } from './reactor-options.js';

interface Progress {
  readonly next: number;
  readonly quarantine: Quarantine;
  readonly isCaughtUp: boolean;
  readonly isStopped: boolean;
}

/** Reports how far a reactor is, to metrics and readiness. */
export class ProgressReport {
  readonly #options: ReactorOptions;
  readonly #read: () => Progress;
  #head = 0;
  /** When the reactor was last seen to be behind, while it still is. */
  #behindSinceMs: number | undefined;
  /** Time of the last event that was processed since then. */
  #lastRecordedAt: string | undefined;
  #failure: string | undefined;
  #unobserve: () => void = () => undefined;

  constructor(options: ReactorOptions, read: () => Progress) {
    this.#options = options;
    this.#read = read;
  }

  start(): void {
    this.#behindSinceMs = this.#options.clock.nowMs();
    this.#unobserve = reactorInstruments(this.#options.meter).observe(this.#options.consumer, () => {
      const { next, quarantine } = this.#read();
      return {
        position: next - 1,
        lagEvents: Math.max(0, this.#head - next),
        lagSeconds: this.#lagSeconds(),
        quarantinedStreams: quarantine.size,
      };
    });
    this.changed();
  }

  stop(): void {
    this.#unobserve();
    this.changed();
  }

  /** The log is known to end at least there. */
  headIs(head: number): void {
    this.#head = Math.max(this.#head, head);
    if (this.#head > this.#read().next) this.#behindSinceMs ??= this.#options.clock.nowMs();
  }

  processed(event: RecordedEvent): void {
    this.#lastRecordedAt = event.recordedAt;
  }

  movedTo(next: number): void {
    if (next < this.#head) return;
    this.#head = next;
    this.#behindSinceMs = undefined;
    this.#lastRecordedAt = undefined;
  }

  /** The last step succeeded. */
  working(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.changed();
  }

  /** The log cannot be followed for now. */
  failing(message: string): void {
    this.#failure = message;
    this.changed();
  }

  /** Reports readiness. A quarantined stream does not make a service unready: everything else goes on. */
  changed(): void {
    const { isCaughtUp, isStopped, next, quarantine } = this.#read();
    const { consumer, readiness } = this.#options;
    const details = [
      isStopped ? 'stopping' : undefined,
      isCaughtUp ? undefined : `processing the log: at position ${next} of ${this.#head}`,
      this.#failure === undefined ? undefined : `the log cannot be followed: ${this.#failure}`,
      quarantine.describe(),
    ].filter((detail) => detail !== undefined);
    const detail = details.join('; ');
    readiness.report(consumer, isCaughtUp && !isStopped, detail === '' ? undefined : detail);
  }

  #lagSeconds(): number {
    if (this.#behindSinceMs === undefined) return 0;
    const oldestMs = this.#lastRecordedAt === undefined ? this.#behindSinceMs : Date.parse(this.#lastRecordedAt);
    return Math.max(0, (this.#options.clock.nowMs() - oldestMs) / 1_000);
  }
}
