// SPDX-License-Identifier: Apache-2.0
import { type Clock, InvariantError, messageOf } from '@plumbline/core';
import type { ConsistencyAnswer } from '@plumbline/event-log';
import type { Logger } from '@plumbline/platform';
import type { CheckpointStore, StoredCheckpoint } from './checkpoint-store.js';
import type { WitnessClient } from './witness-client.js';
import { WorkLoop } from '../work-loop.js';

/** What the work with one witness needs. */
export interface WitnessingOptions {
  readonly witness: Pick<WitnessClient, 'add' | 'name'>;
  readonly checkpoints: CheckpointStore;
  readonly consistency: (from: number, to: number) => Promise<ConsistencyAnswer>;
  /** True while this process leads the log. */
  readonly leads: () => boolean;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info'>;
  readonly everyMs: number;
  readonly alarmMs: number;
}

const LONGEST_PAUSE_MS = 60_000;

/**
 * Brings the newest checkpoint to one witness, again and again. The log never waits for it; what waits too long is an
 * alarm.
 */
export class Witnessing {
  readonly #options: WitnessingOptions;

  readonly #loop = new WorkLoop({ step: () => this.#step() });
  /** What the witness cosigned last, as far as we know; it tells when that is wrong. */
  #size = 0;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #pauseMs: number;
  #failing = false;
  #alarmed = false;
  /** Since when something waits for a cosignature. */
  #waitingSinceMs: number | undefined;

  constructor(options: WitnessingOptions) {
    this.#options = options;

    this.#pauseMs = options.everyMs;
  }

  get name(): string {
    return this.#options.witness.name;
  }

  /**
   * Seconds that a checkpoint has waited for this witness; 0 when none waits, undefined while another process leads.
   */
  get ageSeconds(): number | undefined {
    if (!this.#options.leads()) return undefined;
    return this.#waitingSinceMs === undefined
      ? 0
      : Math.max(0, (this.#options.clock.nowMs() - this.#waitingSinceMs) / 1_000);
  }

  start(): void {
    this.#loop.start();
  }

  /** A checkpoint was published. */
  stir(): void {
    this.#waitingSinceMs ??= this.#options.clock.nowMs();
    this.#loop.stir();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  async #step(): Promise<number> {
    const { leads, everyMs } = this.#options;
    if (!leads()) {
      this.#waitingSinceMs = undefined;
      return everyMs;
    }
    this.#watchAge();
    const waitMs = this.#nextAtMs - performance.now();
    if (waitMs > 0) return Math.min(waitMs, everyMs);
    try {
      await this.#bring();
      this.#pauseMs = everyMs;
    } catch (error) {
      this.#complain(error);
      this.#pauseMs = Math.min(this.#pauseMs * 2, Math.max(LONGEST_PAUSE_MS, everyMs));
    }
    this.#nextAtMs = performance.now() + this.#pauseMs;
    return Math.min(this.#pauseMs, everyMs);
  }

  async #bring(): Promise<void> {
    const newest = await this.#options.checkpoints.newestPublished();
    if (newest === undefined || newest.size <= this.#size) {
      this.#waitingSinceMs = undefined;
      return;
    }
    this.#waitingSinceMs ??= this.#options.clock.nowMs();
    await this.#add(newest);
    // Whatever was published meanwhile begins to wait with its own stir.
    this.#waitingSinceMs = undefined;
    if (this.#failing) this.#options.logger.info('a witness cosigns again', { witness: this.name, size: newest.size });
    this.#failing = false;
    this.#alarmed = false;
  }

  async #add({ size, note }: StoredCheckpoint): Promise<void> {
    const { witness, checkpoints, consistency } = this.#options;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { proof } = await consistency(this.#size, size);
      const answer = await witness.add({ oldSize: this.#size, proof, note });
      if (answer.type === 'cosigned') {
        await checkpoints.cosign(size, answer.line);
        this.#size = size;
        return;
      }
      if (answer.size > size) {
        throw new InvariantError(
          'PLB-9116',
          `the witness ${this.name} has cosigned ${answer.size} events under our name, and our newest checkpoint has ${size}: an older copy of the log was put back, or there are two`,
        );
      }
      this.#size = answer.size;
    }
  }

  #complain(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    const { logger } = this.#options;
    if (error instanceof InvariantError)
      logger.error('a witness has seen another log under our name', {
        witness: this.name,
        errorCode: error.code,
        reason: messageOf(error),
      });
    else
      logger.warn('a witness does not cosign; the log goes on and asks again', {
        witness: this.name,
        reason: messageOf(error),
      });
  }

  #watchAge(): void {
    const age = this.ageSeconds ?? 0;
    if (this.#alarmed || age * 1_000 < this.#options.alarmMs) return;
    this.#alarmed = true;
    this.#options.logger.error(
      'checkpoints of the log wait too long for a witness: nobody else can tell that the log is not rewritten',
      { witness: this.name, seconds: Math.round(age) },
    );
  }
}
