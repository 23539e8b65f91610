// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../vitest/index.js';
import { POD_FATE_ANNOTATION, type PodFate } from './live-cluster-stages.js';
import { startLiveCluster, type LiveCluster } from './live-cluster.js';

const deployments = '/apis/apps/v1/namespaces/default/deployments';

function deployment(name: string, replicas: number, fate?: PodFate): object {
  const labels = { app: name };
  const annotations = fate === undefined ? {} : { [POD_FATE_ANNOTATION]: fate };
  const spec = { containers: [{ name: 'main', image: 'example.com/none' }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels, annotations }, spec } },
  };
}

const pods = (app: string): string => `/api/v1/namespaces/default/pods?labelSelector=app%3D${app}`;

describeWith('live-cluster', 'the live cluster', () => {
  // One cluster for the file: each costs eight seconds, and these behaviours do not meet.
  let cluster: LiveCluster;
  beforeAll(async () => {
    cluster = await startLiveCluster();
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it('makes a Deployment available and removes its Pods with it', async () => {
    await cluster.request('POST', deployments, { body: deployment('web', 3) });
    await cluster.waitFor(`${deployments}/web`, (body) => JSON.stringify(body).includes('"availableReplicas":3'));
    await cluster.request('DELETE', `${deployments}/web`, {
      body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' },
    });
    await cluster.waitFor(pods('web'), (body) => JSON.stringify(body).includes('"items":[]'));
  });

  it('lets Pods crash when a test says so', async () => {
    await cluster.request('POST', deployments, { body: deployment('bad', 1, 'crash') });
    await cluster.waitFor(pods('bad'), (body) => JSON.stringify(body).includes('CrashLoopBackOff'));
    const { body } = await cluster.request('GET', `${deployments}/bad`);
    expect(body.status.availableReplicas).toBeUndefined();
  });

  it('lets a running Pod fail afterwards', async () => {
    await cluster.request('POST', deployments, { body: deployment('late', 1) });
    await cluster.waitFor(`${deployments}/late`, (body) => JSON.stringify(body).includes('"availableReplicas":1'));
    const { body } = await cluster.request('GET', pods('late'));
    const patch = { metadata: { annotations: { [POD_FATE_ANNOTATION]: 'never-ready' } } };
    await cluster.request('PATCH', `/api/v1/namespaces/default/pods/${body.items[0].metadata.name}`, {
      body: patch,
      contentType: 'application/merge-patch+json',
    });
    await cluster.waitFor(`${deployments}/late`, (seen) => JSON.stringify(seen).includes('"unavailableReplicas":1'));
  });

  it('completes Jobs', async () => {
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.com/none' }] } };
    const jobs = '/apis/batch/v1/namespaces/default/jobs';
    await cluster.request('POST', jobs, {
      body: { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'once' }, spec: { template } },
    });
    await cluster.waitFor(`${jobs}/once`, (body) => JSON.stringify(body).includes('"succeeded":1'));
  });

  it('finalises namespaces', async () => {
    await cluster.request('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'gone' } },
    });
    await cluster.request('DELETE', '/api/v1/namespaces/gone');
    await cluster.waitFor('/api/v1/namespaces/gone', (_, status) => status === 404);
  });
});
