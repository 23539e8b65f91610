// SPDX-License-Identifier: Apache-2.0
import type { EventPublisher } from '@plumbline/messaging';
import type { NoteSigner } from '@plumbline/merkle';
import { InputError, messageOf, UpstreamError } from '@plumbline/core';
import type { BodyPage, CommittedRange, ReadOptions, StoredBody } from '@plumbline/event-log';
import type { Logger } from '@plumbline/platform';
import type { LedLog } from '../read-models/projector.js';
import { publicationsOf } from './publication.js';

/** The log as the relay needs it. */
export interface RelayedLog extends LedLog {
  /** Borders of the commits that end at or above a position, in order. */
  commits(from: number, limit: number): Promise<readonly CommittedRange[]>;
  /** As `readBodies`, with personal data as it is stored and hashed: sealed. */
  readStoredBodies(options: ReadOptions): Promise<BodyPage>;
}

/** Where the relay keeps how far it has come. */
export interface PositionStore {
  load(): Promise<number>;
  save(position: number, epoch: number): Promise<void>;
}

/** What a relay needs. */
export interface RelayOptions {
  readonly log: RelayedLog;
  readonly publisher: EventPublisher;
  /** Signs each commit; the key of the checkpoints. Required where others can publish too. */
  readonly signer?: NoteSigner | undefined;
  readonly cursor: PositionStore;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /**
   * How long the cursor may stay behind while events flow, in milliseconds; 250 when absent. A crash repeats that
   * much.
   */
  readonly saveEveryMs?: number;
  /** Pause after the first failure; doubles up to `longestPauseMs`. 100 and 5,000 when absent. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
  readonly idlePollMs?: number;
}

function checkSigner({ publisher, signer }: RelayOptions): void {
  if (publisher.trustedKeys === undefined) return;
  if (signer === undefined)
    throw new InputError(
      'PLB-1915',
      'events on NATS are signed with the key of the log, and this process has none; set PLUMBLINE_LOG_SIGNING_KEY_FILE to log.key, which "plumb keygen" makes',
    );
  if (!publisher.trustedKeys.some(({ text }) => text === signer.key.text))
    throw new InputError(
      'PLB-1915',
      `the log is signed by a key that its services do not accept; write ${signer.key.text} into the file of PLUMBLINE_LOG_PUBLIC_KEY_FILE of every service`,
    );
}

const COMMITS_AT_ONCE = 200;
const SAVE_EVERY_MS = 250;

/**
 * Publishes every commit, in order, signed by the key of the log, from a durable position. At least once: after a
 * crash the last
 * messages are published again, the same as before. The log never waits for it.
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

  /**
   * @throws InputError PLB-1915 where others can publish too and there is no key, or one that consumers do not accept
   */
  constructor(options: RelayOptions) {
    this.#options = options;
    checkSigner(options);
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
    // The database shows a commit a moment before this process knows that it succeeded: such a one is left for the
    // next step.
    const commits =
      this.#next < head
        ? (await log.commits(this.#next, COMMITS_AT_ONCE)).filter(({ lastPosition }) => lastPosition < head)
        : [];
    await this.#publish(commits, this.#next);
    if (commits.length === 0) await this.#save({ always: false });
    return commits.length > 0;
  }

  async #publish(commits: readonly CommittedRange[], from: number): Promise<void> {
    const { publisher, signer } = this.#options;
    const source = { signer, bodiesOf: async (commit: CommittedRange) => this.#bodies(commit) };
    for await (const { messages, next } of publicationsOf(commits, from, source)) {
      if (!this.#running) return;
      await publisher.publish(messages);
      this.#next = next;
      if (this.#failing) this.#options.logger.info('events are published again', { position: next });
      this.#failing = false;
      await this.#save({ always: false });
    }
  }

  async #bodies(commit: CommittedRange): Promise<readonly StoredBody[]> {
    const bodies: StoredBody[] = [];
    for (let from = commit.firstPosition; from <= commit.lastPosition;) {
      const page = await this.#options.log.readStoredBodies({ from, limit: commit.lastPosition - from + 1 });
      bodies.push(...page.bodies);
      if (page.nextPosition === from) {
        if (!this.#running) throw new UpstreamError('PLB-6002', 'the relay stopped before a commit could be read');
        // The database shows a commit a moment before its writer has heard of it, and hears of it only if this loop
        // lets go.
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
