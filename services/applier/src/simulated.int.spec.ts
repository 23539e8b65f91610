// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ApplierFixture } from './testing/applier-fixture.js';
import { make } from './testing/objects.js';

describe('the loop on a simulated cluster', () => {
  it('syncs, becomes healthy, heals drift, and finds the cluster as it was after a restart', async () => {
    await using applier = await ApplierFixture.start();
    await applier.declareCluster('kube', { simulated: {} });
    const application = await applier.declareApplication('shop');
    const { data } = await applier.deployed({ application, namespace: 'shop', objects: [make.configMap('settings'), make.deployment('web')] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    await applier.until('HealthChanged', (event) => event.data.health === 'Healthy');
    const cluster = await applier.simulated.cluster('kube');
    const transport = cluster.transport();
    const drifted = await transport.request({
      method: 'PATCH', path: '/api/v1/namespaces/shop/configmaps/settings?fieldManager=kubectl-edit', headers: { 'content-type': 'application/merge-patch+json' }, body: JSON.stringify({ data: { color: 'red' } }),
    });
    expect(drifted.status).toBe(200);
    const drift = await applier.until('DriftDetected');
    expect(drift.data.objects).toMatchObject([{ key: '/ConfigMap/shop/settings', kind: 'Changed', fields: ['data.color'], actors: ['kubectl-edit'] }]);
    await applier.until('SyncCompleted', (event) => event.data.cause === 'SelfHeal' && event.data.result === 'Succeeded');
    const live = await transport.request({ method: 'GET', path: '/api/v1/namespaces/shop/configmaps/settings' });
    expect(JSON.parse(await live.text())).toMatchObject({ data: { color: 'blue' } });
    const head = await applier.log.head();
    await applier.stopApplier();
    await applier.startApplier();
    await applier.append(`application-${application}`, { type: 'SyncRequested', data: { application, confirmPrune: false } });
    const again = await applier.until('SyncCompleted', () => true, { from: head });
    expect(again.data.changes.counts).toEqual({ Unchanged: 2 });
    expect(await applier.events('DriftDetected', head)).toEqual([]);
  });
});
