// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { UpstreamError } from '@plumbline/core';
import type { ServerAccount } from './server-account.js';

const KEPT_CHARS = 8_000;
const LEAVE_MS = 1_000;

/** How PostgreSQL programs are called. */
export interface PostgresCall {
  readonly program: string;
  readonly args: readonly string[];
  /** The working directory; as root it is how a directory below a closed one is reached. */
  readonly cwd: string;
  readonly account: ServerAccount | undefined;
}

function spawnOptions(call: PostgresCall): SpawnOptions {
  return {
    cwd: call.cwd,
    // Nothing of our environment is PostgreSQL's business; a PGDATA or PGPORT in it would even change what it does.
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C at the terminal is for us, and we stop the database last.
    detached: true,
    ...(call.account === undefined ? {} : { uid: call.account.uid, gid: call.account.gid }),
  };
}

/** A PostgreSQL server process and the last lines that it said. */
export class PostgresProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<string>;
  readonly #onExit: () => void;
  #output = '';
  #exit: string | undefined;

  constructor(call: PostgresCall) {
    const child = spawn(call.program, [...call.args], spawnOptions(call));
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-KEPT_CHARS);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    // Our own exit by any way but SIGKILL takes the database along.
    this.#onExit = () => child.kill('SIGINT');
    process.once('exit', this.#onExit);
    this.#exited = new Promise((resolve) => {
      const settle = (reason: string): void => {
        this.#exit ??= reason;
        process.off('exit', this.#onExit);
        resolve(this.#exit);
      };
      child.once('error', (error) => settle(error.message));
      child.once('close', (code, signal) => settle(signal === null ? `exit code ${String(code)}` : `signal ${signal}`));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it said last. */
  get output(): string {
    return this.#output;
  }

  /** How it ended, or undefined while it runs. */
  get exit(): string | undefined {
    return this.#exit;
  }

  /** Resolves with how it ended. */
  async exited(): Promise<string> {
    return this.#exited;
  }

  /**
   * Lets clients that are leaving leave, then disconnects the others and ends orderly; after the patience is over, at
   * once
   * (it recovers at the next start).
   */
  async stop(patienceMs: number): Promise<void> {
    if (this.#exit !== undefined) return;
    this.#child.kill('SIGTERM');
    const timers = [
      setTimeout(() => this.#child.kill('SIGINT'), Math.min(LEAVE_MS, patienceMs)),
      setTimeout(() => this.#child.kill('SIGQUIT'), patienceMs),
    ];
    await this.#exited;
    for (const timer of timers) clearTimeout(timer);
  }
}

/** Runs a PostgreSQL program to its end. @throws UpstreamError PLB-6911 with its last output. */
export async function runToEnd(call: PostgresCall): Promise<void> {
  const running = new PostgresProcess(call);
  const exit = await running.exited();
  if (exit !== 'exit code 0')
    throw new UpstreamError('PLB-6911', `${call.program} ended with ${exit}: ${running.output.trim()}`, {
      retry: 'never',
    });
}
