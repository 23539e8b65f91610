// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { fieldPathsOf, ownedFields, ownersOf } from '../../managed-fields.js';
import type { KubeObject } from '../../types.js';
import { type Bench, type Check, configMap, deployment, dig } from './bench.js';

async function container(
  bench: Bench,
  namespace: string,
  manager: string,
  fields: object,
  name = 'app',
): Promise<KubeObject> {
  const base = deployment(namespace, 'web');
  const spec = { template: { spec: { containers: [{ name, ...fields }] } } };
  const object = manager === 'plumbline' ? deployment(namespace, 'web', {}, fields) : { ...base, spec };
  return (await bench.apply(object, { fieldManager: manager })).object;
}

/** Server-side apply: lists, maps, nulls. */
export function applyFieldChecks(check: Check): void {
  check('merges containers by name', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(deployment(namespace, 'web'));
    const merged = await container(bench, namespace, 'injector', { image: 'sidecar:1' }, 'sidecar');
    expect(dig(merged, 'spec', 'template', 'spec', 'containers').map(({ name }: { name: string }) => name)).toEqual([
      'app',
      'sidecar',
    ]);
    const { object } = await bench.apply(deployment(namespace, 'web', {}, { image: 'registry.example/app:2' }));
    expect(
      dig(object, 'spec', 'template', 'spec', 'containers').map(
        ({ name, image }: Record<string, string>) => `${name}=${image}`,
      ),
    ).toEqual(['app=registry.example/app:2', 'sidecar=sidecar:1']);
    await expect(
      bench.apply(
        {
          ...deployment(namespace, 'web'),
          spec: { template: { spec: { containers: [{ name: 'app', image: 'theirs' }] } } },
        },
        { fieldManager: 'injector' },
      ),
    ).rejects.toMatchObject({
      conflicts: [{ manager: 'plumbline', field: '.spec.template.spec.containers[name="app"].image' }],
    });
  });

  check('removes our list item and leaves those of others', async (bench) => {
    const namespace = await bench.namespace();
    const two = deployment(namespace, 'web', {
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            { name: 'app', image: 'a:1' },
            { name: 'old', image: 'o:1' },
          ],
        },
      },
    });
    await bench.apply(two);
    await container(bench, namespace, 'injector', { image: 'sidecar:1' }, 'sidecar');
    const { object } = await bench.apply(deployment(namespace, 'web', {}, { image: 'a:1' }));
    expect(dig(object, 'spec', 'template', 'spec', 'containers').map(({ name }: { name: string }) => name)).toEqual([
      'app',
      'sidecar',
    ]);
  });

  check('merges env by name', async (bench) => {
    const namespace = await bench.namespace();
    await container(bench, namespace, 'plumbline', {
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '1' },
      ],
    });
    await container(bench, namespace, 'other', { env: [{ name: 'C', value: '3' }] });
    const object = await container(bench, namespace, 'plumbline', { env: [{ name: 'B', value: '2' }] });
    expect(
      dig(object, 'spec', 'template', 'spec', 'containers', 0, 'env').toSorted(
        (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name),
      ),
    ).toEqual([
      { name: 'B', value: '2' },
      { name: 'C', value: '3' },
    ]);
  });

  check('merges container ports by port and protocol, with TCP as the default', async (bench) => {
    const namespace = await bench.namespace();
    await container(bench, namespace, 'plumbline', { ports: [{ containerPort: 53 }] });
    await container(bench, namespace, 'other', { ports: [{ containerPort: 53, protocol: 'UDP', name: 'dns' }] });
    const object = await container(bench, namespace, 'plumbline', { ports: [{ containerPort: 53, name: 'dns-tcp' }] });
    expect(dig(object, 'spec', 'template', 'spec', 'containers', 0, 'ports')).toEqual(
      expect.arrayContaining([
        { containerPort: 53, protocol: 'TCP', name: 'dns-tcp' },
        { containerPort: 53, protocol: 'UDP', name: 'dns' },
      ]),
    );
    expect(
      ownersOf(object, '.spec.template.spec.containers[name="app"].ports[containerPort=53,protocol="UDP"]').map(
        ({ manager }) => manager,
      ),
    ).toEqual(['other']);
  });

  check('merges Service ports by port and protocol and keeps what the server allocated', async (bench) => {
    const namespace = await bench.namespace();
    const service = (ports: object[], type = 'NodePort'): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { type, selector: { app: 'web' }, ports },
    });
    const first = await bench.apply(service([{ name: 'http', port: 80 }]));
    const second = await bench.apply(
      service([
        { name: 'http', port: 80 },
        { name: 'https', port: 443 },
      ]),
    );
    expect(dig(second.object, 'spec', 'ports', 0, 'nodePort')).toBe(dig(first.object, 'spec', 'ports', 0, 'nodePort'));
    expect(dig(second.object, 'spec', 'clusterIP')).toBe(dig(first.object, 'spec', 'clusterIP'));
    const third = await bench.apply(service([{ name: 'https', port: 443 }]));
    expect(dig(third.object, 'spec', 'ports').map(({ port }: { port: number }) => port)).toEqual([443]);
  });

  check('merges finalizers as a set and volumes by name', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a', {}, { finalizers: ['example.org/ours'] }));
    const shared = await bench.apply(configMap(namespace, 'a', {}, { finalizers: ['example.org/theirs'] }), {
      fieldManager: 'other',
    });
    expect(shared.object.metadata.finalizers).toEqual(['example.org/ours', 'example.org/theirs']);
    expect(
      fieldPathsOf(shared.object.metadata.managedFields?.find(({ manager }) => manager === 'other')?.fieldsV1 ?? {}),
    ).toContain('.metadata.finalizers[="example.org/theirs"]');
    await bench.apply(configMap(namespace, 'a'), { fieldManager: 'other' });
    const { object } = await bench.apply(configMap(namespace, 'a'));
    expect(object.metadata.finalizers ?? []).toEqual([]);
    const volumes = (name: string): KubeObject => {
      const base = deployment(namespace, 'web');
      return {
        ...base,
        spec: {
          ...dig(base, 'spec'),
          template: {
            ...dig(base, 'spec', 'template'),
            spec: { ...dig(base, 'spec', 'template', 'spec'), volumes: [{ name, emptyDir: {} }] },
          },
        },
      };
    };
    await bench.apply(volumes('ours'));
    const { object: both } = await bench.apply(volumes('theirs'), { fieldManager: 'other' });
    expect(dig(both, 'spec', 'template', 'spec', 'volumes').map(({ name }: { name: string }) => name)).toEqual([
      'ours',
      'theirs',
    ]);
  });

  check('takes an atomic list as a whole', async (bench) => {
    const namespace = await bench.namespace();
    await container(bench, namespace, 'plumbline', { command: ['a', 'b'] });
    await expect(container(bench, namespace, 'other', { command: ['c'] })).rejects.toMatchObject({
      conflicts: [{ manager: 'plumbline', field: '.spec.template.spec.containers[name="app"].command' }],
    });
    const object = await container(bench, namespace, 'plumbline', { command: ['b'] });
    expect(dig(object, 'spec', 'template', 'spec', 'containers', 0, 'command')).toEqual(['b']);
    const role = (rules: object[]): KubeObject => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'r', namespace },
      rules,
    });
    await bench.apply(role([{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]));
    const changed = await bench.apply(role([{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }]));
    expect(changed.object['rules']).toEqual([{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }]);
    await expect(bench.apply(role([]), { fieldManager: 'other' })).rejects.toMatchObject({
      conflicts: [{ manager: 'plumbline', field: '.rules' }],
    });
  });

  check('takes a selector as a whole', async (bench) => {
    const namespace = await bench.namespace();
    const service = (selector: object): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector, ports: [{ port: 80 }] },
    });
    await bench.apply(service({ app: 'web', tier: 'x' }));
    expect(dig((await bench.apply(service({ app: 'web2' }))).object, 'spec', 'selector')).toEqual({ app: 'web2' });
    await expect(bench.apply(service({ other: 'y' }), { fieldManager: 'other' })).rejects.toMatchObject({
      conflicts: [{ manager: 'plumbline', field: '.spec.selector' }],
    });
  });

  check('refuses duplicate keys of a keyed list', async (bench) => {
    const namespace = await bench.namespace();
    await expect(
      container(bench, namespace, 'plumbline', {
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      }),
    ).rejects.toMatchObject({
      code: 'PLB-6105',
      retry: 'never',
      reason: 'Invalid',
      causes: [{ reason: 'FieldValueDuplicate', field: '.spec.template.spec.containers[name="app"].env' }],
    });
    expect(await bench.get(deployment(namespace, 'web'))).toBeUndefined();
  });

  check('takes null as "not set"', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply({
      ...configMap(namespace, 'a'),
      data: null,
      metadata: { name: 'a', namespace, creationTimestamp: null },
    });
    expect(object['data']).toBeUndefined();
    const second = await bench.apply({
      ...configMap(namespace, 'a'),
      data: null,
      metadata: { name: 'a', namespace, creationTimestamp: null },
    });
    expect(second.object.metadata.resourceVersion).toBe(object.metadata.resourceVersion);
  });

  check(
    'owns an empty map that it sends: no other manager may apply into it, and a forced apply leaves what an edit put there',
    async (bench) => {
      const namespace = await bench.namespace();
      const resource = await bench.resource('v1', 'ConfigMap');
      const first = await bench.apply(configMap(namespace, 'a', {}, { labels: {} }));
      const second = await bench.apply(configMap(namespace, 'a', {}, { labels: {} }));
      expect(second.object.metadata.resourceVersion).toBe(first.object.metadata.resourceVersion);
      await expect(
        bench.apply(configMap(namespace, 'a', {}, { labels: { other: '1' } }), { fieldManager: 'other' }),
      ).rejects.toMatchObject({ conflicts: [{ manager: 'plumbline', field: '.metadata.labels' }] });
      await bench.client.patch(
        resource,
        { namespace, name: 'a' },
        { merge: { metadata: { labels: { edited: '1' } } } },
        { fieldManager: 'kubectl-edit' },
      );
      expect(
        (await bench.apply(configMap(namespace, 'a', {}, { labels: {} }), { force: true })).object.metadata.labels,
      ).toEqual({ edited: '1' });
      const { object } = await bench.apply(configMap(namespace, 'b', { x: '1' }, { labels: {}, annotations: {} }));
      const edited = await bench.client.patch(
        resource,
        { namespace, name: 'b' },
        { merge: { metadata: { labels: { edited: '1' }, annotations: { edited: '1' } } } },
        { fieldManager: 'kubectl-edit' },
      );
      expect(ownedFields(edited)).toBe(ownedFields(object));
    },
  );

  check('leaves replicas to the autoscaler if we send none', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(deployment(namespace, 'web'));
    await bench.raw(
      'PATCH',
      `/apis/apps/v1/namespaces/${namespace}/deployments/web/scale?fieldManager=hpa`,
      JSON.stringify({ spec: { replicas: 4 } }),
      'application/merge-patch+json',
    );
    const { object } = await bench.apply(deployment(namespace, 'web', {}, { image: 'registry.example/app:2' }));
    expect(dig(object, 'spec', 'replicas')).toBe(4);
  });

  check('transfers replicas that we sent to the autoscaler', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(deployment(namespace, 'web', { replicas: 2 }));
    await bench.raw(
      'PATCH',
      `/apis/apps/v1/namespaces/${namespace}/deployments/web/scale?fieldManager=hpa`,
      JSON.stringify({ spec: { replicas: 4 } }),
      'application/merge-patch+json',
    );
    const live = await bench.get(deployment(namespace, 'web'));
    expect(live === undefined ? [] : ownersOf(live, '.spec.replicas')).toEqual([
      { manager: 'hpa', operation: 'Update', subresource: 'scale' },
    ]);
    await expect(bench.apply(deployment(namespace, 'web', { replicas: 2 }))).rejects.toMatchObject({
      conflicts: [{ manager: 'hpa', field: '.spec.replicas', subresource: 'scale' }],
    });
  });
}
