// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { waitUntil } from '../polling.js';
import { startKube, type KubeOptions, type KubeServer } from './kube.js';
import { LIVE_CLUSTER_STAGES } from './live-cluster-stages.js';
import { ManagedProcess } from './managed-process.js';
import { availability, preparedBinary } from './requirements.js';

export interface LiveClusterOptions extends Omit<KubeOptions, 'serviceAccountAdmission'> {
  /** Fake nodes, `node-0` and up. Default 2. */
  readonly nodes?: number;
}

/**
 * A Kubernetes cluster that lives: controllers, a scheduler, and nodes whose kubelets are simulated
 * by kwok. Pods run no containers; how one shall end is said by {@link POD_FATE_ANNOTATION}.
 */
export interface LiveCluster extends KubeServer {
  /**
   * Polls an object 10 times a second until `check` accepts it. The error shows the last answer. Default limit:
   * 120,000 ms.
   */
  waitFor(requestPath: string, check: (body: unknown, status: number) => boolean, limitMs?: number): Promise<void>;
}

type Component = 'kube-controller-manager' | 'kube-scheduler' | 'kwok';

function flagsOf(kube: KubeServer, stagesFile: string): Record<Component, readonly string[]> {
  const certificates = path.join(kube.workDir, 'certs');
  const control = [
    `--kubeconfig=${kube.kubeconfigPath}`,
    '--leader-elect=false',
    // They serve only health and metrics, which nobody here asks for.
    '--secure-port=0',
    '--kube-api-qps=300',
    '--kube-api-burst=600',
  ];
  return {
    'kube-controller-manager': [
      ...control,
      `--service-account-private-key-file=${path.join(certificates, 'sa-signer.key')}`,
      `--root-ca-file=${path.join(certificates, 'ca.crt')}`,
    ],
    'kube-scheduler': control,
    kwok: [
      `--kubeconfig=${kube.kubeconfigPath}`,
      `--config=${stagesFile}`,
      '--manage-all-nodes=true',
      '--node-lease-duration-seconds=40',
    ],
  };
}

async function poll(
  kube: KubeServer,
  requestPath: string,
  check: (body: unknown, status: number) => boolean,
  limitMs?: number,
): Promise<void> {
  let last = '';
  await waitUntil(
    requestPath,
    async () => {
      const { body, status } = await kube.request('GET', requestPath);
      last = `${status} ${JSON.stringify(body).slice(0, 2_000)}`;
      return check(body, status);
    },
    { intervalMs: 100, describe: () => last, ...(limitMs === undefined ? {} : { limitMs }) },
  );
}

function hasReadyNodes(count: number): (body: unknown) => boolean {
  return (body) =>
    (JSON.stringify(body).match(/"type":"Ready","status":"True"|"status":"True",[^{}]*"type":"Ready"/g) ?? []).length >=
    count;
}

async function populate(kube: KubeServer, nodes: number): Promise<void> {
  for (let i = 0; i < nodes; i += 1) {
    const name = `node-${i}`;
    const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' };
    const body = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } };
    const { status } = await kube.request('POST', '/api/v1/nodes', { body });
    if (status !== 201) throw new Error(`creating ${name} was answered with ${status}`);
  }
  await poll(kube, '/api/v1/nodes', hasReadyNodes(nodes));
  // Pods are refused until the controller manager has made this one.
  await poll(kube, '/api/v1/namespaces/default/serviceaccounts/default', (_, status) => status === 200);
}

/** Starts a live cluster (about 8 s); it is ready to run Pods when this resolves. */
export async function startLiveCluster(options: LiveClusterOptions = {}): Promise<LiveCluster> {
  const found = availability('live-cluster');
  if (!found.available) throw new Error(`cannot start a live cluster: ${found.reason}`);
  const { nodes = 2, ...kubeOptions } = options;
  const kube = await startKube({ ...kubeOptions, serviceAccountAdmission: true });
  const components: ManagedProcess[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(components.map(async (component) => component.stop()));
    await kube[Symbol.asyncDispose]();
  };
  try {
    const stagesFile = path.join(kube.workDir, 'stages.yaml');
    await writeFile(stagesFile, LIVE_CLUSTER_STAGES.map((stage) => JSON.stringify(stage)).join('\n---\n'));
    const flags = flagsOf(kube, stagesFile);
    for (const name of ['kube-controller-manager', 'kube-scheduler', 'kwok'] as const) {
      const command = preparedBinary(name) ?? name;
      // Ready is what they do, below; here it only counts that they have begun to talk.
      const ready = (output: string): boolean => output.length > 0;
      components.push(await ManagedProcess.start({ name, command, args: flags[name], ready, stopTimeoutMs: 3_000 }));
    }
    await populate(kube, nodes).catch((error: unknown) => {
      const outputs = components.map((component) => component.output.slice(-1_500)).join('\n--\n');
      throw new Error(`the live cluster did not come to life:\n${outputs}`, { cause: error });
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return withLife(kube, dispose);
}

function withLife(kube: KubeServer, dispose: () => Promise<void>): LiveCluster {
  return {
    url: kube.url,
    kubeconfig: kube.kubeconfig,
    kubeconfigPath: kube.kubeconfigPath,
    admin: kube.admin,
    workDir: kube.workDir,
    request: kube.request.bind(kube),
    addUser: kube.addUser.bind(kube),
    auditEvents: kube.auditEvents.bind(kube),
    stopApiServer: kube.stopApiServer.bind(kube),
    killApiServer: kube.killApiServer.bind(kube),
    startApiServer: kube.startApiServer.bind(kube),
    restart: kube.restart.bind(kube),
    waitFor: async (requestPath, check, limitMs) => poll(kube, requestPath, check, limitMs),
    [Symbol.asyncDispose]: dispose,
  };
}
