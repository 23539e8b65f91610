// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test, vi } from 'vitest';
import { listAt, numberAt, type Obj, textAt, textsAt, type Value, valueAt } from './value.js';
import { openProbe } from './testing/probe.js';

const web: Obj = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'web:1' }] } },
  },
};
const WEB = '/apis/apps/v1/namespaces/default/deployments/web';
const configMap = (name: string, metadata: Obj = {}): Obj => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
});
const MAPS = '/api/v1/namespaces/default/configmaps';

function condition(object: Obj | undefined, type: string): Value | undefined {
  return listAt(object, 'status', 'conditions').find((entry) => textAt(entry, 'type') === type);
}

describe('a cluster that simulates status', () => {
  const simulated = { simulateStatus: { readyDelayMs: 5, cleanUpDelayMs: 1 } };

  test('makes a Deployment available for the generation it has', async () => {
    const probe = openProbe(simulated);
    await probe.apply(WEB, web);
    await vi.waitFor(async () =>
      expect(textAt(condition(await probe.get(WEB), 'Progressing'), 'reason')).toBe('NewReplicaSetAvailable'),
    );
    const live = await probe.get(WEB);
    expect(valueAt(live, 'status')).toMatchObject({
      observedGeneration: 1,
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
    });
    expect(textAt(live, 'metadata', 'annotations', 'deployment.kubernetes.io/revision')).toBe('1');
    const owner = listAt(live, 'metadata', 'managedFields').find(
      (entry) => textAt(entry, 'manager') === 'kube-controller-manager',
    );
    expect(owner).toMatchObject({ operation: 'Update', subresource: 'status' });
  });

  test('fails a Deployment when told to, keeps what the roll-out before it had, and recovers', async () => {
    const probe = openProbe(simulated);
    await probe.apply(WEB, web);
    await vi.waitFor(async () => expect(numberAt(await probe.get(WEB), 'status', 'readyReplicas')).toBe(2));
    probe.cluster.failWorkload({ kind: 'Deployment', namespace: 'default', name: 'web' }, { message: 'it crashes' });
    const next = JSON.parse(JSON.stringify(web).replace('web:1', 'web:2'));
    await probe.apply(WEB, next);
    await vi.waitFor(async () =>
      expect(condition(await probe.get(WEB), 'Progressing')).toMatchObject({
        status: 'False',
        reason: 'ProgressDeadlineExceeded',
        message: 'it crashes',
      }),
    );
    expect(numberAt(await probe.get(WEB), 'status', 'observedGeneration')).toBe(2);
    expect(numberAt(await probe.get(WEB), 'status', 'availableReplicas')).toBe(2);
    probe.cluster.failWorkload({ kind: 'Deployment', namespace: 'default', name: 'web' }, undefined);
    await vi.waitFor(async () =>
      expect(condition(await probe.get(WEB), 'Progressing')).toMatchObject({
        status: 'True',
        reason: 'NewReplicaSetAvailable',
      }),
    );
    expect(textAt(await probe.get(WEB), 'metadata', 'annotations', 'deployment.kubernetes.io/revision')).toBe('2');
  });

  test('fails workloads by what they are', async () => {
    const probe = openProbe({
      simulateStatus: {
        readyDelayMs: 1,
        failWhen: (workload) =>
          JSON.stringify(workload).includes('web:broken') ? { message: 'ImagePullBackOff' } : undefined,
      },
    });
    await probe.apply(WEB, JSON.parse(JSON.stringify(web).replace('web:1', 'web:broken')));
    await vi.waitFor(async () =>
      expect(condition(await probe.get(WEB), 'Progressing')).toMatchObject({
        status: 'False',
        message: 'ImagePullBackOff',
      }),
    );
    expect(condition(await probe.get(WEB), 'Available')).toMatchObject({ status: 'False' });
  });

  test('leaves the resourceVersion alone once everything is settled', async () => {
    const probe = openProbe(simulated);
    await probe.apply(WEB, web);
    await vi.waitFor(async () => expect(numberAt(await probe.get(WEB), 'status', 'readyReplicas')).toBe(2));
    const before = textAt(await probe.get(WEB), 'metadata', 'resourceVersion');
    await probe.apply(WEB, web);
    expect(textAt(await probe.get(WEB), 'metadata', 'resourceVersion')).toBe(before);
  });

  test('completes a Job and fails one', async () => {
    const probe = openProbe(simulated);
    const job = (name: string): Obj => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a' }] } } },
    });
    probe.cluster.failWorkload({ kind: 'Job', namespace: 'default', name: 'bad' }, { message: 'exit code 1' });
    await probe.send('POST', '/apis/batch/v1/namespaces/default/jobs', job('good'));
    await probe.send('POST', '/apis/batch/v1/namespaces/default/jobs', job('bad'));
    await vi.waitFor(async () =>
      expect(condition(await probe.get('/apis/batch/v1/namespaces/default/jobs/good'), 'Complete')).toMatchObject({
        status: 'True',
      }),
    );
    await vi.waitFor(async () =>
      expect(condition(await probe.get('/apis/batch/v1/namespaces/default/jobs/bad'), 'Failed')).toMatchObject({
        reason: 'BackoffLimitExceeded',
      }),
    );
  });

  test('binds claims, gives addresses to load balancers and lets go of deleted claims', async () => {
    const probe = openProbe(simulated);
    const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
    await probe.send('POST', claims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    await probe.send('POST', '/api/v1/namespaces/default/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'lb' },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    });
    await vi.waitFor(async () => expect(textAt(await probe.get(`${claims}/data`), 'status', 'phase')).toBe('Bound'));
    await vi.waitFor(async () =>
      expect(
        listAt(await probe.get('/api/v1/namespaces/default/services/lb'), 'status', 'loadBalancer', 'ingress'),
      ).toHaveLength(1),
    );
    await probe.send('DELETE', `${claims}/data`);
    await vi.waitFor(async () => expect(await probe.get(`${claims}/data`)).toBeUndefined());
  });

  test('furnishes a namespace, empties it when it is deleted and finalises it', async () => {
    const probe = openProbe(simulated);
    await probe.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    await vi.waitFor(async () =>
      expect(await probe.get('/api/v1/namespaces/shop/serviceaccounts/default')).toBeDefined(),
    );
    await probe.send(
      'POST',
      '/api/v1/namespaces/shop/configmaps',
      configMap('held', { finalizers: ['example.com/hold'] }),
    );
    await probe.send('DELETE', '/api/v1/namespaces/shop');
    await vi.waitFor(async () =>
      expect(condition(await probe.get('/api/v1/namespaces/shop'), 'NamespaceFinalizersRemaining')).toMatchObject({
        status: 'True',
        message: 'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
      }),
    );
    await probe.send(
      'PATCH',
      '/api/v1/namespaces/shop/configmaps/held',
      { metadata: { finalizers: null } },
      'application/merge-patch+json',
    );
    await vi.waitFor(async () => expect(await probe.get('/api/v1/namespaces/shop')).toBeUndefined());
    expect(await probe.get('/api/v1/namespaces/shop/configmaps/held')).toBeUndefined();
  });

  test('collects what has lost its owner, and awaits or frees dependants as the policy says', async () => {
    const probe = openProbe(simulated);
    const owned = async (owner: string, name: string, metadata: Obj = {}): Promise<void> => {
      const { body } = await probe.send('POST', MAPS, configMap(owner));
      const reference = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: owner,
        uid: textAt(body, 'metadata', 'uid') ?? '',
        blockOwnerDeletion: true,
      };
      await probe.send('POST', MAPS, configMap(name, { ownerReferences: [reference], ...metadata }));
    };
    await owned('a', 'a-child');
    await probe.send('DELETE', `${MAPS}/a?propagationPolicy=Background`);
    await vi.waitFor(async () => expect(await probe.get(`${MAPS}/a-child`)).toBeUndefined());
    await owned('b', 'b-child', { finalizers: ['example.com/hold'] });
    await probe.send('DELETE', `${MAPS}/b?propagationPolicy=Foreground`);
    await vi.waitFor(async () =>
      expect(textAt(await probe.get(`${MAPS}/b-child`), 'metadata', 'deletionTimestamp')).toBeDefined(),
    );
    expect(textsAt(await probe.get(`${MAPS}/b`), 'metadata', 'finalizers')).toEqual(['foregroundDeletion']);
    await probe.send('PATCH', `${MAPS}/b-child`, { metadata: { finalizers: null } }, 'application/merge-patch+json');
    await vi.waitFor(async () => expect(await probe.get(`${MAPS}/b`)).toBeUndefined());
    await owned('c', 'c-child');
    await probe.send('DELETE', `${MAPS}/c?propagationPolicy=Orphan`);
    await vi.waitFor(async () => expect(await probe.get(`${MAPS}/c`)).toBeUndefined());
    expect(listAt(await probe.get(`${MAPS}/c-child`), 'metadata', 'ownerReferences')).toEqual([]);
  });
});

describe('the knobs of a test', () => {
  test('429 answers carry Retry-After and spare requests that do not match', async () => {
    const probe = openProbe();
    probe.cluster.inject429(1, { retryAfterSeconds: 7, matches: ({ method }) => method === 'POST' });
    expect((await probe.send('GET', MAPS)).status).toBe(200);
    const transport = probe.cluster.transport();
    const refused = await transport.request({ method: 'POST', path: MAPS, body: JSON.stringify(configMap('a')) });
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '7']);
    expect((await probe.send('POST', MAPS, configMap('a'))).status).toBe(201);
  });

  test('latency delays the answer, not the order of effects', async () => {
    const probe = openProbe();
    probe.cluster.injectLatency(20);
    const started = performance.now();
    await probe.send('POST', MAPS, configMap('a'));
    expect(performance.now() - started).toBeGreaterThanOrEqual(15);
  });

  test('a refused write leaves no trace and names its webhook', async () => {
    const probe = openProbe();
    const allow = probe.cluster.denyAdmission(({ operation }) =>
      operation === 'CREATE' ? { webhook: 'no.example.com', message: 'not today' } : undefined,
    );
    const { status, body } = await probe.send('POST', MAPS, configMap('a'));
    expect([status, textAt(body, 'message')]).toEqual([
      403,
      'admission webhook "no.example.com" denied the request: not today',
    ]);
    expect(await probe.get(`${MAPS}/a`)).toBeUndefined();
    allow();
    expect((await probe.send('POST', MAPS, configMap('a'))).status).toBe(201);
  });

  test('a dropped watch throws, an ended one ends', async () => {
    const probe = openProbe();
    const open = async (): Promise<AsyncIterator<string>> => {
      const response = await probe.cluster
        .transport()
        .request({ method: 'GET', path: `${MAPS}?watch=true&resourceVersion=${probe.cluster.resourceVersion}` });
      return response.lines()[Symbol.asyncIterator]();
    };
    const dropped = (await open()).next();
    await vi.waitFor(() => expect(probe.cluster.openWatches).toBe(1));
    probe.cluster.disconnectWatches();
    await expect(dropped).rejects.toMatchObject({ code: 'PLB-6201', retry: 'after-delay' });
    const ended = (await open()).next();
    probe.cluster.endWatches();
    expect((await ended).done).toBe(true);
    expect(probe.cluster.openWatches).toBe(0);
  });

  test('an aborted watch is closed on the server too', async () => {
    const probe = openProbe();
    const controller = new AbortController();
    const response = await probe.cluster
      .transport()
      .request({ method: 'GET', path: `${MAPS}?watch=true`, signal: controller.signal });
    const lines = response.lines()[Symbol.asyncIterator]();
    const first = lines.next();
    controller.abort();
    await first;
    expect(probe.cluster.openWatches).toBe(0);
  });

  test('every request is recorded with its verb, query and answer', async () => {
    const probe = openProbe();
    await probe.apply(`${MAPS}/a`, configMap('a'));
    await probe.send('DELETE', `${MAPS}/a`, { propagationPolicy: 'Background', preconditions: { uid: 'other' } });
    await probe.get('/api/v1/namespaces/default');
    expect(probe.cluster.requests.map(({ verb, path, status }) => [verb, path, status])).toEqual([
      ['apply', `${MAPS}/a`, 201],
      ['delete', `${MAPS}/a`, 409],
      ['get', '/api/v1/namespaces/default', 200],
    ]);
    expect(probe.cluster.requests[0]?.query).toMatchObject({ fieldManager: 'test', force: 'true' });
  });
});

describe('a snapshot', () => {
  test('carries objects, identity, ownership, CRDs and allocations into another cluster', async () => {
    const first = openProbe({ establishDelayMs: 1 });
    await first.apply(`${MAPS}/a`, { ...configMap('a'), data: { x: '1' } });
    await first.send('POST', '/api/v1/namespaces/default/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { ports: [{ port: 80 }] },
    });
    await first.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
    const things = '/apis/example.com/v1/namespaces/default/things';
    await vi.waitFor(async () => expect((await first.send('GET', things)).status).toBe(200));
    await first.send('POST', things, {
      apiVersion: 'example.com/v1',
      kind: 'Thing',
      metadata: { name: 't' },
      spec: { size: 1 },
    });
    const state = JSON.parse(JSON.stringify(first.cluster.snapshot()));

    const second = openProbe();
    second.cluster.restore(state);
    for (const path of [`${MAPS}/a`, '/api/v1/namespaces/kube-system', `${things}/t`])
      expect(await second.get(path)).toEqual(await first.get(path));
    expect(second.cluster.resourceVersion).toBe(first.cluster.resourceVersion);
    const { body } = await second.send('POST', '/api/v1/namespaces/default/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's2' },
      spec: { ports: [{ port: 80 }] },
    });
    expect(textAt(body, 'spec', 'clusterIP')).not.toBe(
      textAt(await first.get('/api/v1/namespaces/default/services/s'), 'spec', 'clusterIP'),
    );
  });

  test('of another format is refused', async () => {
    const probe = openProbe();
    // @ts-expect-error a state of the future
    expect(() => probe.cluster.restore({ format: 2, store: { revision: 1, objects: {} } })).toThrow(/format 2/);
  });
});

test('a second claimant of a cluster IP is refused', async () => {
  const probe = openProbe();
  const service = (name: string, clusterIP: string): Obj => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { clusterIP, ports: [{ port: 80 }] },
  });
  expect((await probe.send('POST', '/api/v1/namespaces/default/services', service('a', '10.96.0.77'))).status).toBe(
    201,
  );
  const { status, body } = await probe.send('POST', '/api/v1/namespaces/default/services', service('b', '10.96.0.77'));
  expect([status, textAt(body, 'message')]).toEqual([
    422,
    'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.77"]: failed to allocate IP 10.96.0.77: provided IP is already allocated',
  ]);
});
