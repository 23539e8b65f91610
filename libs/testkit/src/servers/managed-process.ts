// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { pollInterval } from '../polling.js';
import { guardProcess } from './exit-guard.js';

const KEPT_OUTPUT_CHARS = 64 * 1024;
const SHOWN_OUTPUT_CHARS = 4_000;

/** How to start, probe and stop one server process. */
export interface ManagedProcessOptions {
  /** Name in error messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Run as this user; only root may. */
  readonly runAs?: { readonly uid: number; readonly gid: number };
  /** True once the server answers. A rejection means "not yet". */
  readonly ready: (output: string) => Promise<boolean> | boolean;
  /** Default 120,000: a server that fails ends at once, and a slow machine needs its time. */
  readonly startTimeoutMs?: number;
  /** From the stop signal to SIGKILL; default 10,000. */
  readonly stopTimeoutMs?: number;
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
}

/** A real server process: started when it answers, stopped when it is gone. */
export class ManagedProcess implements AsyncDisposable {
  readonly #options: ManagedProcessOptions;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #output = '';
  #exit: string | undefined;

  private constructor(options: ManagedProcessOptions) {
    this.#options = options;
    const child = spawn(options.command, [...options.args], {
      env: options.env,
      cwd: options.cwd,
      uid: options.runAs?.uid,
      gid: options.runAs?.gid,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const release = guardProcess(child);
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-KEPT_OUTPUT_CHARS);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.#exited = new Promise((resolve) => {
      const settle = (reason: string): void => {
        this.#exit ??= reason;
        release();
        resolve();
      };
      child.once('error', (error) => settle(error.message));
      // 'close' and not 'exit': by then all of the last output has been read.
      child.once('close', (code, signal) => settle(signal === null ? `exit code ${String(code)}` : `signal ${signal}`));
    });
  }

  /** Resolves when the server is ready; rejects with its last output when it exits before or takes too long. */
  static async start(options: ManagedProcessOptions): Promise<ManagedProcess> {
    const managed = new ManagedProcess(options);
    const timeoutMs = options.startTimeoutMs ?? 120_000;
    const deadline = performance.now() + timeoutMs;
    for (let waitMs = 10; ; waitMs = Math.min(waitMs * 1.5, 150)) {
      if (managed.#exit !== undefined) throw managed.#failure(`exited before it was ready (${managed.#exit})`);
      const isReady = await Promise.resolve()
        .then(() => options.ready(managed.#output))
        .catch(() => false);
      if (isReady && managed.#exit === undefined) return managed;
      if (performance.now() > deadline) {
        await managed.stop('SIGKILL');
        throw managed.#failure(`was not ready after ${timeoutMs} ms`);
      }
      await pollInterval(waitMs, managed.#exited);
    }
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The last 64 KiB of stdout and stderr. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  /** Resolves when the process has ended, whoever ended it. */
  async exited(): Promise<void> {
    await this.#exited;
  }

  /** Sends the stop signal, then SIGKILL after the stop timeout; returns when the process is gone. */
  async stop(signal: NodeJS.Signals = this.#options.stopSignal ?? 'SIGTERM'): Promise<void> {
    if (this.#exit !== undefined) return;
    this.#child.kill(signal);
    await pollInterval(this.#options.stopTimeoutMs ?? 10_000, this.#exited);
    if (this.#exit === undefined) this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** SIGKILL: the crash that recovery tests need. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #failure(what: string): Error {
    return new Error(`${this.#options.name} ${what}. Its last output:\n${this.#output.slice(-SHOWN_OUTPUT_CHARS)}`);
  }
}
