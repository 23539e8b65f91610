// SPDX-License-Identifier: Apache-2.0
import type { EventBus } from '@plumbline/messaging';
import { messageOf, UpstreamError } from '@plumbline/core';
import type { CommittedRange, StoredBody } from '@plumbline/event-log';
import type { Logger } from '@plumbline/platform';
import type { LedLog } from '../read-models/projector.js';
import { envelopesOf } from './envelopes.js';

/** The log as the relay needs it. */
export interface RelayedLog extends LedLog {
  /** Borders of the commits that end at or above a position, in order. */
  commits(from: number, limit: number): Promise<readonly CommittedRange[]>;
}

/** Where the relay keeps how far it has come. */
export interface PositionStore {
  load(): Promise<number>;
  save(position: number, epoch: number): Promise<void>;
}

/** What a relay needs. */
export interface RelayOptions {
  readonly log: RelayedLog;
  readonly bus: EventBus;
  readonly cursor: PositionStore;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /** How long the cursor may stay behind while events flow, in milliseconds; 250 when absent. A crash repeats that much. */
  readonly saveEveryMs?: number;
  /** Pause after the first failure; doubles up to `longestPauseMs`. 100 and 5,000 when absent. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
  readonly idlePollMs?: number;
}

const COMMITS_AT_ONCE = 200;
const SAVE_EVERY_MS = 250;

/**
 * Publishes every commit to the bus, in order, from a durable position. At least once: after a crash the last messages go out again,
 * the same as before. The log never waits for it.
 */
export class Relay {
  readonly #options: RelayOptions;

  #running = false;
  #loop: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  #stirred = false;
  #next: number | undefined;
  #saved = 0;
  #savedAtMs = 0;
  #unsubscribe: (() => void)[] = [];
  #failing = false;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** The next position to publish; undefined while this process does not lead. */
  get position(): number | undefined {
    return this.#next;
  }

  start(): void {
    this.#running = true;
    const stir = (): void => this.#stir();
    this.#unsubscribe = [this.#options.log.onCommitted(stir), this.#options.log.onLead(stir)];
    this.#loop = this.#run();
  }

  /** Stops after the commit in hand and keeps the position. */
  async stop(): Promise<void> {
    this.#running = false;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#stir();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const {
      firstPauseMs = 100,
      longestPauseMs = 5_000,
      idlePollMs = 1_000,
      saveEveryMs = SAVE_EVERY_MS,
    } = this.#options;
    let pauseMs = firstPauseMs;
    while (this.#running) {
      this.#stirred = false;
      try {
        const moved = await this.#step();
        pauseMs = firstPauseMs;
        // What is published but not noted waits for the next save, not for the next event.
        if (!moved)
          await this.#sleep(this.#next === undefined || this.#next === this.#saved ? idlePollMs : saveEveryMs);
      } catch (error) {
        if (!this.#failing)
          this.#options.logger.warn('events cannot be published; the log goes on and services read from it', {
            reason: messageOf(error),
            position: this.#next,
          });
        this.#failing = true;
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
    }
    await this.#save({ always: true }).catch(() => undefined);
  }

  /** What is there, up to a bound; false when there was nothing. */
  async #step(): Promise<boolean> {
    const { log, cursor } = this.#options;
    if (log.epoch === undefined) {
      this.#next = undefined;
      return false;
    }
    if (this.#next === undefined) {
      this.#saved = await cursor.load();
      this.#next = this.#saved;
    }
    const head = await log.head();
    // The database shows a commit a moment before this process knows that it succeeded: such a one is left for the next step.
    const commits =
      this.#next < head
        ? (await log.commits(this.#next, COMMITS_AT_ONCE)).filter(({ lastPosition }) => lastPosition < head)
        : [];
    for (const commit of commits) {
      if (!this.#running) return true;
      await this.#publish(commit);
      await this.#save({ always: false });
    }
    if (commits.length === 0) await this.#save({ always: false });
    return commits.length > 0;
  }

  async #publish(commit: CommittedRange): Promise<void> {
    for (const envelope of envelopesOf(await this.#bodies(commit))) {
      // Published before, within this commit; the cut is where it was.
      if (this.#next !== undefined && envelope.lastPosition < this.#next) continue;
      await this.#options.bus.publish(envelope);
      this.#next = envelope.lastPosition + 1;
    }
    if (this.#failing) this.#options.logger.info('events are published again', { position: this.#next });
    this.#failing = false;
  }

  async #bodies(commit: CommittedRange): Promise<readonly StoredBody[]> {
    const bodies: StoredBody[] = [];
    for (let from = commit.firstPosition; from <= commit.lastPosition;) {
      const page = await this.#options.log.readBodies({ from, limit: commit.lastPosition - from + 1 });
      bodies.push(...page.bodies);
      if (page.nextPosition === from) {
        if (!this.#running) throw new UpstreamError('PLB-6002', 'the relay stopped before a commit could be read');
        // The database shows a commit a moment before its writer has heard of it, and hears of it only if this loop lets go.
        await this.#pause(1);
      }
      from = page.nextPosition;
    }
    return bodies;
  }

  /** Not after each message: that would cost a sync of the disk each. */
  async #save(how: { readonly always: boolean }): Promise<void> {
    const { log, cursor, saveEveryMs = SAVE_EVERY_MS } = this.#options;
    const nowMs = performance.now();
    if (this.#next === undefined || log.epoch === undefined || this.#next === this.#saved) return;
    if (!how.always && nowMs - this.#savedAtMs < saveEveryMs) return;
    const position = this.#next;
    await cursor.save(position, log.epoch);
    this.#saved = position;
    this.#savedAtMs = nowMs;
  }

  #stir(): void {
    this.#stirred = true;
    this.#wake?.();
  }

  #sleep(ms: number): Promise<void> {
    if (this.#stirred) return Promise.resolve();
    return this.#pause(ms, { wakeable: true });
  }

  /** New commits do not shorten the pause after a failure. */
  #pause(ms: number, how: { readonly wakeable: boolean } = { wakeable: false }): Promise<void> {
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = (): void => {
        if (how.wakeable || !this.#running) done();
      };
    });
  }
}
