// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import type { HealthState } from '@plumbline/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario, type Scenario } from './testing/scenario.js';

const condition = (type: string, status: string, reason: string) => ({
  type,
  status,
  reason,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  lastUpdateTime: '2026-01-01T00:00:00Z',
  lastProbeTime: '2026-01-01T00:00:00Z',
  message: `${type} is ${status}`,
});
const available = (generation: number) => ({
  observedGeneration: generation,
  replicas: 1,
  updatedReplicas: 1,
  readyReplicas: 1,
  availableReplicas: 1,
  conditions: [
    condition('Available', 'True', 'MinimumReplicasAvailable'),
    condition('Progressing', 'True', 'NewReplicaSetAvailable'),
  ],
});

async function becomes({ applier }: Scenario, health: HealthState, reason?: string, from = 0): Promise<number> {
  const event = await applier.until(
    'HealthChanged',
    ({ data }) => data.health === health && (reason === undefined || data.reason === reason),
    { from },
  );
  return event.position + 1;
}

describe('health on a real API server, with the status written by the spec', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube();
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('does not believe a status about an older generation', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    await applier.deployed({ application, namespace, objects: [make.deployment('web')] });
    await observer.status(`${apps}/deployments/web`, available(1));
    const from = await becomes(scene, 'Healthy');
    await applier.deployed({ application, namespace, objects: [make.deployment('web', { image: 'nginx:2' })] });
    const lagging = await becomes(scene, 'Progressing', 'NotObserved', from);
    await observer.status(`${apps}/deployments/web`, available(2));
    await becomes(scene, 'Healthy', undefined, lagging);
  });

  it('tells progressing, healthy, stuck and paused Deployments apart, and reports transitions only', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    const path = `${apps}/deployments/web`;
    await applier.deployed({ application, namespace, objects: [make.deployment('web')] });
    let from = await becomes(scene, 'Progressing');
    await observer.status(path, { ...available(1), availableReplicas: 0, readyReplicas: 0 });
    await observer.status(path, available(1));
    from = await becomes(scene, 'Healthy', undefined, from);
    await observer.status(path, {
      ...available(1),
      conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded')],
    });
    from = await becomes(scene, 'Degraded', 'ProgressDeadlineExceeded', from);
    const [degraded] = (await applier.events('HealthChanged')).slice(-1);
    expect(degraded?.data).toMatchObject({
      message: expect.stringContaining(`Deployment ${namespace}/web`) as string,
      objects: [{ key: `apps/Deployment/${namespace}/web`, health: 'Degraded' }],
    });
    await applier.deployed({ application, namespace, objects: [make.deployment('web', { paused: true })] });
    await observer.status(path, {
      ...available(2),
      conditions: [condition('Progressing', 'Unknown', 'DeploymentPaused')],
    });
    await becomes(scene, 'Suspended', undefined, from);
    const reports = (await applier.events('HealthChanged')).map(({ data }) => `${data.health} ${data.reason}`);
    expect(reports.filter((report, index) => report === reports[index - 1])).toEqual([]);
  });

  it('takes a running Job as progressing, knows complete, failed and suspended, and a finished one that its TTL removed as done', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const path = `/apis/batch/v1/namespaces/${namespace}/jobs/once`;
    await applier.deployed({ application, namespace, objects: [make.job('once', { ttlSecondsAfterFinished: 60 })] });
    await observer.status(path, { startTime: '2026-01-01T00:00:00Z', active: 1 });
    let from = await becomes(scene, 'Progressing');
    await observer.status(path, {
      startTime: '2026-01-01T00:00:00Z',
      completionTime: '2026-01-01T00:01:00Z',
      active: 0,
      succeeded: 1,
      uncountedTerminatedPods: {},
      conditions: [
        condition('SuccessCriteriaMet', 'True', 'CompletionsReached'),
        condition('Complete', 'True', 'CompletionsReached'),
      ],
    });
    from = await becomes(scene, 'Healthy', undefined, from);
    await kube.request('DELETE', path, {
      body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
    });
    await applier.eventually(
      async () => ((await observer.get(path)) === undefined ? true : undefined),
      'the Job to be gone',
    );
    const at = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    expect((await applier.until('SyncCompleted', () => true, { from: at })).data.changes.counts).toEqual({
      Unchanged: 1,
    });
    expect(await observer.get(path)).toBeUndefined();
    expect(await applier.events('DriftDetected')).toEqual([]);
    expect((await applier.events('HealthChanged', from)).map(({ data }) => data.health)).toEqual([]);
  });

  it('knows failed and suspended Jobs', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    await applier.deployed({ application, namespace, objects: [make.job('later', { suspend: true })] });
    const path = `/apis/batch/v1/namespaces/${namespace}/jobs/later`;
    await observer.status(path, { conditions: [condition('Suspended', 'True', 'JobSuspended')] });
    const from = await becomes(scene, 'Suspended');
    await applier.deployed({ application, namespace, objects: [make.job('fails')] });
    await observer.status(`/apis/batch/v1/namespaces/${namespace}/jobs/fails`, {
      startTime: '2026-01-01T00:00:00Z',
      failed: 1,
      uncountedTerminatedPods: {},
      conditions: [
        condition('FailureTarget', 'True', 'BackoffLimitExceeded'),
        condition('Failed', 'True', 'BackoffLimitExceeded'),
      ],
    });
    await becomes(scene, 'Degraded', 'BackoffLimitExceeded', from);
  });

  it('never shows a version as synced together with the health of the version before it', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    await applier.deployed({ application, namespace, objects: [make.deployment('web')] });
    await observer.status(`${apps}/deployments/web`, available(1));
    const from = await becomes(scene, 'Healthy');
    const { position } = await applier.deployed({
      application,
      namespace,
      objects: [make.deployment('web', { image: 'nginx:2' })],
    });
    const changed = await applier.until('HealthChanged', () => true, { from });
    expect(changed.data).toMatchObject({ health: 'Progressing' });
    expect(changed.position).toBe(position - 1);
  });
});
