// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApplierFixture } from './testing/applier-fixture.js';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

describe('outages of a real API server', () => {
  let kube: KubeServer;
  let second: KubeServer;
  beforeAll(async () => {
    [kube, second] = await Promise.all([startKube({ audit: 'Metadata' }), startKube()]);
  });
  afterAll(async () => {
    await Promise.all([kube[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
  });

  it('says unknown while the API server is gone, and writes nothing when it is back and nothing changed', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('settings'), make.deployment('web')] });
    await applier.until('HealthChanged');
    const { resourceVersion } = (await observer.get(`${core}/configmaps/settings`)).metadata;
    const since = await observer.mark();
    const from = await applier.log.head();
    await kube.killApiServer();
    const lost = await applier.until('ClusterUnreachable', () => true, { from });
    expect(lost.data).toMatchObject({ cluster: 'kube', reason: 'Unreachable' });
    // What is asked for meanwhile waits.
    await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    await kube.startApiServer();
    await applier.until('ClusterConnected', () => true, { from });
    const { data } = await applier.until('SyncCompleted', () => true, { from });
    expect(data.changes.counts).toEqual({ Unchanged: 2 });
    await applier.until('HealthChanged', () => true, { from });
    expect(await observer.writes({ since, dryRuns: true })).toEqual([]);
    expect((await observer.get(`${core}/configmaps/settings`)).metadata.resourceVersion).toBe(resourceVersion);
    expect(await applier.events('DriftDetected')).toEqual([]);
    expect(await applier.events('ClusterUnreachable', from)).toHaveLength(1);
    expect(await applier.events('ClusterConnected', from)).toHaveLength(1);
  });

  it('finds what happened during the outage', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('settings'), make.configMap('deleted')],
    });
    await applier.stopApplier();
    await observer.merge(`${core}/configmaps/settings`, { data: { color: 'red' } });
    await observer.delete(`${core}/configmaps/deleted`);
    await applier.startApplier();
    const { data } = await applier.until('DriftDetected', (event) => event.data.objects.length === 2);
    expect(data.objects.map(({ kind }) => kind).sort()).toEqual(['Changed', 'Missing']);
    await applier.until(
      'SyncCompleted',
      (event) => event.data.cause === 'SelfHeal' && event.data.result === 'Succeeded',
    );
    expect((await observer.get(`${core}/configmaps/settings`)).data).toEqual({ color: 'blue' });
  });

  it('retries what may pass with growing gaps, and lets alone what cannot', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await observer.namespace(namespace);
    await observer.create(`${core}/resourcequotas`, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small' },
      spec: { hard: { 'count/configmaps': '1' } },
    });
    await observer.status(`${core}/resourcequotas/small`, {
      hard: { 'count/configmaps': '1' },
      used: { 'count/configmaps': '1' },
    });
    await applier.eventually(
      async () =>
        (await kube.request('POST', `${core}/configmaps?dryRun=All`, { body: make.configMap('x') })).status === 403
          ? true
          : undefined,
      'the quota',
    );
    const { data } = await applier.deployed({ application, namespace, objects: [make.configMap('settings')] });
    expect(data).toMatchObject({
      result: 'Failed',
      reason: 'QuotaExceeded',
      retryable: true,
      message: expect.stringContaining('small') as string,
    });
    const tries = async (): Promise<number[]> =>
      (await applier.events('SyncStarted')).map(({ recordedAt }) => Date.parse(recordedAt));
    await applier.eventually(async () => ((await tries()).length >= 3 ? true : undefined), 'three tries');
    const [first = 0, next = 0, last = 0] = await tries();
    // Two seconds, then four; a slow machine only makes them longer.
    expect(next - first).toBeGreaterThan(1_000);
    expect(last - next).toBeGreaterThan(2_500);
    await observer.merge(`${core}/resourcequotas/small`, { spec: { hard: { 'count/configmaps': '9' } } });
    await observer.status(`${core}/resourcequotas/small`, {
      hard: { 'count/configmaps': '9' },
      used: { 'count/configmaps': '1' },
    });
    // A request need not wait for the next try.
    await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    await applier.until('SyncCompleted', (event) => event.data.result === 'Succeeded');

    await applier.deployed({
      application,
      namespace,
      objects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { 'no good': 'x' } }],
    });
    const from = await applier.log.head();
    const quiet = await applier.deployed({
      application: await applier.declareApplication(`${namespace}-other`, { namespace }),
      namespace,
      objects: [make.configMap('other')],
    });
    expect(quiet.data.result).toBe('Succeeded');
    expect(
      (await applier.events('SyncStarted', from)).filter((event) => event.data.application === application),
    ).toEqual([]);
  });

  it('lets a newer release take over from one that is being retried', async () => {
    await using scene = await scenario(kube);
    const { applier, application, namespace } = scene;
    const role = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings', namespace: `${namespace}-missing` },
      data: {},
    };
    const { data } = await applier.deployed({ application, namespace, objects: [role] });
    expect(data).toMatchObject({ result: 'Failed', reason: 'NotFound', retryable: true });
    const from = await applier.log.head();
    const { rendered } = await applier.deploy({ application, namespace, objects: [make.configMap('settings')] });
    const taken = await applier.until('SyncCompleted', (event) => event.data.result === 'Succeeded', { from });
    expect(taken.data).toMatchObject({ version: rendered.version, cause: 'Release' });
    expect((await applier.events('SyncStarted', taken.position)).map((event) => event.data.version)).toEqual([]);
  });

  it('refuses another API server under the name of a known cluster', async () => {
    await using applier = await ApplierFixture.start();
    const file = await applier.file('kubeconfig', kube.kubeconfig);
    await applier.declareCluster('kube', { kubeconfig: { path: file } });
    await applier.until('ClusterConnected');
    await applier.file('kubeconfig', second.kubeconfig);
    await applier.declareCluster('kube', {
      kubeconfig: {
        path: file,
        context: (/current-context: (\S+)/.exec(second.kubeconfig)?.[1] ?? '').replaceAll('"', ''),
      },
    });
    expect((await applier.until('ClusterUnreachable')).data.reason).toBe('IdentityChanged');
    const application = await applier.declareApplication('shop', { namespace: 'shop' });
    await applier.deploy({ application, namespace: 'shop', objects: [make.configMap('settings')] });
    await applier.file('kubeconfig', kube.kubeconfig);
    await applier.declareCluster('kube', { kubeconfig: { path: file } });
    const { position } = await applier.until('SyncCompleted');
    expect((await applier.events('ClusterConnected')).at(-1)?.position).toBeLessThan(position);
    expect((await second.request('GET', '/api/v1/namespaces/shop')).status).toBe(404);
  });
});
