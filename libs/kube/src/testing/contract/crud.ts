// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { type Check, configMap, deployment, dig } from './bench.js';

/** Create, read, replace, patch, status, generations. */
export function crudChecks(check: Check): void {
  check('creates with uid, resourceVersion, creationTimestamp and refuses the same name again', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const created = await bench.client.create(resource, configMap(namespace, 'a', { x: '1' }));
    expect(created.metadata).toMatchObject({
      name: 'a',
      namespace,
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      resourceVersion: expect.stringMatching(/^\d+$/),
      creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(created.metadata.generation).toBeUndefined();
    await expect(bench.client.create(resource, configMap(namespace, 'a'))).rejects.toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
      code: 'PLB-6104',
    });
    expect(await bench.client.get(resource, namespace, 'a')).toEqual(created);
  });

  check('answers 404 with a Status for an object and for a namespace that are not there', async (bench) => {
    const namespace = await bench.namespace();
    const missing = await bench.raw('GET', `/api/v1/namespaces/${namespace}/configmaps/none`);
    expect(missing).toMatchObject({
      status: 404,
      body: {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        reason: 'NotFound',
        code: 404,
        details: { name: 'none', kind: 'configmaps' },
      },
    });
    const resource = await bench.resource('v1', 'ConfigMap');
    await expect(bench.client.create(resource, configMap('no-such-namespace', 'a'))).rejects.toMatchObject({
      status: 404,
      reason: 'NotFound',
    });
    await expect(bench.apply(configMap('no-such-namespace', 'a'))).rejects.toMatchObject({ status: 404 });
  });

  check('makes names from generateName', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const make = (): Promise<{ metadata: { name: string } }> =>
      bench.client.create(resource, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { generateName: 'run-', namespace },
      });
    const [one, two] = [await make(), await make()];
    expect(one.metadata.name).toMatch(/^run-[a-z0-9]{5}$/);
    expect(two.metadata.name).not.toBe(one.metadata.name);
  });

  check(
    'refuses an object without a name, with an impossible name, or with another name or namespace than its path',
    async (bench) => {
      const namespace = await bench.namespace();
      const resource = await bench.resource('v1', 'ConfigMap');
      await expect(
        bench.client.create(resource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace } }),
      ).rejects.toMatchObject({ status: 422, reason: 'Invalid' });
      await expect(bench.client.create(resource, configMap(namespace, 'Not_A_Name'))).rejects.toMatchObject({
        status: 422,
        causes: [expect.objectContaining({ field: 'metadata.name' })],
      });
      const path = `/api/v1/namespaces/${namespace}/configmaps`;
      await bench.apply(configMap(namespace, 'a'));
      expect((await bench.raw('PUT', `${path}/a`, JSON.stringify(configMap(namespace, 'b')))).status).toBe(400);
      expect((await bench.raw('POST', path, JSON.stringify(configMap('other', 'c')))).status).toBe(400);
    },
  );

  check('refuses a body that is not JSON, of another kind, or of a media type it does not read', async (bench) => {
    const namespace = await bench.namespace();
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    expect((await bench.raw('POST', path, '{"a":')).status).toBe(400);
    expect(
      (await bench.raw('POST', path, JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } })))
        .status,
    ).toBe(400);
    await bench.apply(configMap(namespace, 'a'));
    expect((await bench.raw('PATCH', `${path}/a`, '{}', 'application/json')).status).toBe(415);
    expect((await bench.raw('POST', path, 'x', 'text/plain')).status).toBe(415);
  });

  check('replaces only the version that was read', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const first = await bench.client.create(resource, configMap(namespace, 'a', { x: '1' }));
    const second = await bench.client.replace(resource, { ...first, data: { x: '2' } });
    expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    expect(second.metadata).toMatchObject({
      uid: first.metadata.uid,
      creationTimestamp: first.metadata.creationTimestamp,
    });
    await expect(bench.client.replace(resource, { ...first, data: { x: '3' } })).rejects.toMatchObject({
      status: 409,
      reason: 'Conflict',
      code: 'PLB-6102',
      retry: 'after-reload',
    });
    await expect(
      bench.client.replace(resource, {
        ...second,
        metadata: { ...second.metadata, uid: '00000000-0000-4000-8000-000000000000' },
      }),
    ).rejects.toMatchObject({ status: 409 });
    expect((await bench.client.replace(resource, configMap(namespace, 'a', { x: '4' })))['data']).toEqual({ x: '4' });
  });

  check('keeps the resourceVersion when a write changes nothing', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const first = await bench.client.create(resource, configMap(namespace, 'a', { x: '1' }));
    const again = await bench.client.replace(resource, first);
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const merged = await bench.client.patch(resource, { namespace, name: 'a' }, { merge: { data: { x: '1' } } });
    expect(merged.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  check('lets exactly one of several concurrent replaces of one version pass', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const first = await bench.client.create(resource, configMap(namespace, 'a'));
    const results = await Promise.allSettled(
      ['1', '2', '3', '4', '5'].map((x) => bench.client.replace(resource, { ...first, data: { x } })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  check('patches by JSON patch and by merge patch', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    await bench.client.create(resource, configMap(namespace, 'a', { x: '1', y: '1' }));
    const merged = await bench.client.patch(
      resource,
      { namespace, name: 'a' },
      { merge: { data: { x: null, z: '3' } } },
    );
    expect(merged['data']).toEqual({ y: '1', z: '3' });
    const patched = await bench.client.patch(
      resource,
      { namespace, name: 'a' },
      {
        json: [
          { op: 'test', path: '/data/y', value: '1' },
          { op: 'remove', path: '/data/y' },
          { op: 'add', path: '/metadata/labels', value: { a: 'b' } },
        ],
      },
    );
    expect(patched['data']).toEqual({ z: '3' });
    expect(patched.metadata.labels).toEqual({ a: 'b' });
    await expect(
      bench.client.patch(
        resource,
        { namespace, name: 'a' },
        { json: [{ op: 'test', path: '/data/z', value: 'other' }] },
      ),
    ).rejects.toMatchObject({ status: 422 });
    await expect(bench.client.patch(resource, { namespace, name: 'none' }, { merge: {} })).rejects.toMatchObject({
      status: 404,
    });
  });

  check('refuses a patch whose resourceVersion is stale', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const first = await bench.client.create(resource, configMap(namespace, 'a'));
    await bench.client.replace(resource, { ...first, data: { x: '1' } });
    const stale = { metadata: { resourceVersion: first.metadata.resourceVersion }, data: { x: '2' } };
    await expect(bench.client.patch(resource, { namespace, name: 'a' }, { merge: stale })).rejects.toMatchObject({
      status: 409,
    });
  });

  check('fills in defaults', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply(deployment(namespace, 'web', {}, { ports: [{ containerPort: 80 }] }));
    expect(object['spec']).toMatchObject({
      replicas: 1,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    });
    expect(dig(object, 'spec', 'template', 'spec')).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
    });
    expect(dig(object, 'spec', 'template', 'spec', 'containers', 0)).toMatchObject({
      imagePullPolicy: 'IfNotPresent',
      ports: [{ containerPort: 80, protocol: 'TCP' }],
    });
    const service = await bench.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    expect(service.object['spec']).toMatchObject({
      type: 'ClusterIP',
      clusterIP: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
      sessionAffinity: 'None',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    });
    const made = await bench.get({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    expect(made).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': namespace } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  check('counts the generation by changes of the spec only', async (bench) => {
    const namespace = await bench.namespace();
    const web = deployment(namespace, 'web');
    expect((await bench.apply(web)).object.metadata.generation).toBe(1);
    const labelled = { ...web, metadata: { ...web.metadata, labels: { a: 'b' } } };
    expect((await bench.apply(labelled)).object.metadata.generation).toBe(1);
    const scaled = deployment(namespace, 'web', { replicas: 5 });
    expect((await bench.apply(scaled)).object.metadata.generation).toBe(2);
    expect((await bench.apply(scaled)).object.metadata.generation).toBe(2);
  });

  check('counts annotations of a Deployment as changes too, since its controller copies them', async (bench) => {
    const namespace = await bench.namespace();
    const web = deployment(namespace, 'web');
    await bench.apply(web);
    expect(
      (await bench.apply({ ...web, metadata: { ...web.metadata, annotations: { a: 'b' } } })).object.metadata
        .generation,
    ).toBe(2);
  });

  check('writes spec and status only through their own endpoints', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('apps/v1', 'Deployment');
    const { object } = await bench.apply(deployment(namespace, 'web'));
    const reported = await bench.client.patchStatus(resource, namespace, 'web', { observedGeneration: 1, replicas: 1 });
    expect(reported['status']).toMatchObject({ observedGeneration: 1, replicas: 1 });
    expect(reported.metadata.generation).toBe(1);
    expect(reported.metadata.resourceVersion).not.toBe(object.metadata.resourceVersion);
    const replaced = await bench.client.replace(resource, {
      ...reported,
      spec: { ...dig(reported, 'spec'), replicas: 3 },
      status: { replicas: 99 },
    });
    expect(dig(replaced, 'status', 'replicas')).toBe(1);
    expect(dig(replaced, 'spec', 'replicas')).toBe(3);
    const status = await bench.client.replaceStatus(resource, {
      ...replaced,
      spec: { ...dig(replaced, 'spec'), replicas: 9 },
      status: { observedGeneration: 2, replicas: 3 },
    });
    expect(dig(status, 'spec', 'replicas')).toBe(3);
    expect(dig(status, 'status')).toMatchObject({ observedGeneration: 2, replicas: 3 });
    const created = await bench.client.create(resource, { ...deployment(namespace, 'late'), status: { replicas: 7 } });
    expect(dig(created, 'status', 'replicas')).toBeUndefined();
  });

  check('scales through the scale subresource', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(deployment(namespace, 'web'));
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/web`;
    expect((await bench.raw('GET', `${path}/scale`)).body).toMatchObject({ kind: 'Scale', spec: { replicas: 1 } });
    expect(
      (
        await bench.raw(
          'PATCH',
          `${path}/scale?fieldManager=hpa`,
          JSON.stringify({ spec: { replicas: 4 } }),
          'application/merge-patch+json',
        )
      ).status,
    ).toBe(200);
    expect((await bench.raw('GET', path)).body.spec.replicas).toBe(4);
  });

  check('folds stringData of a Secret into data', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace },
      stringData: { a: 'x' },
    });
    expect(object['data']).toEqual({ a: Buffer.from('x').toString('base64') });
    expect(object['type']).toBe('Opaque');
  });

  check('keeps the case of names', async (bench) => {
    const name = `Contract:${Date.now()}:Role`;
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules: [] };
    await bench.apply(role);
    expect((await bench.get(role))?.metadata.name).toBe(name);
    expect(await bench.get({ ...role, metadata: { name: name.toLowerCase() } })).toBeUndefined();
    expect((await bench.delete(role)).gone).toBe(true);
  });
}
