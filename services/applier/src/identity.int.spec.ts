// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { parseManifests } from '@plumbline/manifest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

describe('identities on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Metadata' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('applies the items of lists as the objects that they are', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    const list = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        make.configMap('one'),
        { apiVersion: 'v1', kind: 'ConfigMapList', items: [make.configMap('two')] },
        { apiVersion: 'v1', kind: 'SecretList', items: null },
      ],
    });
    const objects = parseManifests(list, 'list.yaml').map(({ object }) => object);
    const { data } = await applier.deployed({ application, namespace, objects });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    expect(data.changes.inline.map(({ key }) => key)).toEqual([
      `/ConfigMap/${namespace}/one`,
      `/ConfigMap/${namespace}/two`,
    ]);
    expect(await observer.get(`${core}/configmaps/two`)).toBeDefined();
  });

  it('refuses one object written twice, once with and once without the namespace, and names both files', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const since = await observer.mark();
    await applier.deploy({
      application,
      namespace,
      objects: [
        make.configMap('settings'),
        make.configMap('settings', { color: 'red' }, namespace),
        make.configMap('fine'),
      ],
      sources: new Map([
        ['/ConfigMap//settings', 'deploy/a.yaml#0'],
        [`/ConfigMap/${namespace}/settings`, 'deploy/b.yaml#2'],
      ]),
    });
    const { data } = await applier.until('SyncRefused');
    expect(data).toMatchObject({ reason: 'DuplicateObject', objects: [{ key: `/ConfigMap/${namespace}/settings` }] });
    expect(data.message).toContain('deploy/a.yaml#0');
    expect(data.message).toContain('deploy/b.yaml#2');
    expect(await observer.writes({ since })).toEqual([]);
  });

  it('ignores a namespace on a cluster-scoped object and keeps the inventory stable over three runs', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const objects = [make.clusterRole(`${namespace}-reader`, 'elsewhere'), make.configMap('settings')];
    const { data: first } = await applier.deployed({ application, namespace, objects });
    expect(first).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${namespace}-reader`;
    const { resourceVersion } = (await observer.get(path)).metadata;
    for (let run = 0; run < 2; run += 1) {
      const from = await applier.append(`application-${application}`, {
        type: 'SyncRequested',
        data: { application, confirmPrune: false },
      });
      const { data } = await applier.until('SyncCompleted', () => true, { from });
      expect(data).toMatchObject({ inventoryDigest: first.inventoryDigest, changes: { counts: { Unchanged: 2 } } });
    }
    expect((await observer.get(path)).metadata.resourceVersion).toBe(resourceVersion);
  });

  it('refuses a namespaced object that has no namespace before anything is written', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application } = scene;
    const since = await observer.mark();
    await applier.deploy({
      application,
      objects: [make.configMap('settings'), make.namespace(`${scene.namespace}-free`)],
    });
    const { data } = await applier.until('SyncRefused');
    expect(data).toMatchObject({
      reason: 'NamespaceRequired',
      objects: [{ key: '/ConfigMap//settings', source: 'deploy/all.yaml#0' }],
    });
    expect(await observer.writes({ since })).toEqual([]);
    expect(await applier.events('SyncStarted')).toEqual([]);
  });

  it('refuses a release that no trusted key has signed', async () => {
    await using scene = await scenario(kube);
    const { applier, application, namespace } = scene;
    const rendered = await applier.render({ application, namespace, objects: [make.configMap('settings')] });
    await applier.release(rendered, { tamper: true });
    expect((await applier.until('SyncRefused')).data.reason).toBe('SignatureInvalid');
    expect(await applier.events('SyncStarted')).toEqual([]);
  });
});
