// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import path from 'node:path';
import { messageOf } from '@plumbline/core';
import { SimulatedCluster, type SimulatedClusterState } from '../simulated-cluster.js';
import type { Credentials } from './credentials.js';
import { type Endpoint, openEndpoint } from './endpoint.js';
import { withSimulationApi } from './simulation-api.js';
import { writeAtomically } from './write-atomically.js';

/** Parts of a served cluster. */
export interface ServedClusterOptions {
  readonly name: string;
  /** Holds `NAME.json` (state) and `NAME.kubeconfig`. */
  readonly directory: string;
  /** Port on 127.0.0.1. When absent: the port of the existing kubeconfig, or a free one. 0 takes a free one. */
  readonly port: number | undefined;
  readonly credentials: Credentials;
  /** Reports that the state could not be saved; the next change tries again. */
  readonly onSaveError: (message: string) => void;
}

const SAVE_MS = 500;
const PROBE_MS = 2_000;

/** A simulated cluster with an HTTPS endpoint, a kubeconfig for it, and its state in a file. */
export class ServedCluster {
  readonly #cluster: SimulatedCluster;
  readonly #endpoint: Endpoint;
  readonly #stateFile: string;
  readonly #onSaveError: (message: string) => void;
  readonly #timer: NodeJS.Timeout;
  #savedVersion: string;
  #saving: Promise<void> = Promise.resolve();

  private constructor(
    readonly name: string,
    readonly kubeconfigPath: string,
    parts: {
      readonly cluster: SimulatedCluster;
      readonly endpoint: Endpoint;
      readonly stateFile: string;
      readonly onSaveError: (message: string) => void;
    },
  ) {
    this.#cluster = parts.cluster;
    this.#endpoint = parts.endpoint;
    this.#stateFile = parts.stateFile;
    this.#onSaveError = parts.onSaveError;
    this.#savedVersion = parts.cluster.resourceVersion;
    this.#timer = setInterval(() => void this.#save(), SAVE_MS);
  }

  /**
   * Loads the state of the cluster, or makes a new cluster, and serves it. The file with the state exists when this
   * resolves: the identity of a
   * cluster is stored before any client can read it.
   * @throws Error when another process serves the cluster, when the port is in use, or when the state cannot be read.
   */
  static async open(options: ServedClusterOptions): Promise<ServedCluster> {
    const { name, directory, credentials, onSaveError } = options;
    const stateFile = path.join(directory, `${name}.json`);
    const kubeconfigPath = path.join(directory, `${name}.kubeconfig`);
    const previousPort = await portOf(kubeconfigPath);
    if (previousPort !== undefined && (await answers(previousPort, credentials)))
      throw new Error(
        `another process serves the cluster "${name}" of ${directory} on port ${previousPort}; end it, or choose another --dir`,
      );
    const cluster = new SimulatedCluster({
      name,
      simulateStatus: true,
      recordedRequests: 0,
      // Shows in every list of clusters that this one is simulated.
      kubernetesVersion: 'v1.35.4+simulated',
    });
    try {
      const saved = await readFile(stateFile, 'utf8').catch(() => undefined);
      if (saved === undefined) await writeAtomically(stateFile, JSON.stringify(cluster.snapshot()));
      else restore(cluster, saved, stateFile);
      const endpoint = await listen(name, options.port ?? previousPort ?? 0, { credentials, cluster });
      await writeAtomically(kubeconfigPath, kubeconfigOf(name, endpoint.url, credentials));
      return new ServedCluster(name, kubeconfigPath, { cluster, endpoint, stateFile, onSaveError });
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  /** `https://127.0.0.1:PORT`. */
  get url(): string {
    return this.#endpoint.url;
  }

  /** Ends all connections, then saves the state. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#endpoint.close();
    await this.#save();
    await this.#cluster.close();
  }

  #save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      const version = this.#cluster.resourceVersion;
      if (version === this.#savedVersion) return;
      try {
        await writeAtomically(this.#stateFile, JSON.stringify(this.#cluster.snapshot()));
        this.#savedVersion = version;
      } catch (error) {
        this.#onSaveError(
          `the state of the cluster "${this.name}" cannot be saved in ${this.#stateFile}: ${messageOf(error)}`,
        );
      }
    });
    return this.#saving;
  }
}

function restore(cluster: SimulatedCluster, saved: string, file: string): void {
  try {
    cluster.restore(JSON.parse(saved) as SimulatedClusterState);
  } catch (error) {
    throw new Error(`${file} is not the state of a simulated cluster: ${messageOf(error)}`, { cause: error });
  }
}

async function listen(
  name: string,
  port: number,
  { credentials, cluster }: { readonly credentials: Credentials; readonly cluster: SimulatedCluster },
): Promise<Endpoint> {
  try {
    return await openEndpoint({ port, credentials, handle: withSimulationApi(cluster) });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    throw new Error(
      `port ${port} of the cluster "${name}" is in use by another process; end that process, or choose another port with --cluster ${name}=PORT (0 takes a free one)`,
      { cause: error },
    );
  }
}

/** JSON, which is YAML too. */
function kubeconfigOf(name: string, url: string, { authority, token }: Credentials): string {
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      { name, cluster: { server: url, 'certificate-authority-data': Buffer.from(authority).toString('base64') } },
    ],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name, context: { cluster: name, user: 'admin' } }],
  };
  return `${JSON.stringify(kubeconfig, undefined, 2)}\n`;
}

/** Port that a kubeconfig of this program names; undefined when there is no such file. */
async function portOf(kubeconfigPath: string): Promise<number | undefined> {
  const text = await readFile(kubeconfigPath, 'utf8').catch(() => '');
  const port = /"server": "https:\/\/127\.0\.0\.1:(\d+)"/.exec(text)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** Whether a process with the credentials of this directory listens on the port. */
function answers(port: number, { authority, token }: Credentials): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request(
      { host: '127.0.0.1', port, path: '/version', ca: authority, headers: { authorization: `Bearer ${token}` } },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    probe.setTimeout(PROBE_MS, () => probe.destroy());
    probe.once('error', () => resolve(false));
    probe.once('close', () => resolve(false));
    probe.end();
  });
}
