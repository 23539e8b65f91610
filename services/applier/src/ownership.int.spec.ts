// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApplierFixture } from './testing/applier-fixture.js';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

describe('ownership on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube();
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('refuses a second claimant, names the owner, and leaves the object as it is', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('shared'), make.configMap('own')] });
    const { resourceVersion } = (await observer.get(`${core}/configmaps/shared`)).metadata;
    const second = await applier.declareApplication(`${namespace}-second`, { namespace });
    const { data } = await applier.deployed({
      application: second,
      namespace,
      objects: [make.configMap('shared', { color: 'red' }), make.configMap('other')],
    });
    expect(data).toMatchObject({
      result: 'Partial',
      reason: 'OwnedByAnother',
      retryable: false,
      objectCount: 1,
      changes: { counts: { Refused: 1, Created: 1 } },
    });
    expect(data.message).toContain(`${application}/production/kube`);
    expect((await observer.get(`${core}/configmaps/shared`)).metadata.resourceVersion).toBe(resourceVersion);
  });

  it.each(['claimant first', 'owner first'])('hands an object over without losing it: %s', async (order) => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('moves'), make.configMap('stays')] });
    const { uid } = (await observer.get(`${core}/configmaps/moves`)).metadata;
    const second = await applier.declareApplication(`${namespace}-second`, { namespace });
    const claim = async (): Promise<unknown> =>
      applier.deploy({ application: second, namespace, objects: [make.configMap('moves', { color: 'red' })] });
    const drop = async (): Promise<unknown> =>
      applier.deploy({ application, namespace, objects: [make.configMap('stays')] });
    if (order === 'claimant first') {
      await claim();
      await applier.until('SyncCompleted', ({ data }) => data.reason === 'OwnedByAnother');
      await drop();
    } else {
      // One commit moves it: both versions are released, the old owner is synced first.
      const rendered = await applier.render({
        application: second,
        namespace,
        objects: [make.configMap('moves', { color: 'red' })],
      });
      await Promise.all([drop(), applier.release(rendered)]);
    }
    await applier.until('SyncCompleted', ({ data }) => data.application === second && data.result === 'Succeeded');
    const live = await observer.get(`${core}/configmaps/moves`);
    expect(live).toMatchObject({ data: { color: 'red' }, metadata: { uid } });
    expect(live.metadata.annotations['plumbline.dev/owner']).toContain(second);
    const drift = await applier.events('DriftDetected');
    expect(drift).toEqual([]);
  });

  it('neither claims nor prunes a copy that carries our annotation', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('origin'), make.configMap('stays')] });
    const { labels, annotations } = (await observer.get(`${core}/configmaps/origin`)).metadata;
    await observer.create(`${core}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'copy', labels, annotations },
      data: { made: 'by an operator' },
    });
    await applier.deployed({ application, namespace, objects: [make.configMap('stays')] });
    expect(await observer.get(`${core}/configmaps/copy`)).toBeDefined();
    expect(await observer.get(`${core}/configmaps/origin`)).toBeUndefined();
  });

  it('refuses what belongs to another installation on the same cluster, in both directions', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('theirs')] });
    const { resourceVersion } = (await observer.get(`${core}/configmaps/theirs`)).metadata;
    await using other = await ApplierFixture.start();
    await other.declareCluster('kube', { kubeconfig: { path: kube.kubeconfigPath } });
    const same = await other.declareApplication(namespace, { namespace });
    const { data } = await other.deployed({
      application: same,
      namespace,
      objects: [make.configMap('theirs', { color: 'red' })],
    });
    expect(data).toMatchObject({ result: 'Partial', reason: 'OwnedByAnother', objectCount: 0 });
    expect(data.message).toContain(applier.installation);
    expect((await observer.get(`${core}/configmaps/theirs`)).metadata.resourceVersion).toBe(resourceVersion);
  });
});
