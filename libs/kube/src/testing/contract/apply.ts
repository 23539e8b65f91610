// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { fieldPathsOf, ownedFields, ownersOf } from '../../managed-fields.js';
import type { KubeObject } from '../../types.js';
import { type Check, configMap, deployment, dig } from './bench.js';

/** Server-side apply: what is written, and whose it is. */
export function applyChecks(check: Check): void {
  check('creates (201), updates (200), and keeps the resourceVersion when nothing changes', async (bench) => {
    const namespace = await bench.namespace();
    const first = await bench.apply(configMap(namespace, 'a', { x: '1' }));
    expect(first).toMatchObject({ created: true, warnings: [] });
    const again = await bench.apply(configMap(namespace, 'a', { x: '1' }));
    expect(again.created).toBe(false);
    expect(again.object).toEqual(first.object);
    const changed = await bench.apply(configMap(namespace, 'a', { x: '2' }));
    expect(changed.created).toBe(false);
    expect(changed.object['data']).toEqual({ x: '2' });
    expect(changed.object.metadata.resourceVersion).not.toBe(first.object.metadata.resourceVersion);
    expect(changed.object.metadata.uid).toBe(first.object.metadata.uid);
  });

  check('keeps the resourceVersion of larger objects, empty maps and defaults too', async (bench) => {
    const namespace = await bench.namespace();
    const objects = [
      {
        ...deployment(
          namespace,
          'web',
          {},
          {
            env: [{ name: 'A', value: '1' }],
            ports: [{ containerPort: 80 }],
            resources: { limits: { cpu: '1000m', memory: '1Gi' } },
          },
        ),
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace, annotations: {} },
        spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
      },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'web', namespace, labels: {} } },
      {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 'db', namespace },
        spec: {
          serviceName: 'db',
          selector: { matchLabels: { app: 'db' } },
          template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'db:1' }] } },
          volumeClaimTemplates: [
            {
              apiVersion: 'v1',
              kind: 'PersistentVolumeClaim',
              metadata: { name: 'data' },
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            },
          ],
        },
      },
    ];
    for (const object of objects) {
      const first = await bench.apply(object);
      const second = await bench.apply(object);
      expect(`${object.kind} ${second.object.metadata.resourceVersion}`).toBe(
        `${object.kind} ${first.object.metadata.resourceVersion}`,
      );
    }
  });

  check('records what the manager owns', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply(configMap(namespace, 'a', { x: '1' }, { labels: { app: 'a' } }));
    expect(object.metadata.managedFields).toEqual([
      expect.objectContaining({
        manager: 'plumbline',
        operation: 'Apply',
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        time: expect.any(String),
      }),
    ]);
    expect(fieldPathsOf(object.metadata.managedFields?.[0]?.fieldsV1 ?? {})).toEqual([
      '.data.x',
      '.metadata.labels.app',
    ]);
  });

  check('records who wrote by other means, and through which subresource', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('apps/v1', 'Deployment');
    await bench.apply(deployment(namespace, 'web'));
    await bench.client.patch(
      resource,
      { namespace, name: 'web' },
      { merge: { metadata: { labels: { seen: 'yes' } } } },
      { fieldManager: 'labeller' },
    );
    await bench.raw(
      'PATCH',
      `/apis/apps/v1/namespaces/${namespace}/deployments/web/status?fieldManager=controller`,
      JSON.stringify({ status: { replicas: 1 } }),
      'application/merge-patch+json',
    );
    const live = await bench.client.get(resource, namespace, 'web');
    if (live === undefined) throw new Error('it is gone');
    expect(ownersOf(live, '.metadata.labels.seen')).toEqual([{ manager: 'labeller', operation: 'Update' }]);
    expect(ownersOf(live, '.status.replicas')).toEqual([
      { manager: 'controller', operation: 'Update', subresource: 'status' },
    ]);
  });

  check('names manager and field when another manager owns what is applied, and takes it by force', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a', { x: '1', y: '1' }), { fieldManager: 'someone' });
    const refused = bench.apply(configMap(namespace, 'a', { x: '2' }));
    await expect(refused).rejects.toMatchObject({
      status: 409,
      code: 'PLB-6103',
      reason: 'Conflict',
      retry: 'never',
      conflicts: [{ manager: 'someone', field: '.data.x' }],
    });
    const { object } = await bench.apply(configMap(namespace, 'a', { x: '2' }), { force: true });
    expect(object['data']).toEqual({ x: '2', y: '1' });
    expect(ownersOf(object, '.data.x')).toEqual([{ manager: 'plumbline', operation: 'Apply' }]);
    expect(ownersOf(object, '.data.y')).toEqual([{ manager: 'someone', operation: 'Apply' }]);
  });

  check('names every conflicting field, also those of managers that did not apply', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    await bench.client.create(resource, configMap(namespace, 'a', { x: '1', y: '1' }), { fieldManager: 'creator' });
    await bench.apply(configMap(namespace, 'a', { z: '1' }), { fieldManager: 'third' });
    await expect(bench.apply(configMap(namespace, 'a', { x: '2', y: '2', z: '2' }))).rejects.toMatchObject({
      conflicts: expect.arrayContaining([
        { manager: 'creator', field: '.data.x' },
        { manager: 'creator', field: '.data.y' },
        { manager: 'third', field: '.data.z' },
      ]),
    });
    await bench.client.patch(
      await bench.resource('v1', 'ConfigMap'),
      { namespace, name: 'a' },
      { merge: { data: { x: '3' } } },
      { fieldManager: 'editor' },
    );
    await expect(bench.apply(configMap(namespace, 'a', { x: '2' }))).rejects.toMatchObject({
      conflicts: [{ manager: 'editor', field: '.data.x' }],
    });
  });

  check('lets two managers own one field with one value, and keeps it until the last lets go', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a', { x: '1' }), { fieldManager: 'someone' });
    const shared = await bench.apply(configMap(namespace, 'a', { x: '1', y: '1' }));
    expect(
      ownersOf(shared.object, '.data.x')
        .map(({ manager }) => manager)
        .toSorted(),
    ).toEqual(['plumbline', 'someone']);
    const left = await bench.apply(configMap(namespace, 'a', { y: '1' }));
    expect(left.object['data']).toEqual({ x: '1', y: '1' });
    const last = await bench.apply(configMap(namespace, 'a'), { fieldManager: 'someone' });
    expect(last.object['data']).toEqual({ y: '1' });
  });

  check('removes a field that only we owned and no longer send', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(configMap(namespace, 'a', { x: '1', y: '1' }, { labels: { keep: '1', drop: '1' } }));
    const { object } = await bench.apply(configMap(namespace, 'a', { x: '1' }, { labels: { keep: '1' } }));
    expect(object['data']).toEqual({ x: '1' });
    expect(object.metadata.labels).toEqual({ keep: '1' });
  });

  check('returns a removed field to its default', async (bench) => {
    const namespace = await bench.namespace();
    await bench.apply(deployment(namespace, 'web', { replicas: 4 }));
    const { object } = await bench.apply(deployment(namespace, 'web'));
    expect(dig(object, 'spec', 'replicas')).toBe(1);
  });

  check(
    'shows drift in our entry: a change or removal by another takes the field out of it, the same value does not',
    async (bench) => {
      const namespace = await bench.namespace();
      const resource = await bench.resource('v1', 'ConfigMap');
      const { object } = await bench.apply(configMap(namespace, 'a', { x: '1', y: '1' }));
      const ours = ownedFields(object);
      const edit = (data: object) =>
        bench.client.patch(resource, { namespace, name: 'a' }, { merge: { data } }, { fieldManager: 'kubectl-edit' });
      expect(ownedFields(await edit({ x: '1', extra: 'theirs' }))).toBe(ours);
      const changed = await edit({ x: '2' });
      expect(ownedFields(changed)).not.toBe(ours);
      expect(ownersOf(changed, '.data.x')).toEqual([{ manager: 'kubectl-edit', operation: 'Update' }]);
      const healed = await bench.apply(configMap(namespace, 'a', { x: '1', y: '1' }), { force: true });
      expect(ownedFields(healed.object)).toBe(ours);
      expect(healed.object['data']).toEqual({ x: '1', y: '1', extra: 'theirs' });
      expect(ownedFields(await edit({ y: null }))).not.toBe(ours);
    },
  );

  check('lets managed fields be rewritten, guarded by the version, and be cleared', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const created = await bench.client.create(resource, configMap(namespace, 'a', { x: '1', y: '1' }), {
      fieldManager: 'kubectl-client-side-apply',
    });
    const entry = created.metadata.managedFields?.[0];
    const rewrite = (resourceVersion: string | undefined): Promise<KubeObject> =>
      bench.client.patch(
        resource,
        { namespace, name: 'a' },
        {
          json: [
            {
              op: 'replace',
              path: '/metadata/managedFields',
              value: [{ ...entry, manager: 'plumbline', operation: 'Apply' }],
            },
            { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
          ],
        },
      );
    const adopted = await rewrite(created.metadata.resourceVersion);
    expect(ownersOf(adopted, '.data.y')).toEqual([{ manager: 'plumbline', operation: 'Apply' }]);
    await expect(rewrite(created.metadata.resourceVersion)).rejects.toMatchObject({ status: 409 });
    expect((await bench.apply(configMap(namespace, 'a', { x: '1' }))).object['data']).toEqual({ x: '1' });
    const cleared = await bench.client.patch(
      resource,
      { namespace, name: 'a' },
      { merge: { metadata: { managedFields: [{}] } } },
    );
    expect(cleared.metadata.managedFields ?? []).toEqual([]);
    expect(cleared['data']).toEqual({ x: '1' });
  });

  check('dry-runs without any effect', async (bench) => {
    const namespace = await bench.namespace();
    const fresh = await bench.apply(configMap(namespace, 'a', { x: '1' }), { dryRun: true });
    expect(fresh.created).toBe(true);
    expect(fresh.object['data']).toEqual({ x: '1' });
    expect(await bench.get(configMap(namespace, 'a'))).toBeUndefined();
    const { object } = await bench.apply(configMap(namespace, 'a', { x: '1' }));
    const would = await bench.apply(configMap(namespace, 'a', { x: '2' }), { dryRun: true });
    expect(would.object['data']).toEqual({ x: '2' });
    expect(await bench.get(configMap(namespace, 'a'))).toEqual(object);
    await bench.apply(configMap(namespace, 'b', { x: '1' }), { fieldManager: 'someone' });
    await expect(bench.apply(configMap(namespace, 'b', { x: '2' }), { dryRun: true })).rejects.toMatchObject({
      conflicts: [{ manager: 'someone' }],
    });
  });

  check('demands a field manager and refuses managedFields in the body', async (bench) => {
    const namespace = await bench.namespace();
    const path = `/api/v1/namespaces/${namespace}/configmaps/a`;
    expect(
      (await bench.raw('PATCH', path, JSON.stringify(configMap(namespace, 'a')), 'application/apply-patch+yaml'))
        .status,
    ).toBe(422);
    const { object } = await bench.apply(configMap(namespace, 'a', { x: '1' }));
    await expect(bench.apply(object)).rejects.toMatchObject({ status: 400 });
  });

  check('refuses a stale resourceVersion and another uid in the body', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply(configMap(namespace, 'a', { x: '1' }));
    const { resourceVersion, uid } = object.metadata;
    await bench.apply(configMap(namespace, 'a', { x: '2' }));
    await expect(bench.apply(configMap(namespace, 'a', { x: '3' }, { resourceVersion }))).rejects.toMatchObject({
      status: 409,
      conflicts: [],
    });
    await expect(
      bench.apply(configMap(namespace, 'a', { x: '3' }, { uid: '00000000-0000-4000-8000-000000000000' })),
    ).rejects.toMatchObject({
      status: 422,
      causes: expect.arrayContaining([expect.objectContaining({ field: 'metadata.uid' })]),
    });
    expect((await bench.apply(configMap(namespace, 'a', { x: '3' }, { uid }))).object['data']).toEqual({ x: '3' });
  });

  check('reads its body as YAML without harm to any character', async (bench) => {
    const namespace = await bench.namespace();
    const text =
      'tab\t nel\u0085 ls\u2028 ps\u2029 del\u007f c1\u0090 bom\ufeff 😀 "quotes" \\ back\nnew # not: a comment';
    const { object } = await bench.apply(configMap(namespace, 'a', { text }));
    expect(object['data']).toEqual({ text });
    const yaml = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: b, namespace: ${namespace} }\ndata:\n  text: |\n    two\n    lines\n`;
    const answer = await bench.raw(
      'PATCH',
      `/api/v1/namespaces/${namespace}/configmaps/b?fieldManager=plumbline`,
      yaml,
      'application/apply-patch+yaml',
    );
    expect(answer).toMatchObject({ status: 201, body: { data: { text: 'two\nlines\n' } } });
  });

  check('refuses a body that names another object, kind or version than its path', async (bench) => {
    const namespace = await bench.namespace();
    const patch = (body: object): ReturnType<typeof bench.raw> =>
      bench.raw(
        'PATCH',
        `/api/v1/namespaces/${namespace}/configmaps/a?fieldManager=plumbline`,
        JSON.stringify(body),
        'application/apply-patch+yaml',
      );
    expect((await patch(configMap(namespace, 'b'))).status).toBe(400);
    expect((await patch({ ...configMap(namespace, 'a'), kind: 'Secret' })).status).toBe(400);
    expect((await patch({ ...configMap(namespace, 'a'), apiVersion: 'apps/v1' })).status).toBe(400);
    expect((await patch({ metadata: { name: 'a' } })).status).toBe(400);
  });

  check('does not let apply write the status of a kind with a status subresource', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply({ ...deployment(namespace, 'web'), status: { replicas: 5 } });
    expect(dig(object, 'status', 'replicas')).toBeUndefined();
    expect(
      fieldPathsOf(object.metadata.managedFields?.[0]?.fieldsV1 ?? {}).filter((path) => path.startsWith('.status')),
    ).toEqual([]);
  });
}
