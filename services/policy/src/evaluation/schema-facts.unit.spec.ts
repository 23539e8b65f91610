// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, Digest } from '@plumbline/core';
import type { KindSchema } from '@plumbline/kube/schema';
import { buildObject, generateSealKey, type ManifestObject, type ObjectBlob, parseSealKey } from '@plumbline/manifest';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { schemaProblems } from '../domain/schema-check.js';
import { SchemaFacts, type ServedBy } from './schema-facts.js';

const sealKey = parseSealKey(Buffer.from(generateSealKey()));
const CONFIG_MAP: KindSchema = {
  root: { ref: 0 },
  types: [{ properties: { apiVersion: 'string', kind: 'string', metadata: 'any', data: { values: 'string' } } }],
};
const SECRET: KindSchema = {
  root: {
    properties: { apiVersion: 'string', kind: 'string', metadata: 'any', data: { values: 'string' }, type: 'string' },
  },
  types: [],
};
const digestOf = (schema: KindSchema): Digest => Digest.of(canonicalJson(schema));

const configMap = (
  name: string,
  rest: object = {},
  annotations: Readonly<Record<string, string>> = {},
): ManifestObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations }, ...rest });
const widget = (spec: Readonly<Record<string, number>>): ManifestObject => ({
  apiVersion: 'example.org/v1',
  kind: 'Widget',
  metadata: { name: 'w' },
  spec,
});
const definition: ManifestObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.org' },
  spec: {
    group: 'example.org',
    names: { kind: 'Widget', plural: 'widgets' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', required: ['size'], properties: { size: { type: 'integer' } } } },
          },
        },
      },
    ],
  },
};

/** Counts what is read. */
class CountingStore extends MemoryObjectStore {
  reads = 0;
  override async getMany(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    this.reads += digests.length;
    return super.getMany(digests);
  }
}

describe('objects beside the schemas of their clusters', () => {
  let store: CountingStore;
  let facts: SchemaFacts;
  const east: ServedBy = {
    clusters: ['east'],
    schemas: new Map([
      ['v1/ConfigMap', digestOf(CONFIG_MAP)],
      ['v1/Secret', digestOf(SECRET)],
      ['v1/Service', undefined],
      ['apiextensions.k8s.io/v1/CustomResourceDefinition', undefined],
    ]),
  };

  beforeEach(async () => {
    store = new CountingStore();
    facts = new SchemaFacts(store);
    await store.put(
      [CONFIG_MAP, SECRET].map((schema) => ({ digest: digestOf(schema), content: canonicalJson(schema) })),
    );
  });

  async function problems(
    objects: readonly ManifestObject[],
    served: readonly ServedBy[] = [east],
    elsewhere: readonly ManifestObject[] = [],
  ): Promise<ReturnType<typeof schemaProblems>> {
    const blobs: ObjectBlob[] = objects.map((object) => buildObject(object, sealKey));
    const others = elsewhere.map((object) => buildObject(object, sealKey));
    await store.put([...blobs, ...others]);
    return schemaProblems(await facts.findings(blobs, served, () => Promise.resolve(others)));
  }

  it('name the object, the path and the cluster', async () => {
    const west = { ...east, clusters: ['west', 'north'] };
    expect(
      await problems(
        [configMap('good', { data: { a: 'b' } }), configMap('bad', { data: { a: 1 }, spec: {} })],
        [east, west],
      ),
    ).toEqual({
      denied: [
        '/ConfigMap//bad: data.a must be a string, not an integer (cluster "east" and 2 more)',
        '/ConfigMap//bad: spec is not a field of this kind (cluster "east" and 2 more)',
      ],
      warned: [],
      objects: ['/ConfigMap//bad'],
    });
  });

  it('never show a value, sealed or not', async () => {
    const picky: KindSchema = {
      root: { properties: { apiVersion: 'string', kind: 'string', metadata: 'any', data: { values: 'integer' } } },
      types: [],
    };
    await store.put([{ digest: digestOf(picky), content: canonicalJson(picky) }]);
    const served = { ...east, schemas: new Map([...east.schemas, ['v1/Secret', digestOf(picky)]]) };
    const { denied } = await problems(
      [
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { password: 'aHVudGVyMg==' } },
        configMap('c', { data: { token: 31_337 } }),
      ],
      [served],
    );
    expect(denied).toHaveLength(2);
    expect(denied.join()).not.toMatch(/hunter2|aHVudGVyMg|plumbline\.seal|31337/);
  });

  it('are exempt when they say so', async () => {
    const bad = { spec: {} };
    const { denied } = await problems([
      configMap('a', bad, { 'plumbline.dev/validation': 'disabled' }),
      configMap('b', bad, { 'argocd.argoproj.io/sync-options': 'Prune=false, Validate=false' }),
      configMap('c', bad, { 'plumbline.dev/validation': 'enabled' }),
    ]);
    expect(denied.map((line) => line.split(':')[0])).toEqual(['/ConfigMap//c']);
  });

  it('are held against the definition that comes with them, not against an older one of the cluster', async () => {
    const older: KindSchema = {
      root: { properties: { apiVersion: 'string', kind: 'string', metadata: 'any', spec: { properties: {} } } },
      types: [],
    };
    await store.put([{ digest: digestOf(older), content: canonicalJson(older) }]);
    const withWidget = { ...east, schemas: new Map([...east.schemas, ['example.org/v1/Widget', digestOf(older)]]) };
    expect((await problems([widget({ size: 1 })], [withWidget])).denied).toEqual([
      'example.org/Widget//w: spec.size is not a field of this kind (cluster "east")',
    ]);
    expect((await problems([definition, widget({ size: 1 })], [withWidget])).denied).toEqual([]);
    expect((await problems([definition, widget({})])).denied).toEqual([
      'example.org/Widget//w: spec.size is required (cluster "east")',
    ]);
  });

  it('are left alone when a definition that another application is about to bring has them right, and only then', async () => {
    const older: KindSchema = {
      root: { properties: { apiVersion: 'string', kind: 'string', metadata: 'any', spec: { properties: {} } } },
      types: [],
    };
    await store.put([{ digest: digestOf(older), content: canonicalJson(older) }]);
    const served = [{ ...east, schemas: new Map([...east.schemas, ['example.org/v1/Widget', digestOf(older)]]) }];
    expect(await problems([widget({ size: 1 })], served, [definition])).toEqual({
      denied: [],
      warned: ['the schema of example.org/v1/Widget is not known (cluster "east")'],
      objects: [],
    });
    expect((await problems([widget({ seize: 1 })], served, [definition])).denied).toEqual([
      'example.org/Widget//w: spec.seize is not a field of this kind (cluster "east")',
    ]);
  });

  it('get a warning where the schema is not known, and none where the kind is not served at all', async () => {
    const service: ManifestObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { nonsense: 1 },
    };
    expect(await problems([service, widget({})])).toEqual({
      denied: [],
      warned: ['the schema of v1/Service is not known (cluster "east")'],
      objects: [],
    });
    const bare = {
      clusters: ['bare'],
      schemas: new Map([
        ['v1/Service', undefined],
        ['v1/ConfigMap', undefined],
      ]),
    };
    expect((await problems([service, configMap('c')], [bare])).warned).toEqual([
      'no schemas are known: objects are checked at the sync only (cluster "bare")',
    ]);
  });

  it('are read once for all versions and clusters that have them', async () => {
    const objects = Array.from({ length: 1_000 }, (_, index) =>
      configMap(`c${index}`, { data: { index: String(index) } }),
    );
    const clusters = ['a', 'b', 'c'].map((name) => ({ ...east, clusters: [name] }));
    expect((await problems(objects, clusters)).denied).toEqual([]);
    const { reads } = store;
    expect(reads).toBe(1_001);
    expect((await problems([...objects, configMap('new')], clusters)).denied).toEqual([]);
    expect(store.reads - reads).toBe(1);
  });
});
