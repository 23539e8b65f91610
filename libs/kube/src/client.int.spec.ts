// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KubeClient } from './client.js';
import { connectKube } from './transports/undici-transport.js';
import { LimitedTransport } from './transports/limited-transport.js';
import type { ApiResource, KubeObject } from './types.js';

const configMaps: ApiResource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  verbs: [],
  preferred: true,
  subresources: [],
};
const namespaces: ApiResource = { ...configMaps, kind: 'Namespace', plural: 'namespaces', namespaced: false };
const quotas: ApiResource = { ...configMaps, kind: 'ResourceQuota', plural: 'resourcequotas' };

function configMap(namespace: string, name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { name } };
}

describeWith('kube', 'the client on a real API server', () => {
  let server: KubeServer;
  let client: KubeClient;
  beforeAll(async () => {
    server = await startKube({ audit: 'Request', apiServerFlags: { 'etcd-compaction-interval': '1s' } });
    client = new KubeClient(new LimitedTransport(await connectKube({ kubeconfig: { path: server.kubeconfigPath } })), {
      cluster: 'real',
    });
  });
  afterAll(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  });

  const namespace = async (name: string): Promise<string> => {
    await client.apply(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  };

  it('tells a lack of rights from a denial by policy', async () => {
    const user = await server.addUser('nobody');
    const weak = new KubeClient(await connectKube({ kubeconfigText: { text: user.kubeconfig } }));
    await expect(weak.get(configMaps, 'default', 'a')).rejects.toMatchObject({
      code: 'PLB-6107',
      status: 403,
      denial: { by: 'rbac' },
      retry: 'never',
    });
    await expect(weak.apply(configMaps, configMap('default', 'a'))).rejects.toMatchObject({
      denial: { by: 'rbac' },
      message: expect.stringContaining('nobody'),
    });
    await weak.close();
  });

  it('names the quota that is exhausted, and advises to try again', async () => {
    const ns = await namespace('quota');
    await client.apply(quotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small', namespace: ns },
      spec: { hard: { 'count/configmaps': '1' } },
    });
    const full = { hard: { 'count/configmaps': '1' }, used: { 'count/configmaps': '1' } };
    await client.patchStatus(quotas, ns, 'small', full);
    await expect
      .poll(
        () =>
          client.apply(configMaps, configMap(ns, 'a'), { dryRun: true }).then(
            () => 'passed',
            (error: unknown) => error,
          ),
        { timeout: 60_000 },
      )
      .toMatchObject({ code: 'PLB-6106', denial: { by: 'quota', name: 'small' }, retry: 'after-delay' });
  });

  it('pages a list that begins at any cached version', async () => {
    const ns = await namespace('pages');
    for (const name of ['a', 'b', 'c']) await client.apply(configMaps, configMap(ns, name));
    const { items } = await client.list(configMaps, { namespace: ns, limit: 1, resourceVersion: '0' });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
  });

  it('begins a list anew when its continue token expires on the way', async () => {
    const ns = await namespace('expired');
    for (const name of ['a', 'b', 'c']) await client.apply(configMaps, configMap(ns, name));
    const { continueToken: old = '' } = await client.listPage(configMaps, { namespace: ns, limit: 1 });
    await expect
      .poll(
        async () => {
          await client.apply(configMaps, { ...configMap(ns, 'tick'), data: { at: String(performance.now()) } });
          return client.listPage(configMaps, { namespace: ns, limit: 1, continueToken: old }).then(
            () => 200,
            () => 410,
          );
        },
        { timeout: 60_000, interval: 200 },
      )
      .toBe(410);
    let swapped = 0;
    const slow = new KubeClient({
      // Puts the old token in place of the first fresh one, as if the reader had paused for long.
      request: (request) => {
        const path =
          swapped === 0 ? request.path.replace(/continue=[^&]+/, `continue=${encodeURIComponent(old)}`) : request.path;
        if (path !== request.path) swapped += 1;
        return client.transport.request({ ...request, path });
      },
      close: async () => undefined,
    });
    const { items } = await slow.list(configMaps, { namespace: ns, limit: 1 });
    expect(swapped).toBe(1);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c', 'tick']);
  });

  it('sends what the house demands: server-side apply, its field manager, strict validation, explicit propagation, UID precondition', async () => {
    const ns = await namespace('audited');
    const { object } = await client.apply(configMaps, configMap(ns, 'a'), { force: true });
    await client.apply(configMaps, configMap(ns, 'a'), { dryRun: true });
    await client.delete(configMaps, ns, 'a', { propagationPolicy: 'Background', uid: object.metadata.uid ?? '' });
    const audited = async (): Promise<unknown[]> =>
      (await server.auditEvents())
        .filter(({ objectRef }) => objectRef?.namespace === ns && objectRef.name === 'a')
        .map(({ verb, requestURI, requestObject }) => ({
          verb,
          query: requestURI.split('?')[1],
          ...(verb === 'delete' ? { body: requestObject } : {}),
        }));
    await expect.poll(audited, { timeout: 60_000 }).toEqual([
      { verb: 'patch', query: 'fieldManager=plumbline&fieldValidation=Strict&force=true' },
      { verb: 'patch', query: 'fieldManager=plumbline&fieldValidation=Strict&dryRun=All' },
      {
        verb: 'delete',
        query: undefined,
        body: expect.objectContaining({ propagationPolicy: 'Background', preconditions: { uid: object.metadata.uid } }),
      },
    ]);
  });

  it('applies 300 objects with 32 in flight through the limited transport', async () => {
    const ns = await namespace('many');
    const limited = new LimitedTransport(await connectKube({ kubeconfig: { path: server.kubeconfigPath } }), {
      writes: { initial: 32, max: 32 },
    });
    const many = new KubeClient(limited);
    const results = await Promise.all(
      Array.from({ length: 300 }, (_, index) => many.apply(configMaps, configMap(ns, `c-${index}`))),
    );
    expect(results.every(({ created }) => created)).toBe(true);
    expect(limited.status().writes).toMatchObject({ inFlight: 0, queued: 0, limit: 32 });
    expect((await many.list(configMaps, { namespace: ns })).items).toHaveLength(300);
    await many.close();
  });
});
