// SPDX-License-Identifier: Apache-2.0
import { type Clock, messageOf } from '@plumbline/core';
import type { Logger } from '@plumbline/platform';
import type { Archiver } from './archiver.js';
import type { RetentionConfig } from '../ledger/archive/retention.config.js';

const DAY_MS = 24 * 3_600_000;

/** What the loop needs. */
export interface RetentionLoopOptions {
  readonly archiver: Archiver;
  readonly config: RetentionConfig;
  readonly clock: Clock;
  /** True in the process that does it: the one that leads. */
  readonly leads: () => boolean;
  readonly logger: Pick<Logger, 'error' | 'info'>;
}

/**
 * Archives, takes out and removes what is old enough, now and then; a failure is told and tried again the next time.
 */
export class RetentionLoop {
  readonly #options: RetentionLoopOptions;

  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: RetentionLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running = this.#running.then(async () => this.run());
    }, this.#options.config.everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One round; never rejects. */
  async run(): Promise<void> {
    const { archiver, config, clock, leads, logger } = this.#options;
    if (!leads()) return;
    try {
      const nowMs = clock.nowMs();
      for (const partition of await archiver.finished(new Date(nowMs - config.archiveAfterDays * DAY_MS)))
        await archiver.archive(partition);
      for (const { first, detached } of await archiver.archives()) if (!detached) await archiver.detach(first);
      if (config.dropAfterDays === undefined) return;
      for (const first of await archiver.removable(new Date(nowMs - config.dropAfterDays * DAY_MS)))
        await archiver.drop(first);
    } catch (error) {
      logger.error('old events could not be archived; nothing is lost, and it is tried again', {
        reason: messageOf(error),
      });
    }
  }
}
