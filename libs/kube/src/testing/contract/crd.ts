// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { ownersOf } from '../../managed-fields.js';
import type { KubeObject } from '../../types.js';
import { type Bench, type Check, dig, widgetCrd } from './bench.js';

const schema = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'integer', minimum: 1 },
    color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
    tags: { type: 'array', items: { type: 'string' } },
    parts: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, count: { type: 'integer' } },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    labels: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    port: { 'x-kubernetes-int-or-string': true },
  },
};

const newGroup = (): string => `g${randomBytes(4).toString('hex')}.example.org`;

/** Applies the CRD and waits until it is Established and in discovery. */
async function install(bench: Bench, crd: KubeObject, version = 'v1'): Promise<string> {
  await bench.apply(crd);
  const group = String(dig(crd, 'spec', 'group'));
  await expect
    .poll(
      async () =>
        dig(await bench.get(crd), 'status', 'conditions')?.find(({ type }: { type: string }) => type === 'Established')
          ?.status,
      { timeout: 60_000, interval: 50 },
    )
    .toBe('True');
  await expect
    .poll(
      async () => {
        bench.client.discovery.invalidate();
        return 'found' in (await bench.client.discovery.resourceFor(`${group}/${version}`, 'Widget'));
      },
      { timeout: 60_000, interval: 50 },
    )
    .toBe(true);
  return group;
}

const widget = (group: string, namespace: string | undefined, spec: object, more: object = {}): KubeObject => ({
  apiVersion: `${group}/v1`,
  kind: 'Widget',
  metadata: { name: 'w', ...(namespace === undefined ? {} : { namespace }) },
  spec,
  ...more,
});

/** Custom resources. */
export function crdChecks(check: Check): void {
  check('establishes a CRD, accepts its names, serves it and shows it in discovery', async (bench) => {
    const group = newGroup();
    expect(await bench.client.discovery.resourceFor(`${group}/v1`, 'Widget')).toMatchObject({ missing: 'group' });
    await install(bench, widgetCrd(group, { schema }));
    const crd = await bench.get(widgetCrd(group));
    expect(dig(crd, 'status')).toMatchObject({
      acceptedNames: { kind: 'Widget', plural: 'widgets' },
      storedVersions: ['v1'],
    });
    expect(dig(crd, 'status', 'conditions')).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: 'NamesAccepted', status: 'True' })]),
    );
    expect(await bench.resource(`${group}/v1`, 'Widget')).toMatchObject({
      plural: 'widgets',
      namespaced: true,
      preferred: true,
      subresources: ['status'],
    });
  });

  check('keeps the resourceVersion of a CRD that is applied again', async (bench) => {
    const crd = widgetCrd(newGroup(), { schema });
    await install(bench, crd);
    const before = await bench.get(crd);
    expect((await bench.apply(crd)).object.metadata).toMatchObject({
      resourceVersion: before?.metadata.resourceVersion,
      generation: 1,
    });
  });

  check('refuses a custom resource of a CRD that does not exist', async (bench) => {
    const namespace = await bench.namespace();
    const group = newGroup();
    const answer = await bench.raw(
      'PATCH',
      `/apis/${group}/v1/namespaces/${namespace}/widgets/w?fieldManager=plumbline`,
      JSON.stringify(widget(group, namespace, {})),
      'application/apply-patch+yaml',
    );
    expect(answer.status).toBe(404);
  });

  check('applies a custom resource with a schema: defaults, keyed lists, sets, ownership', async (bench) => {
    const namespace = await bench.namespace();
    const group = await install(bench, widgetCrd(newGroup(), { schema }));
    const first = await bench.apply(
      widget(group, namespace, {
        size: 1,
        parts: [{ name: 'a', count: 1 }],
        labels: ['x'],
        tags: ['1', '2'],
        port: 'http',
        free: { any: { thing: 1 } },
      }),
    );
    expect(first.object['spec']).toMatchObject({ color: 'red', free: { any: { thing: 1 } } });
    expect(first.object.metadata.generation).toBe(1);
    const merged = await bench.apply(widget(group, namespace, { size: 1, parts: [{ name: 'b' }], labels: ['y'] }), {
      fieldManager: 'other',
    });
    expect(dig(merged.object, 'spec', 'parts').map(({ name }: { name: string }) => name)).toEqual(['a', 'b']);
    expect(dig(merged.object, 'spec', 'labels')).toEqual(['x', 'y']);
    expect(ownersOf(merged.object, '.spec.parts[name="b"]').map(({ manager }) => manager)).toEqual(['other']);
    await expect(bench.apply(widget(group, namespace, { size: 2 }), { fieldManager: 'other' })).rejects.toMatchObject({
      conflicts: [{ manager: 'plumbline', field: '.spec.size' }],
    });
    const second = await bench.apply(widget(group, namespace, { size: 1, parts: [{ name: 'a', count: 2 }], port: 80 }));
    expect(second.object['spec']).toMatchObject({
      size: 1,
      port: 80,
      parts: [{ name: 'a', count: 2 }, { name: 'b' }],
      labels: ['y'],
    });
    expect(dig(second.object, 'spec', 'tags')).toBeUndefined();
    expect(second.object.metadata.generation).toBe(3);
    const again = await bench.apply(widget(group, namespace, { size: 1, parts: [{ name: 'a', count: 2 }], port: 80 }));
    expect(again.object.metadata.resourceVersion).toBe(second.object.metadata.resourceVersion);
  });

  check('applies a custom resource without a schema: maps merge, lists are taken whole', async (bench) => {
    const namespace = await bench.namespace();
    const group = await install(bench, widgetCrd(newGroup()));
    await bench.apply(widget(group, namespace, { a: 1, list: [1, 2], deep: { x: 1 } }));
    const { object } = await bench.apply(widget(group, namespace, { b: 2, deep: { y: 1 } }), { fieldManager: 'other' });
    expect(object['spec']).toEqual({ a: 1, b: 2, list: [1, 2], deep: { x: 1, y: 1 } });
    const changed = await bench.apply(widget(group, namespace, { list: [2] }));
    expect(changed.object['spec']).toEqual({ b: 2, list: [2], deep: { y: 1 } });
  });

  check('refuses custom resources that do not fit their schema, naming the field', async (bench) => {
    const namespace = await bench.namespace();
    const group = await install(bench, widgetCrd(newGroup(), { schema }));
    await expect(bench.apply(widget(group, namespace, { size: 0 }))).rejects.toMatchObject({
      status: 422,
      causes: [expect.objectContaining({ field: 'spec.size' })],
    });
    await expect(bench.apply(widget(group, namespace, {}))).rejects.toMatchObject({
      status: 422,
      causes: [expect.objectContaining({ field: 'spec.size', reason: 'FieldValueRequired' })],
    });
    await expect(bench.apply(widget(group, namespace, { size: 1, color: 'green' }))).rejects.toMatchObject({
      status: 422,
      causes: [expect.objectContaining({ field: 'spec.color' })],
    });
    await expect(
      bench.client.create(await bench.resource(`${group}/v1`, 'Widget'), widget(group, namespace, { size: 'big' })),
    ).rejects.toMatchObject({ status: 422, causes: [expect.objectContaining({ field: 'spec.size' })] });
    await expect(
      bench.client.create(
        await bench.resource(`${group}/v1`, 'Widget'),
        widget(group, namespace, { size: 1, sise: 2 }),
      ),
    ).rejects.toMatchObject({ status: 400, causes: [{ reason: 'FieldUnknown', field: 'spec.sise' }] });
    await expect(bench.apply(widget(group, namespace, { size: 1, sise: 2 }))).rejects.toThrow('.spec.sise');
    expect(await bench.get(widget(group, namespace, {}))).toBeUndefined();
  });

  check(
    'refuses unknown fields of a custom resource in a server-side apply whatever the mode, those of embedded metadata too, and prunes them from other writes',
    async (bench) => {
      const namespace = await bench.namespace();
      const inner = {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        properties: { note: { type: 'string' } },
      };
      const group = await install(
        bench,
        widgetCrd(newGroup(), { schema: { ...schema, properties: { ...schema.properties, inner } } }),
      );
      const collection = `/apis/${group}/v1/namespaces/${namespace}/widgets`;
      const apply = (object: KubeObject, mode: string): ReturnType<Bench['raw']> =>
        bench.raw(
          'PATCH',
          `${collection}/w?fieldManager=plumbline&fieldValidation=${mode}`,
          JSON.stringify(object),
          'application/apply-patch+yaml',
        );
      const embedded = { apiVersion: 'v1', kind: 'X', metadata: { name: 'x', zip: 1 }, note: 'n' };
      for (const mode of ['Strict', 'Warn', 'Ignore']) {
        expect((await apply(widget(group, namespace, { size: 1, sise: 2 }), mode)).body.message).toContain(
          '.spec.sise: field not declared in schema',
        );
        expect((await apply(widget(group, namespace, { size: 1, inner: embedded }), mode)).body.message).toContain(
          '.spec.inner.metadata.zip: field not declared in schema',
        );
        expect((await apply(widget(group, namespace, { size: 1 }, { top: 1 }), mode)).body.message).toContain(
          '.top: field not declared in schema',
        );
      }
      const created = await bench.raw(
        'POST',
        `${collection}?fieldValidation=Warn`,
        JSON.stringify(widget(group, namespace, { size: 1, sise: 2, free: { a: 1 }, inner: embedded }, { top: 1 })),
      );
      expect(created.status).toBe(201);
      expect(created.body.spec).toEqual({
        size: 1,
        color: 'red',
        free: { a: 1 },
        inner: { apiVersion: 'v1', kind: 'X', metadata: { name: 'x' }, note: 'n' },
      });
      for (const field of ['top', 'spec.sise', 'spec.inner.metadata.zip'])
        expect(created.headers['warning']).toContain(`unknown field \\"${field}\\"`);
      const free = await install(bench, widgetCrd(newGroup()));
      expect((await bench.apply({ ...widget(free, namespace, { any: 1 }), top: 2 })).object).toMatchObject({
        spec: { any: 1 },
        top: 2,
      });
      await expect(
        bench.apply({ ...widget(free, namespace, {}), metadata: { name: 'w', namespace, lables: {} } }),
      ).rejects.toMatchObject({ causes: [{ reason: 'FieldUnknown', field: '.metadata.lables' }] });
    },
  );

  check('keeps spec and status of a custom resource apart and counts its generation', async (bench) => {
    const namespace = await bench.namespace();
    const group = await install(bench, widgetCrd(newGroup(), { schema }));
    const resource = await bench.resource(`${group}/v1`, 'Widget');
    const { object } = await bench.apply(widget(group, namespace, { size: 1 }, { status: { phase: 'Fake' } }));
    expect(object['status']).toBeUndefined();
    const reported = await bench.client.patchStatus(resource, namespace, 'w', {
      phase: 'Ready',
      observedGeneration: 1,
    });
    expect(reported).toMatchObject({ metadata: { generation: 1 }, status: { phase: 'Ready' } });
    const changed = await bench.client.patch(
      resource,
      { namespace, name: 'w' },
      { merge: { spec: { size: 2 }, status: { phase: 'Changed' } } },
    );
    expect(changed).toMatchObject({ metadata: { generation: 2 }, status: { phase: 'Ready' } });
  });

  check('serves cluster-scoped custom resources', async (bench) => {
    const group = await install(bench, widgetCrd(newGroup(), { schema, scope: 'Cluster' }));
    expect((await bench.apply(widget(group, undefined, { size: 1 }))).object.metadata.namespace).toBeUndefined();
    expect(await bench.get(widget(group, undefined, {}))).toBeDefined();
  });

  check('serves every version of a custom resource', async (bench) => {
    const namespace = await bench.namespace();
    const group = newGroup();
    const version = (name: string, storage: boolean): object => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: schema } } },
    });
    await install(bench, widgetCrd(group, { versions: [version('v1', true), version('v1beta1', false)] }), 'v1beta1');
    const { object } = await bench.apply({ ...widget(group, namespace, { size: 1 }), apiVersion: `${group}/v1beta1` });
    expect(object.apiVersion).toBe(`${group}/v1beta1`);
    const other = await bench.get(widget(group, namespace, {}));
    expect(other).toMatchObject({
      apiVersion: `${group}/v1`,
      spec: { size: 1 },
      metadata: { uid: object.metadata.uid },
    });
    expect(await bench.resource(`${group}/v1`, 'Widget')).toMatchObject({ preferred: true });
    expect(await bench.resource(`${group}/v1beta1`, 'Widget')).toMatchObject({ preferred: false });
  });

  check('takes new fields into the schema when the CRD changes', async (bench) => {
    const namespace = await bench.namespace();
    const group = await install(bench, widgetCrd(newGroup(), { schema }));
    const grown = { ...schema, properties: { ...schema.properties, weight: { type: 'integer' } } };
    await bench.apply(widgetCrd(group, { schema: grown }));
    await expect
      .poll(
        () =>
          bench.apply(widget(group, namespace, { size: 1, weight: 7 })).then(
            ({ object }) => dig(object, 'spec', 'weight'),
            () => undefined,
          ),
        { timeout: 60_000, interval: 100 },
      )
      .toBe(7);
  });

  check('deletes the custom resources with their CRD and takes the kind out of discovery', async (bench) => {
    const namespace = await bench.namespace();
    const group = await install(bench, widgetCrd(newGroup(), { schema }));
    await bench.apply(widget(group, namespace, { size: 1 }));
    const live = await bench.get(widgetCrd(group));
    expect(live?.metadata.finalizers).toBeUndefined();
    const deleted = await bench.delete(widgetCrd(group));
    expect(deleted.object?.metadata.finalizers ?? ['customresourcecleanup.apiextensions.k8s.io']).toEqual([
      'customresourcecleanup.apiextensions.k8s.io',
    ]);
    await expect.poll(() => bench.get(widgetCrd(group)), { timeout: 60_000, interval: 100 }).toBeUndefined();
    await expect
      .poll(async () => (await bench.raw('GET', `/apis/${group}/v1/namespaces/${namespace}/widgets/w`)).status, {
        timeout: 60_000,
        interval: 100,
      })
      .toBe(404);
    await expect
      .poll(
        async () => {
          bench.client.discovery.invalidate();
          return 'missing' in (await bench.client.discovery.resourceFor(`${group}/v1`, 'Widget'));
        },
        { timeout: 60_000, interval: 100 },
      )
      .toBe(true);
  });

  check('does not accept a CRD whose kind another has taken', async (bench) => {
    const group = await install(bench, widgetCrd(newGroup(), { schema }));
    const rival = widgetCrd(group, { schema });
    const names = { plural: 'gadgets', singular: 'gadget', kind: 'Widget', listKind: 'WidgetList' };
    const object = { ...rival, metadata: { name: `gadgets.${group}` }, spec: { ...dig(rival, 'spec'), names } };
    await bench.apply(object);
    await expect
      .poll(
        async () =>
          dig(await bench.get(object), 'status', 'conditions')?.find(
            ({ type }: { type: string }) => type === 'NamesAccepted',
          )?.status,
        { timeout: 60_000, interval: 50 },
      )
      .toBe('False');
  });

  check('refuses a CRD that is not named after its plural and group, or has no storage version', async (bench) => {
    const crd = widgetCrd(newGroup(), { schema });
    await expect(bench.apply({ ...crd, metadata: { name: 'wrong.example.org' } })).rejects.toMatchObject({
      status: 422,
    });
    const version = { name: 'v1', served: true, storage: false, schema: { openAPIV3Schema: { type: 'object' } } };
    await expect(bench.apply(widgetCrd(newGroup(), { versions: [version] }))).rejects.toMatchObject({ status: 422 });
  });
}
