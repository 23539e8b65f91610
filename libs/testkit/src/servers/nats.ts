// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withFreePort } from './free-port.js';
import { ManagedProcess } from './managed-process.js';
import { availability, oldestNatsServer, preparedBinary } from './requirements.js';
import { tempDir, type TempDir } from './temp-dir.js';

/** `oldest` is Debian 12's 2.9, `newest` the pinned current release. */
export type NatsFlavour = 'oldest' | 'newest';

export interface NatsOptions {
  /** Default: the newest that can be had, else the oldest. */
  readonly flavour?: NatsFlavour;
  /** More lines for the configuration file, for example `max_payload: 1MB`. */
  readonly config?: string;
}

/** A nats-server with JetStream on a store directory of its own. */
export interface NatsServer extends AsyncDisposable {
  readonly flavour: NatsFlavour;
  /** `2.9.10`, for example. */
  readonly version: string;
  /** `nats://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Orderly shutdown; streams stay on disk for {@link start}. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts a stopped or killed server on the same port and store. */
  start(): Promise<void>;
  /** {@link stop} and {@link start}. */
  restart(): Promise<void>;
}

function binaryOf(flavour: NatsFlavour): string {
  const found = availability(`nats:${flavour}`);
  if (!found.available) throw new Error(`cannot start nats-server (${flavour}): ${found.reason}`);
  return (flavour === 'oldest' ? oldestNatsServer() : preparedBinary('nats-server')) ?? '';
}

function configuration(port: number, storeDir: string, extra: string): string {
  return [
    `listen: 127.0.0.1:${port}`,
    `jetstream { store_dir: ${JSON.stringify(storeDir)}, max_memory_store: 256MB, max_file_store: 2GB }`,
    extra,
    '',
  ].join('\n');
}

class OwnNatsServer implements NatsServer {
  readonly flavour: NatsFlavour;
  readonly version: string;
  readonly port: number;
  readonly #dir: TempDir;
  readonly #launch: () => Promise<ManagedProcess>;
  #process: ManagedProcess;

  constructor(parts: {
    flavour: NatsFlavour;
    version: string;
    port: number;
    dir: TempDir;
    process: ManagedProcess;
    launch: () => Promise<ManagedProcess>;
  }) {
    this.flavour = parts.flavour;
    this.version = parts.version;
    this.port = parts.port;
    this.#dir = parts.dir;
    this.#launch = parts.launch;
    this.#process = parts.process;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async start(): Promise<void> {
    if (!this.#process.isRunning) this.#process = await this.#launch();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** Starts a nats-server with JetStream (about 0.1 s). */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const flavour = options.flavour ?? (availability('nats:newest').available ? 'newest' : 'oldest');
  const binary = binaryOf(flavour);
  const version = /v(\d+\.\d+\.\d+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  const dir = await tempDir('nats');
  try {
    return await withFreePort(async (port) => {
      const configFile = path.join(dir.path, 'nats.conf');
      await writeFile(configFile, configuration(port, path.join(dir.path, 'store'), options.config ?? ''));
      const launch = async (): Promise<ManagedProcess> =>
        ManagedProcess.start({
          name: `nats-server ${version}`,
          command: binary,
          args: ['-c', configFile],
          // Printed after JetStream has recovered its streams.
          ready: (output) => output.includes('Server is ready'),
        });
      return new OwnNatsServer({ flavour, version, port, dir, launch, process: await launch() });
    });
  } catch (error) {
    await dir[Symbol.asyncDispose]();
    throw error;
  }
}
