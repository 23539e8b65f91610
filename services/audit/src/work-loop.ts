// SPDX-License-Identifier: Apache-2.0

/** How a {@link WorkLoop} goes. */
export interface WorkLoopOptions {
  /** Does what is due; returns the milliseconds until it wants to look again without being stirred. MUST NOT throw. */
  readonly step: () => Promise<number>;
}

/** Runs a step again and again: after the pause that it asked for, or at once when stirred. One step at a time. */
export class WorkLoop {
  readonly #options: WorkLoopOptions;

  #running = false;
  #stirred = false;
  #wake: (() => void) | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: WorkLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    this.#loop = this.#run();
  }

  /** Looks again now. */
  stir(): void {
    this.#stirred = true;
    this.#wake?.();
  }

  /** Resolves after the step in hand. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#wake?.();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (this.#running) {
      this.#stirred = false;
      const pauseMs = await this.#options.step();
      if (this.#stirred || !this.#running) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        this.#wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }
}
