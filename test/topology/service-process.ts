// SPDX-License-Identifier: Apache-2.0
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { ManagedProcess } from '@plumbline/testkit';

/** One process of a topology; the same object over all its lives. */
export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  readonly isRunning: boolean;
  /** Everything that all lives have written. */
  readonly output: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL when that does not help; resolves when it is gone. */
  stop(): Promise<void>;
  /** Starts it again with the same settings; resolves when it is ready. */
  start(): Promise<void>;
}

/** What to run. */
export interface ServiceProcessOptions {
  readonly name: string;
  /** Path of the built entry point. */
  readonly main: string;
  readonly nodeArgs?: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly cwd: string;
  /** `http://host:port` of `/readyz`. */
  readonly healthUrl: string;
}

const START_TIMEOUT_MS = 90_000;

/** A built service in a process of its own, ready when it says so. */
export class NodeServiceProcess implements ServiceProcess {
  readonly #options: ServiceProcessOptions;

  readonly name: string;
  #process: ManagedProcess | undefined;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;

    this.name = options.name;
    if (!existsSync(options.main)) throw new Error(`${options.main} is not there: build first (npm run build)`);
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  get output(): string {
    return existsSync(this.#options.logFile) ? readFileSync(this.#options.logFile, 'utf8') : '';
  }

  async start(): Promise<void> {
    if (this.isRunning) return;
    const { name, main, nodeArgs = [], env, logFile, cwd, healthUrl } = this.#options;
    closeSync(openSync(logFile, 'a', 0o600));
    try {
      this.#process = await ManagedProcess.start({
        name,
        // The shell becomes the service (exec), so the log is whole and outlives it.
        command: '/bin/sh',
        args: ['-c', 'exec "$@" >>"$0" 2>&1', logFile, process.execPath, '--enable-source-maps', ...nodeArgs, main],
        env,
        cwd,
        startTimeoutMs: START_TIMEOUT_MS,
        stopTimeoutMs: 30_000,
        ready: async () => (await fetch(`${healthUrl}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok,
      });
    } catch (error) {
      throw new Error(`${name} did not start; the end of its log:\n${this.output.slice(-3_000)}`, { cause: error });
    }
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}
