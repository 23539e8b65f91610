// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { InputError, type PlumblineError, UpstreamError } from '@plumbline/core';

/** Limits of one child process. */
export interface SandboxLimits {
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  readonly outputBytes: number;
  /** Processes at once. */
  readonly concurrency: number;
}

/** A program to run. */
export interface SandboxCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Its working directory, home and temporary directory. */
  readonly directory: string;
  readonly signal?: AbortSignal;
}

/** How it ended by itself. */
export interface SandboxResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const STDERR_BYTES = 64 * 1024;
/** Address space that a Go program reserves without using it. */
const ADDRESS_SPACE_EXTRA_BYTES = 1.5 * 1024 ** 3;
const OUT_OF_MEMORY = /out of memory|cannot allocate memory/i;

async function findOnPath(name: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(path.delimiter)) {
    if (directory === '') continue;
    const candidate = path.join(directory, name);
    if (
      await access(candidate, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  return undefined;
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', env: {}, timeout: 5_000 });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** How processes are cut off and limited on this machine. */
export interface Confinement {
  /** Put before the command; empty when the machine can do neither. */
  readonly prefix: readonly string[];
  readonly hasNetworkCut: boolean;
}

/** Finds out what the machine offers: a network namespace of its own, and limits. */
export async function probeConfinement(searchPath: string, limits: SandboxLimits): Promise<Confinement> {
  const [unshare, prlimit, probe] = await Promise.all([
    findOnPath('unshare', searchPath),
    findOnPath('prlimit', searchPath),
    findOnPath('true', searchPath),
  ]);
  let network: readonly string[] = [];
  if (unshare !== undefined && probe !== undefined) {
    for (const flags of [['--user', '--map-root-user', '--net'], ['--net']]) {
      if (network.length === 0 && (await succeeds(unshare, [...flags, '--', probe])))
        network = [unshare, ...flags, '--'];
    }
  }
  const cpuSeconds = Math.ceil(limits.timeoutMs / 1_000) * 2;
  const bounds =
    prlimit === undefined
      ? []
      : [
          prlimit,
          `--as=${limits.memoryBytes + ADDRESS_SPACE_EXTRA_BYTES}`,
          `--cpu=${cpuSeconds}`,
          '--core=0',
          '--nofile=1024',
          '--',
        ];
  const works =
    bounds.length > 0 && probe !== undefined && (await succeeds(bounds[0] ?? '', [...bounds.slice(1), probe]));
  return { prefix: [...network, ...(works ? bounds : [])], hasNetworkCut: network.length > 0 };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

/** Runs foreign programs without shell, environment and (where the machine can) network, within limits. */
export class Sandbox {
  readonly #limits: SandboxLimits;
  readonly #searchPath: string;

  #confinement: Promise<Confinement> | undefined;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limits: SandboxLimits, searchPath: string) {
    this.#limits = limits;
    this.#searchPath = searchPath;

    this.#free = limits.concurrency;
  }

  /** What this machine offers; looked up once. */
  confinement(): Promise<Confinement> {
    this.#confinement ??= probeConfinement(this.#searchPath, this.#limits);
    return this.#confinement;
  }

  /**
   * @throws InputError PLB-1427 over a limit of memory or output; UpstreamError PLB-6404 over the time, PLB-6402 when
   * the program cannot be started or was killed.
   */
  async run(command: SandboxCommand): Promise<SandboxResult> {
    const confinement = await this.confinement();
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#spawn(command, confinement);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #spawn({ command, args, directory, signal }: SandboxCommand, { prefix }: Confinement): Promise<SandboxResult> {
    const [file = command, ...rest] = [...prefix, command, ...args];
    const { timeoutMs, outputBytes, memoryBytes } = this.#limits;
    // No PATH: a program that wants to start git, helm or a plug-in finds nothing.
    const env = {
      HOME: directory,
      TMPDIR: directory,
      PATH: '/nonexistent',
      LC_ALL: 'C',
      KUBECONFIG: '/dev/null',
      GOMAXPROCS: '2',
      GOMEMLIMIT: String(memoryBytes),
    };
    return new Promise((resolve, reject) => {
      // A group of its own, so that whatever it starts ends with it.
      const child = spawn(file, rest, { cwd: directory, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
      const stdout: Buffer[] = [];
      let stderr = '';
      let bytes = 0;
      let refusal: PlumblineError | undefined;
      const stop = (why: PlumblineError): void => {
        refusal ??= why;
        killGroup(child);
      };
      const timer = setTimeout(
        () =>
          stop(
            new UpstreamError('PLB-6404', `rendering took longer than ${timeoutMs / 1_000} s and was stopped`, {
              details: { reason: 'Timeout' },
            }),
          ),
        timeoutMs,
      );
      const abort = (): void => killGroup(child);
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted === true) abort();
      child.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > outputBytes)
          stop(
            new InputError('PLB-1427', `rendering gave more than ${outputBytes} bytes and was stopped`, {
              details: { reason: 'LimitExceeded' },
            }),
          );
        else stdout.push(chunk);
      });
      child.stderr.on('data', (chunk: Buffer) => {
        if (stderr.length < STDERR_BYTES) stderr += chunk.toString('utf8');
      });
      child.once('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(
          new UpstreamError('PLB-6402', `${path.basename(command)} cannot be started: ${error.code ?? 'error'}`, {
            details: { reason: 'RendererUnavailable' },
          }),
        );
      });
      child.once('close', (exitCode, killedBy) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        if (refusal !== undefined) reject(refusal);
        else if (exitCode === null)
          reject(
            new UpstreamError('PLB-6402', `${path.basename(command)} was ended by ${killedBy ?? 'a signal'}`, {
              details: { reason: 'RendererUnavailable' },
            }),
          );
        else if (exitCode !== 0 && OUT_OF_MEMORY.test(stderr))
          reject(
            new InputError('PLB-1427', `rendering needs more than ${memoryBytes} bytes of memory`, {
              details: { reason: 'LimitExceeded' },
            }),
          );
        else resolve({ exitCode, stdout: Buffer.concat(stdout).toString('utf8'), stderr });
      });
    });
  }
}
