// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ManagedProcess } from './managed-process.js';
import { tempDir } from './temp-dir.js';

/** Options of {@link startSimulatedClusters}. */
export interface SimulatedClustersOptions {
  readonly names: readonly string[];
  /** Directory for state and kubeconfigs; a temporary one when absent. */
  readonly directory?: string;
}

/** An answer of a simulated cluster. */
export interface SimulatedResponse {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- test assertions reach into arbitrary objects
  readonly body: any;
}

/** One cluster of a `plumbline-simulated-cluster` process. */
export interface SimulatedClusterHandle {
  readonly name: string;
  /** Valid over restarts of the process. */
  readonly kubeconfigPath: string;
  /** One request by the administrator; `body` is sent as JSON, a PATCH as a merge patch. */
  request(method: string, requestPath: string, body?: unknown): Promise<SimulatedResponse>;
  /** Calls an operation of `/simulation/`, for example `throttle`; rejects when it is refused. */
  simulate(operation: string, fields?: object): Promise<void>;
  /** Number of open watches. */
  openWatches(): Promise<number>;
}

/** A process that serves simulated clusters. */
export interface SimulatedClusters extends AsyncDisposable {
  readonly directory: string;
  /** The cluster of that name; throws when it was not started. */
  cluster(name: string): SimulatedClusterHandle;
  readonly output: string;
  /** Orderly end; the state stays in the directory. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again with the same state, ports and kubeconfigs. */
  start(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../../../simulated-cluster/dist/main.js', import.meta.url));

/**
 * Starts `plumbline-simulated-cluster` as a process; resolves when all clusters answer. Needs a build (`npm run
 * build`).
 */
export async function startSimulatedClusters({
  names,
  directory,
}: SimulatedClustersOptions): Promise<SimulatedClusters> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} does not exist; run npm run build first`);
  const temporary = directory === undefined ? await tempDir('simulated') : undefined;
  const dir = directory ?? temporary?.path ?? '';
  const launch = async (): Promise<ManagedProcess> =>
    ManagedProcess.start({
      name: 'plumbline-simulated-cluster',
      command: process.execPath,
      args: [MAIN, '--dir', dir, ...names.flatMap((name) => ['--cluster', name])],
      ready: (output) => output.endsWith('ready\n'),
      startTimeoutMs: 90_000,
    });
  let running: ManagedProcess;
  try {
    running = await launch();
  } catch (error) {
    await temporary?.[Symbol.asyncDispose]();
    throw error;
  }
  const clusters = new Map(names.map((name) => [name, handleOf(name, path.join(dir, `${name}.kubeconfig`))]));
  return {
    directory: dir,
    get output() {
      return running.output;
    },
    cluster: (name) => {
      const cluster = clusters.get(name);
      if (cluster === undefined) throw new Error(`the simulated cluster "${name}" was not started`);
      return cluster;
    },
    stop: async () => running.stop(),
    kill: async () => running.kill(),
    start: async () => {
      if (!running.isRunning) running = await launch();
    },
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      await temporary?.[Symbol.asyncDispose]();
    },
  };
}

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}

function handleOf(name: string, kubeconfigPath: string): SimulatedClusterHandle {
  const request = async (method: string, requestPath: string, body?: unknown): Promise<SimulatedResponse> => {
    const config = JSON.parse(await readFile(kubeconfigPath, 'utf8')) as Kubeconfig;
    const cluster = config.clusters[0]?.cluster;
    if (cluster === undefined) throw new Error(`${kubeconfigPath} names no cluster`);
    return send(
      {
        url: cluster.server + requestPath,
        ca: Buffer.from(cluster['certificate-authority-data'], 'base64').toString(),
        token: config.users[0]?.user.token ?? '',
      },
      method,
      body,
    );
  };
  const control = async (method: string, operation: string, fields?: object): Promise<SimulatedResponse> => {
    const answer = await request(method, `/simulation/${operation}`, fields);
    if (answer.status !== 200)
      throw new Error(`${operation} on cluster ${name} was refused: ${JSON.stringify(answer.body)}`);
    return answer;
  };
  return {
    name,
    kubeconfigPath,
    request,
    simulate: async (operation, fields = {}) => void (await control('POST', operation, fields)),
    openWatches: async () => Number((await control('GET', 'status')).body.openWatches),
  };
}

function send(
  target: { readonly url: string; readonly ca: string; readonly token: string },
  method: string,
  body: unknown,
): Promise<SimulatedResponse> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(
      target.url,
      {
        method,
        ca: target.ca,
        agent: false,
        headers: {
          authorization: `Bearer ${target.token}`,
          ...(text === undefined
            ? {}
            : { 'content-type': contentType, 'content-length': String(Buffer.byteLength(text)) }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const answer = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: answer.startsWith('{') ? JSON.parse(answer) : answer });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(text);
  });
}
