// SPDX-License-Identifier: Apache-2.0
import { type SimulatedClusterHandle, type SimulatedClusters, startSimulatedClusters } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApplierFixture } from './testing/applier-fixture.js';
import { make } from './testing/objects.js';

describe('an applier on a simulated cluster', () => {
  const names = ['restart', 'throttled', 'failing', 'interrupted'];
  let simulated: SimulatedClusters;
  beforeAll(async () => {
    simulated = await startSimulatedClusters({ names });
  });
  afterAll(async () => simulated[Symbol.asyncDispose]());

  /** Declares the simulated cluster of that name as `kube`. */
  async function declared(applier: ApplierFixture, name: string): Promise<SimulatedClusterHandle> {
    const cluster = simulated.cluster(name);
    await applier.declareCluster('kube', { kubeconfig: { path: cluster.kubeconfigPath } });
    return cluster;
  }

  it('syncs, becomes healthy, heals drift, and changes nothing after a restart', async () => {
    await using applier = await ApplierFixture.start();
    const cluster = await declared(applier, 'restart');
    const application = await applier.declareApplication('shop');
    const { data } = await applier.deployed({
      application,
      namespace: 'shop',
      objects: [make.configMap('settings'), make.deployment('web')],
    });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    await applier.until('HealthChanged', (event) => event.data.health === 'Healthy');
    const [started] = await applier.events('SyncStarted');
    await applier.eventually(
      async () => applier.service.spans.find(({ name }) => name === 'wait'),
      'the span of the wait until the target is healthy',
    );
    for (const name of ['plan', 'apply', 'wait']) {
      const span = applier.service.spans.find((candidate) => candidate.name === name);
      expect(span?.spanContext().traceId, name).toBe(started?.correlationId.replaceAll('-', ''));
      expect(span?.attributes, name).toMatchObject({
        'plumbline.application': application,
        'plumbline.environment': 'production',
        'plumbline.cluster': 'kube',
        'plumbline.version': 1,
      });
    }
    expect(
      await applier.service.metrics.valueOf('plumbline_applier_syncs_total', { cluster: 'kube', result: 'Succeeded' }),
    ).toBe(1);
    const settings = '/api/v1/namespaces/shop/configmaps/settings';
    const drifted = await cluster.request('PATCH', `${settings}?fieldManager=kubectl-edit`, { data: { color: 'red' } });
    expect(drifted.status).toBe(200);
    const drift = await applier.until('DriftDetected');
    expect(drift.data.objects).toMatchObject([
      { key: '/ConfigMap/shop/settings', kind: 'Changed', fields: ['data.color'], actors: ['kubectl-edit'] },
    ]);
    await applier.until(
      'SyncCompleted',
      (event) => event.data.cause === 'SelfHeal' && event.data.result === 'Succeeded',
    );
    expect((await cluster.request('GET', settings)).body).toMatchObject({ data: { color: 'blue' } });
    const head = await applier.log.head();
    await applier.stopApplier();
    await applier.startApplier();
    await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    const again = await applier.until('SyncCompleted', () => true, { from: head });
    expect(again.data.changes.counts).toEqual({ Unchanged: 2 });
    expect(await applier.events('DriftDetected', head)).toEqual([]);
  });

  it('waits as long as a throttling API server asks, and then goes on', async () => {
    await using applier = await ApplierFixture.start();
    const cluster = await declared(applier, 'throttled');
    const application = await applier.declareApplication('shop');
    await applier.until('ClusterConnected');
    await cluster.simulate('throttle', { requests: 2, retryAfterSeconds: 1, method: 'PATCH' });
    const startedMs = Date.now();
    const { data } = await applier.deployed({
      application,
      namespace: 'shop',
      objects: [make.configMap('one'), make.configMap('two')],
    });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    expect(Date.now() - startedMs).toBeGreaterThan(900);
  });

  it('reports after sync.timeout that a target is not healthy, and names the objects that are not ready', async () => {
    await using applier = await ApplierFixture.start();
    const cluster = await declared(applier, 'failing');
    const application = await applier.declareApplication('shop', { sync: { timeout: '1s' } });
    const web = { kind: 'Deployment', namespace: 'shop', name: 'web' };
    await cluster.simulate('fail-workload', { ...web, reason: 'ImagePullBackOff', message: 'no such image' });
    await applier.deployed({ application, namespace: 'shop', objects: [make.deployment('web')] });
    const { data } = await applier.until('HealthChanged', (event) => event.data.reason === 'NotHealthyInTime');
    expect(data).toMatchObject({
      health: 'Degraded',
      message: expect.stringContaining('Deployment shop/web') as string,
    });
    await cluster.simulate('recover-workload', web);
    await applier.until('HealthChanged', (event) => event.data.health === 'Healthy');
  });

  it('lists again after 410 and broken watches without a write, and detects the changes of the meantime', async () => {
    await using applier = await ApplierFixture.start();
    const cluster = await declared(applier, 'interrupted');
    const application = await applier.declareApplication('shop');
    await applier.deployed({
      application,
      namespace: 'shop',
      objects: [make.configMap('settings'), make.deployment('web')],
    });
    await applier.until('HealthChanged', (event) => event.data.health === 'Healthy');
    const settings = '/api/v1/namespaces/shop/configmaps/settings';
    const versionOf = async (): Promise<unknown> =>
      (await cluster.request('GET', settings)).body.metadata.resourceVersion;
    const version = await versionOf();
    const from = await applier.log.head();
    await cluster.simulate('compact');
    await cluster.simulate('disconnect-watches');
    const at = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    expect((await applier.until('SyncCompleted', () => true, { from: at })).data.result).toBe('Succeeded');
    await applier.eventually(async () => ((await cluster.openWatches()) >= 3 ? true : undefined), 'the watches');
    expect(await versionOf()).toBe(version);
    expect(await applier.events('DriftDetected', from)).toEqual([]);
    await cluster.request('DELETE', settings);
    await applier.until(
      'SyncCompleted',
      (event) => event.data.cause === 'SelfHeal' && event.data.result === 'Succeeded',
    );
  });

  it('reports a cluster that is declared with simulated: {} as unsupported, with the remedy', async () => {
    await using applier = await ApplierFixture.start();
    await applier.declareCluster('kube', { simulated: {} });
    const { data } = await applier.until('ClusterUnreachable');
    expect(data).toMatchObject({
      cluster: 'kube',
      reason: 'Unsupported',
      message: expect.stringContaining('start plumbline-simulated-cluster and give its kubeconfig') as string,
    });
    expect(await applier.events('ClusterConnected')).toEqual([]);
  });
});
