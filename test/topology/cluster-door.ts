// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

/** An answer of a cluster. */
export interface DoorResponse {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- test assertions reach into arbitrary objects
  readonly body: any;
}

/** One request. */
export interface DoorRequest {
  readonly body?: unknown;
  /** `application/json`, or `application/merge-patch+json` for a PATCH, when absent. */
  readonly contentType?: string;
}

/** The way of a person with kubectl into a cluster, simulated or real: none of Plumbline's own client. */
export class ClusterDoor {
  readonly #kubeconfigPath: string;

  constructor(kubeconfigPath: string) {
    this.#kubeconfigPath = kubeconfigPath;
  }

  /** The object, or undefined when it is not there. */
  // oxlint-disable-next-line typescript/no-explicit-any -- test assertions reach into arbitrary objects
  async get(path: string): Promise<any> {
    const { status, body } = await this.request('GET', path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${path} was answered with ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Changes an object by hand. */
  async edit(path: string, patch: unknown): Promise<void> {
    const { status, body } = await this.request('PATCH', path, { body: patch });
    if (status !== 200) throw new Error(`PATCH ${path} was answered with ${status}: ${JSON.stringify(body)}`);
  }

  /** Removes an object by hand. */
  async remove(path: string): Promise<void> {
    const { status, body } = await this.request('DELETE', path);
    if (status >= 300) throw new Error(`DELETE ${path} was answered with ${status}: ${JSON.stringify(body)}`);
  }

  async request(method: string, path: string, options: DoorRequest = {}): Promise<DoorResponse> {
    // Read each time: the door of a simulated cluster moves when its process is started again.
    if (!existsSync(this.#kubeconfigPath)) throw new Error(`there is no kubeconfig at ${this.#kubeconfigPath}`);
    const config = new KubeConfig();
    config.loadFromFile(this.#kubeconfigPath);
    const server = config.getCurrentCluster()?.server ?? '';
    const text = options.body === undefined ? undefined : JSON.stringify(options.body);
    const contentType =
      options.contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
    const target: RequestOptions = {
      method,
      headers: {
        accept: 'application/json',
        'user-agent': 'person-with-kubectl',
        ...(text === undefined
          ? {}
          : { 'content-type': contentType, 'content-length': String(Buffer.byteLength(text)) }),
      },
    };
    // The door of a simulated cluster is plain HTTP on this machine, without credentials; the library refuses such.
    if (server.startsWith('https:')) await config.applyToHTTPSOptions(target);
    return send(new URL(server.replace(/\/$/, '') + path), target, text);
  }
}

function send(url: URL, options: RequestOptions, body: string | undefined): Promise<DoorResponse> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = request(url, { ...options, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : text });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
