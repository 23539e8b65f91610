// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { compactDefinition, compactDocument } from './compact.js';
import type { KindSchema } from './model.js';
import { validateObject } from './validate.js';

const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const gvk = (kind: string, group = 'apps', version = 'v1'): object => ({
  'x-kubernetes-group-version-kind': [{ group, version, kind }],
});

/** As the API server writes it, a little of everything. */
const document = {
  openapi: '3.0.0',
  components: {
    schemas: {
      [META]: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          labels: { type: 'object', additionalProperties: { type: 'string', default: '' } },
        },
      },
      'io.k8s.api.apps.v1.Thing': {
        type: 'object',
        required: ['spec'],
        ...gvk('Thing'),
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          metadata: { allOf: [ref(META)], default: {} },
          spec: { allOf: [ref('io.k8s.api.core.v1.PodSpec')] },
          status: ref('io.k8s.api.core.v1.PodSpec'),
        },
      },
      'io.k8s.api.core.v1.PodSpec': {
        type: 'object',
        required: ['containers', 'whatever'],
        properties: {
          containers: {
            type: 'array',
            items: { allOf: [ref('io.k8s.api.core.v1.Container')] },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
          },
          whatever: { type: 'integer' },
          share: { type: 'number' },
          on: { type: 'boolean' },
          child: ref('io.k8s.api.core.v1.PodSpec'),
          cpu: ref('io.k8s.apimachinery.pkg.api.resource.Quantity'),
          port: { type: 'string', format: 'int-or-string' },
          lost: ref('not.there'),
          raw: { type: 'object' },
        },
      },
      'io.k8s.api.core.v1.Container': {
        type: 'object',
        required: ['name'],
        properties: {
          name: { type: 'string' },
          ports: {
            type: 'array',
            items: {
              type: 'object',
              properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' } },
            },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['port', 'protocol'],
          },
        },
      },
      'io.k8s.apimachinery.pkg.api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
      'io.k8s.api.apps.v1.ThingList': {
        type: 'object',
        ...gvk('ThingList'),
        properties: { metadata: ref('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta') },
      },
      'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions': {
        type: 'object',
        'x-kubernetes-group-version-kind': [
          { group: '', version: 'v1', kind: 'DeleteOptions' },
          { group: 'apps', version: 'v1', kind: 'DeleteOptions' },
        ],
      },
    },
  },
};

function definition(openAPIV3Schema: object, spec: object = {}): object {
  return {
    kind: 'CustomResourceDefinition',
    spec: {
      group: 'example.org',
      names: { kind: 'Widget' },
      versions: [
        { name: 'v1', served: true, schema: { openAPIV3Schema } },
        { name: 'v0', served: false },
      ],
      ...spec,
    },
  };
}

function only(kinds: readonly { readonly schema: KindSchema }[]): KindSchema {
  const [first] = kinds;
  if (first === undefined || kinds.length !== 1) throw new Error(`${kinds.length} kinds`);
  return first.schema;
}

const thing = (spec: unknown, rest: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Thing',
  metadata: { name: 'a' },
  spec,
  ...rest,
});
const texts = (schema: KindSchema, object: unknown): string[] =>
  validateObject(schema, object).map(({ path, message }) => `${path} ${message}`);

describe('a compact document', () => {
  const schema = only(compactDocument(document));

  it('has the kinds, not their lists nor the bodies of other calls', () => {
    expect(compactDocument(document).map(({ apiVersion, kind }) => `${apiVersion}/${kind}`)).toEqual(['apps/v1/Thing']);
  });

  it('is the same whatever order the server wrote the document in', () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value) || typeof value !== 'object' || value === null
        ? value
        : Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, member]) => [key, reversed(member)]),
          );
    expect(canonicalJson(only(compactDocument(reversed(document))))).toBe(canonicalJson(schema));
  });

  it('finds unknown fields, wrong types and missing fields at any depth, also in types that contain themselves', () => {
    const child = { containers: [{ name: 'a', image: 'x' }, {}], share: 'x' };
    expect(
      texts(
        schema,
        thing(
          {
            containers: [{ name: 1, ports: [{ protocol: 'UDP' }, { port: 80 }] }],
            whatever: 1.5,
            on: 'yes',
            child,
            replica: 1,
          },
          { extra: {} },
        ),
      ),
    ).toEqual([
      'spec.containers[0].name must be a string, not an integer',
      'spec.containers[0].ports[0].port is required',
      'spec.whatever must be an integer, not a fraction',
      'spec.on must be true or false, not a string',
      'spec.child.containers[0].image is not a field of this kind',
      'spec.child.containers[1].name is required',
      'spec.child.share must be a number, not a string',
      'spec.replica is not a field of this kind',
      'extra is not a field of this kind',
    ]);
  });

  it('judges nothing that may be right: null, quantities, int-or-string, free-form fields, unknown types, fields that Go merely always writes, status', () => {
    expect(
      texts(
        schema,
        thing(
          { containers: [], on: null, cpu: { a: 1 }, port: true, lost: 1, raw: { a: [1] } },
          { status: { nonsense: 1 } },
        ),
      ),
    ).toEqual([]);
    expect(texts(schema, { apiVersion: 'apps/v1', kind: 'Thing', metadata: { name: 'a', labels: null } })).toEqual([]);
  });

  it('tells where a map has a value of another type without telling the value', () => {
    const [issue] = texts(schema, {
      apiVersion: 'apps/v1',
      kind: 'Thing',
      metadata: { name: 'a', labels: { 'a.b/c': 12_345 } },
    });
    expect(issue).toBe('metadata.labels["a.b/c"] must be a string, not an integer');
  });

  it('stops after twenty issues', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`field${index}`, 1]));
    expect(validateObject(schema, thing({ containers: [], ...many }))).toHaveLength(20);
  });

  it('is not led astray by the names of inherited members', () => {
    expect(texts(schema, thing(JSON.parse('{"containers": [], "constructor": 1, "__proto__": {"a": 1}}')))).toEqual([
      'spec.constructor is not a field of this kind',
      'spec.__proto__ is not a field of this kind',
    ]);
  });
});

describe('the definition of a custom resource', () => {
  it('counts for its served versions, with all that it requires and gives no default for', () => {
    const schema = only(
      compactDefinition(
        definition({
          type: 'object',
          required: ['spec'],
          properties: {
            spec: {
              type: 'object',
              required: ['size', 'mode'],
              properties: { size: { type: 'integer' }, mode: { type: 'string', default: 'a' } },
            },
          },
        }),
      ),
    );
    const widget = { apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name: 'a', anything: 1 } };
    expect(texts(schema, widget)).toEqual(['spec is required']);
    expect(texts(schema, { ...widget, spec: { mode: 'b', seize: 1 } })).toEqual([
      'spec.seize is not a field of this kind',
      'spec.size is required',
    ]);
    expect(texts(schema, { ...widget, spec: { size: 1 } })).toEqual([]);
  });

  it('leaves alone what keeps unknown fields, and knows the identity of embedded objects', () => {
    const schema = only(
      compactDefinition(
        definition({
          type: 'object',
          properties: {
            free: {
              type: 'object',
              'x-kubernetes-preserve-unknown-fields': true,
              properties: { a: { type: 'string' } },
            },
            inner: {
              type: 'object',
              'x-kubernetes-embedded-resource': true,
              properties: { spec: { type: 'object', properties: {} } },
            },
          },
        }),
      ),
    );
    expect(
      texts(schema, { free: { a: 1, b: 2 }, inner: { apiVersion: 'v1', kind: 'X', metadata: { a: 1 }, other: 1 } }),
    ).toEqual(['inner.other is not a field of this kind']);
  });

  it('says nothing about kinds without a schema, nor about other objects', () => {
    const bare = only(
      compactDefinition(definition({ type: 'object', properties: {} }, { preserveUnknownFields: true })),
    );
    expect(texts(bare, { anything: 1 })).toEqual([]);
    expect(compactDefinition({ kind: 'ConfigMap', data: {} })).toEqual([]);
    expect(compactDocument('nonsense')).toEqual([]);
  });
});
