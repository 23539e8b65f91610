// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectKube, type KubeTransport } from '@plumbline/kube';
import { freePort, startSimulatedClusters, tempDir } from '@plumbline/testkit';
import { describe, expect, it, vi } from 'vitest';
import { SimulatedCluster } from '../index.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const WAIT = { timeout: 60_000, interval: 50 } as const;
const configMap = (name: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
const program = fileURLToPath(new URL('../../bin/plumbline-simulated-cluster.js', import.meta.url));
const run = promisify(execFile);

async function get(transport: KubeTransport, requestPath: string): Promise<unknown> {
  const response = await transport.request({ method: 'GET', path: requestPath });
  return JSON.parse(await response.text()) as unknown;
}

describe('plumbline-simulated-cluster', () => {
  it('serves several clusters, each by its own kubeconfig', async () => {
    await using clusters = await startSimulatedClusters({ names: ['east', 'west'] });
    const [east, west] = [clusters.cluster('east'), clusters.cluster('west')];
    expect((await east.request('POST', MAPS, configMap('only-east'))).status).toBe(201);
    const transport = await connectKube({ kubeconfig: { path: west.kubeconfigPath, context: 'west' } });
    expect(await get(transport, '/version')).toMatchObject({ gitVersion: 'v1.35.4+simulated' });
    expect(await get(transport, `${MAPS}/only-east`)).toMatchObject({ code: 404 });
    await transport.close();
    for (const { kubeconfigPath } of [east, west]) expect(statSync(kubeconfigPath).mode & 0o777).toBe(0o600);
    expect(clusters.output).toContain(`kubeconfig: ${east.kubeconfigPath}`);
  });

  it('has the same objects, identity and kubeconfig after a restart', async () => {
    await using clusters = await startSimulatedClusters({ names: ['east'] });
    const east = clusters.cluster('east');
    await east.request('POST', MAPS, configMap('kept'));
    const identity = (await east.request('GET', '/api/v1/namespaces/kube-system')).body.metadata.uid as string;
    const kubeconfig = readFileSync(east.kubeconfigPath, 'utf8');
    await clusters.stop();
    await clusters.start();
    expect(readFileSync(east.kubeconfigPath, 'utf8')).toBe(kubeconfig);
    expect((await east.request('GET', `${MAPS}/kept`)).status).toBe(200);
    expect((await east.request('GET', '/api/v1/namespaces/kube-system')).body.metadata.uid).toBe(identity);
  });

  it('has the same identity after a SIGKILL right after its first start', async () => {
    await using clusters = await startSimulatedClusters({ names: ['east'] });
    const east = clusters.cluster('east');
    const uid = async (): Promise<unknown> =>
      (await east.request('GET', '/api/v1/namespaces/kube-system')).body.metadata.uid;
    const before = await uid();
    await clusters.kill();
    await clusters.start();
    expect(await uid()).toBe(before);
  });

  it('continues from the state that an earlier version of Plumbline kept', async () => {
    await using dir = await tempDir('simulated');
    const earlier = new SimulatedCluster({ name: 'east' });
    await earlier.answer({
      method: 'POST',
      path: MAPS,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(configMap('kept')),
    });
    writeFileSync(path.join(dir.path, 'east.json'), JSON.stringify(earlier.snapshot()));
    await earlier.close();
    await using clusters = await startSimulatedClusters({ names: ['east'], directory: dir.path });
    expect((await clusters.cluster('east').request('GET', `${MAPS}/kept`)).status).toBe(200);
  });

  it('refuses requests without its token', async () => {
    await using clusters = await startSimulatedClusters({ names: ['east'] });
    const { kubeconfigPath } = clusters.cluster('east');
    const config = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as {
      readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
    };
    const cluster = config.clusters[0]?.cluster ?? {};
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const ca = Buffer.from(cluster['certificate-authority-data'] ?? '', 'base64');
      request(`${cluster['server']}${MAPS}`, { ca, headers: { authorization: 'Bearer guess' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end();
    });
    expect(status).toBe(401);
  });

  it('lets a workload fail and recover, and throttles, on request', async () => {
    await using clusters = await startSimulatedClusters({ names: ['east'] });
    const east = clusters.cluster('east');
    const web = { kind: 'Deployment', namespace: 'default', name: 'web' };
    await east.simulate('fail-workload', { ...web, reason: 'ImagePullBackOff', message: 'no such image' });
    const container = { name: 'web', image: 'web:1' };
    await east.request('POST', '/apis/apps/v1/namespaces/default/deployments', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [container] } },
      },
    });
    const status = async (): Promise<unknown> =>
      (await east.request('GET', '/apis/apps/v1/namespaces/default/deployments/web')).body.status;
    await vi.waitFor(async () => expect(JSON.stringify(await status())).toContain('no such image'), WAIT);
    await east.simulate('recover-workload', web);
    await vi.waitFor(async () => expect(await status()).toMatchObject({ readyReplicas: 1 }), WAIT);
    await east.simulate('throttle', { requests: 1, retryAfterSeconds: 3, method: 'POST' });
    expect((await east.request('GET', MAPS)).status).toBe(200);
    expect((await east.request('POST', MAPS, configMap('a'))).status).toBe(429);
    expect((await east.request('POST', MAPS, configMap('a'))).status).toBe(201);
    await expect(east.simulate('nothing')).rejects.toThrow('POST fail-workload');
  });

  it('does not start twice on one directory', async () => {
    await using clusters = await startSimulatedClusters({ names: ['east'] });
    const second = run(process.execPath, [program, '--dir', clusters.directory, '--cluster', 'east=0']);
    await expect(second).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('another process serves the cluster "east"') as string,
    });
    expect((await clusters.cluster('east').request('GET', '/version')).status).toBe(200);
  });

  it('names the port and the option when the port is in use', async () => {
    await using dir = await tempDir('simulated');
    await using clusters = await startSimulatedClusters({ names: ['east'] });
    const { body } = await clusters.cluster('east').request('GET', '/version');
    expect(body).toMatchObject({ gitVersion: 'v1.35.4+simulated' });
    const port = /127\.0\.0\.1:(\d+)/.exec(clusters.output)?.[1] ?? '';
    await expect(
      run(process.execPath, [program, '--dir', dir.path, '--cluster', `west=${port}`]),
    ).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(new RegExp(`port ${port} .*--cluster west=PORT`)) as string,
    });
  });

  it('says which argument is wrong', async () => {
    const outcome = async (...args: readonly string[]): Promise<unknown> =>
      run(process.execPath, [program, ...args]).then(
        () => 'started',
        (error: unknown) => (error as { readonly stderr: string }).stderr,
      );
    expect(await outcome('--cluster', '../east')).toContain('--cluster ../east: the name must consist of');
    expect(await outcome('--cluster', 'east=http')).toContain('the port must be a number');
    expect(await outcome('--cluster', 'east', '--cluster', 'east')).toContain('--cluster east is given twice');
    expect(await outcome('--port', '1')).toContain("Unknown option '--port'");
  });

  it('ends when standard input ends, if asked to', async () => {
    await using dir = await tempDir('simulated');
    mkdirSync(path.join(dir.path, 'state'));
    const port = await freePort();
    const child = execFile(process.execPath, [
      program,
      '--dir',
      path.join(dir.path, 'state'),
      '--cluster',
      `east=${port}`,
      '--exit-with-stdin',
    ]);
    let output = '';
    child.stdout?.on('data', (chunk: string) => (output += chunk));
    await vi.waitFor(() => expect(output).toContain('ready'), WAIT);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin?.end();
    expect(await ended).toBe(0);
  });
});
