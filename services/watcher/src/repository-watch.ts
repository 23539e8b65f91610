// SPDX-License-Identifier: Apache-2.0
import { nextLookMs } from './domain/decide.js';

/** How a {@link RepositoryWatch} works. */
export interface RepositoryWatchOptions {
  readonly intervalMs: () => number;
  /** Looks once; false when the repository could not be reached. Handles its own errors. */
  readonly look: () => Promise<boolean>;
}

/** The life of one repository: looks at intervals and when woken, never twice at once. */
export class RepositoryWatch {
  readonly #options: RepositoryWatchOptions;

  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #wokenMeanwhile = false;
  #stopped = false;
  #failures = 0;

  constructor(options: RepositoryWatchOptions) {
    this.#options = options;
  }

  /** True when the last look failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Looks now. During a look: once more after it, however often it is called. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#wokenMeanwhile = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#wokenMeanwhile) this.wake();
    });
  }

  /** Ends after the look in hand. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#wokenMeanwhile = false;
    const reached = await this.#options.look();
    this.#failures = reached ? 0 : this.#failures + 1;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.wake(), nextLookMs(this.#options.intervalMs(), this.#failures, Math.random()));
    this.#timer.unref();
  }
}
