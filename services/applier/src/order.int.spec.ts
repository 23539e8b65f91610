// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

const hook = (name: string, service: string, namespace: string) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name },
  webhooks: [
    {
      name: 'check.example.com',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      failurePolicy: 'Ignore',
      clientConfig: { service: { name: service, namespace } },
      rules: [
        { apiGroups: ['nothing.example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothings'] },
      ],
    },
  ],
});

describe('the order of writes on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Metadata' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('creates objects in dependency order whatever the order of the files, webhooks last', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const since = await observer.mark();
    const objects = [
      hook('a1-hook', 'web', namespace),
      make.deployment('web', { configMap: 'settings' }),
      make.custom('Cache', 'a1.example.com', 'warm'),
      make.service('web'),
      make.configMap('settings'),
      make.definition('caches', 'Cache', 'a1.example.com'),
      make.namespace(namespace),
    ];
    const { data } = await applier.deployed({ application, namespace, objects });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 7 } } });
    const order = (await observer.writes({ since })).map(({ objectRef }) => objectRef?.resource ?? '');
    const at = (resource: string): number => order.indexOf(resource);
    expect(order).toHaveLength(7);
    expect(at('namespaces')).toBeLessThan(at('configmaps'));
    expect(at('customresourcedefinitions')).toBeLessThan(at('caches'));
    expect(at('configmaps')).toBeLessThan(at('deployments'));
    expect(order.at(-1)).toBe('validatingwebhookconfigurations');
  });

  it('applies a definition and its custom resource in one run, without a failed attempt', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const since = await observer.mark();
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [make.custom('Widget', 'a2.example.com', 'one'), make.definition('widgets', 'Widget', 'a2.example.com')],
    });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    expect(await applier.events('SyncStarted')).toHaveLength(1);
    const writes = (await observer.writes({ since })).filter(
      ({ objectRef }) => objectRef?.resource === 'widgets' || objectRef?.resource === 'customresourcedefinitions',
    );
    expect(writes.map(({ responseStatus }) => responseStatus?.code)).toEqual([201, 201]);
    expect(await observer.get(`/apis/a2.example.com/v1/namespaces/${namespace}/widgets/one`)).toMatchObject({
      spec: { size: 1 },
    });
  });

  it('takes a kind of another group that is called like a core kind for what it is', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const objects = [
      { apiVersion: 'a3.example.com/v1', kind: 'Service', metadata: { name: 'web' }, spec: { size: 1 } },
      make.definition('services', 'Service', 'a3.example.com'),
      make.service('web'),
    ];
    const { data } = await applier.deployed({ application, namespace, objects });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 3 } } });
    expect(await observer.get(`/apis/a3.example.com/v1/namespaces/${namespace}/services/web`)).toMatchObject({
      spec: { size: 1 },
    });
    expect(await observer.get(`${scene.core}/services/web`)).toMatchObject({ spec: { type: 'ClusterIP' } });
  });

  it('applies a namespace and what is in it in one commit, without an error', async () => {
    await using scene = await scenario(kube);
    const { applier, application, namespace } = scene;
    const { data } = await applier.deployed({
      application,
      namespace,
      createNamespace: false,
      objects: [make.configMap('a'), make.configMap('b'), make.namespace(namespace)],
    });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 3 } } });
  });

  it('prunes in reverse: custom resources are gone before their definition, the namespace waits for its contents', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const keep = make.clusterRole(`${namespace}-keep`);
    const inner = `${namespace}-inner`;
    await applier.deployed({
      application,
      namespace,
      objects: [
        keep,
        make.definition('gears', 'Gear', 'a52.example.com'),
        make.custom('Gear', 'a52.example.com', 'one'),
        make.namespace(inner),
        make.configMap('inside', { a: 'b' }, inner),
        make.deployment('web', { configMap: 'settings' }),
        make.configMap('settings'),
      ],
    });
    const since = await observer.mark();
    const from = await applier.log.head();
    await applier.deployed({ application, namespace, objects: [keep] });
    await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: true },
    });
    const { data } = await applier.until('SyncCompleted', (event) => event.data.cause === 'Request', { from });
    const deletes = (await observer.writes({ since }))
      .filter(({ verb }) => verb === 'delete')
      .map(({ objectRef }) => `${objectRef?.resource ?? ''}/${objectRef?.name ?? ''}`);
    const at = (name: string): number => deletes.indexOf(name);
    expect(deletes).toHaveLength(6);
    expect(at('gears/one')).toBeLessThan(at('customresourcedefinitions/gears.a52.example.com'));
    expect(at('gears/one')).toBeLessThan(at('deployments/web'));
    expect(at('deployments/web')).toBeLessThan(at('configmaps/settings'));
    expect(at('configmaps/inside')).toBeLessThan(at(`namespaces/${inner}`));
    // Nobody finalises namespaces here: it stays and is said to.
    expect(data).toMatchObject({
      result: 'Partial',
      reason: 'PendingDeletion',
      changes: { counts: { Pruned: 5, PendingDeletion: 1 } },
    });
    expect(
      await observer.get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gears.a52.example.com'),
    ).toBeUndefined();
  });
});
