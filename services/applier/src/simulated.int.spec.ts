// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ApplierFixture } from './testing/applier-fixture.js';
import { make } from './testing/objects.js';

describe('the loop on a simulated cluster', () => {
  it('syncs, becomes healthy, heals drift, and finds the cluster as it was after a restart', async () => {
    await using applier = await ApplierFixture.start();
    await applier.declareCluster('kube', { simulated: {} });
    const application = await applier.declareApplication('shop');
    const { data } = await applier.deployed({
      application,
      namespace: 'shop',
      objects: [make.configMap('settings'), make.deployment('web')],
    });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    await applier.until('HealthChanged', (event) => event.data.health === 'Healthy');
    const cluster = await applier.simulated.cluster('kube');
    const transport = cluster.transport();
    const drifted = await transport.request({
      method: 'PATCH',
      path: '/api/v1/namespaces/shop/configmaps/settings?fieldManager=kubectl-edit',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ data: { color: 'red' } }),
    });
    expect(drifted.status).toBe(200);
    const drift = await applier.until('DriftDetected');
    expect(drift.data.objects).toMatchObject([
      { key: '/ConfigMap/shop/settings', kind: 'Changed', fields: ['data.color'], actors: ['kubectl-edit'] },
    ]);
    await applier.until(
      'SyncCompleted',
      (event) => event.data.cause === 'SelfHeal' && event.data.result === 'Succeeded',
    );
    const live = await transport.request({ method: 'GET', path: '/api/v1/namespaces/shop/configmaps/settings' });
    expect(JSON.parse(await live.text())).toMatchObject({ data: { color: 'blue' } });
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
    await applier.declareCluster('kube', { simulated: {} });
    const application = await applier.declareApplication('shop');
    await applier.until('ClusterConnected');
    const cluster = await applier.simulated.cluster('kube');
    cluster.inject429(2, { retryAfterSeconds: 1, matches: ({ method }) => method === 'PATCH' });
    const startedMs = Date.now();
    const { data } = await applier.deployed({
      application,
      namespace: 'shop',
      objects: [make.configMap('one'), make.configMap('two')],
    });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    expect(Date.now() - startedMs).toBeGreaterThan(900);
  });

  it('says after sync.timeout that a target has not become healthy, and names what is not ready', async () => {
    await using applier = await ApplierFixture.start();
    await applier.declareCluster('kube', { simulated: {} });
    const application = await applier.declareApplication('shop', { sync: { timeout: '1s' } });
    const cluster = await applier.simulated.cluster('kube');
    cluster.failWorkload(
      { kind: 'Deployment', namespace: 'shop', name: 'web' },
      { reason: 'ImagePullBackOff', message: 'no such image' },
    );
    await applier.deployed({ application, namespace: 'shop', objects: [make.deployment('web')] });
    const { data } = await applier.until('HealthChanged', (event) => event.data.reason === 'NotHealthyInTime');
    expect(data).toMatchObject({
      health: 'Degraded',
      message: expect.stringContaining('Deployment shop/web') as string,
    });
    cluster.failWorkload({ kind: 'Deployment', namespace: 'shop', name: 'web' }, undefined);
    await applier.until('HealthChanged', (event) => event.data.health === 'Healthy');
  });

  it('relists after 410 and broken watches without a write, and sees what it missed', async () => {
    await using applier = await ApplierFixture.start();
    await applier.declareCluster('kube', { simulated: {} });
    const application = await applier.declareApplication('shop');
    await applier.deployed({
      application,
      namespace: 'shop',
      objects: [make.configMap('settings'), make.deployment('web')],
    });
    await applier.until('HealthChanged', (event) => event.data.health === 'Healthy');
    const cluster = await applier.simulated.cluster('kube');
    const versionOf = async (): Promise<unknown> =>
      (
        JSON.parse(
          await (
            await cluster.transport().request({ method: 'GET', path: '/api/v1/namespaces/shop/configmaps/settings' })
          ).text(),
        ) as { metadata: { resourceVersion: string } }
      ).metadata.resourceVersion;
    const version = await versionOf();
    const from = await applier.log.head();
    cluster.compactNow();
    cluster.disconnectWatches();
    const at = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    expect((await applier.until('SyncCompleted', () => true, { from: at })).data.result).toBe('Succeeded');
    await applier.eventually(async () => (cluster.openWatches >= 3 ? true : undefined), 'the watches');
    expect(await versionOf()).toBe(version);
    expect(await applier.events('DriftDetected', from)).toEqual([]);
    await cluster.transport().request({ method: 'DELETE', path: '/api/v1/namespaces/shop/configmaps/settings' });
    await applier.until(
      'SyncCompleted',
      (event) => event.data.cause === 'SelfHeal' && event.data.result === 'Succeeded',
    );
  });
});
