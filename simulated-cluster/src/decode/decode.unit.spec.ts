// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { builtinSchemas } from '../schema/builtin-schema.js';
import type { MapSchema } from '../schema/schema.js';
import { duplicateKeys, parseApplyBody } from './body.js';
import { decodeCustom } from './decode-custom.js';
import { canonicalQuantity, decodeBuiltin } from './decode.js';
import { schemaOfCustom } from '../schema/crd-schema.js';

function schemaOf(groupVersion: string, kind: string): MapSchema {
  const row = builtinSchemas().table.resources[groupVersion]?.find((entry) => entry.k === kind);
  if (row === undefined) throw new Error(`no ${kind} in ${groupVersion}`);
  return builtinSchemas().struct(row.t);
}

describe('a body of a built-in kind', () => {
  const deployment = schemaOf('apps/v1', 'Deployment');

  test('keeps a zero that is a pointer in Go and loses one that is none', () => {
    expect(
      decodeBuiltin(deployment, { spec: { replicas: 0, minReadySeconds: 0, paused: false } }).object,
    ).toMatchObject({ spec: { replicas: 0 } });
    expect(decodeBuiltin(deployment, { spec: { minReadySeconds: 0, paused: false } }).object['spec']).toEqual({
      selector: null,
      strategy: {},
      template: { metadata: {}, spec: { containers: null } },
    });
  });

  test('loses nulls, empty maps and lists', () => {
    expect(
      decodeBuiltin(schemaOf('/v1', 'ConfigMap'), {
        metadata: { labels: {}, annotations: null, finalizers: [] },
        data: {},
      }).object,
    ).toEqual({ metadata: {} });
  });

  test('reports unknown fields by their path', () => {
    expect(
      decodeBuiltin(deployment, {
        spec: { replica: 1, template: { spec: { containers: [{ name: 'a', imag: 'x' }] } } },
        extra: 1,
      }).unknown,
    ).toEqual(['spec.replica', 'spec.template.spec.containers[0].imag', 'extra']);
  });

  test('is refused in the words of Go when a type does not fit', () => {
    expect(() => decodeBuiltin(deployment, { spec: { replicas: '3' } })).toThrow(
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    );
    expect(() => decodeBuiltin(schemaOf('/v1', 'Secret'), { data: { a: '!!' } })).toThrow(
      'illegal base64 data at input byte 0',
    );
  });
});

test.each([
  ['1000m', '1'],
  ['0.5', '500m'],
  ['1024Mi', '1Gi'],
  ['1.5Gi', '1536Mi'],
  ['0', '0'],
  ['1e3', '1e3'],
  ['1500', '1500'],
  ['2000k', '2M'],
  ['-100m', '-100m'],
  ['0.0000000001', '1n'],
  ['1Ei', '1Ei'],
  ['100', '100'],
])('the quantity %s is written back as %s', (given, written) => {
  expect(canonicalQuantity(given)).toBe(written);
});

test('what is no quantity is refused', () => {
  expect(() => canonicalQuantity('1 GB')).toThrow('quantities must match the regular expression');
});

describe('duplicate keys', () => {
  test('are found at any depth, by path', () => {
    expect(duplicateKeys('{"a":1,"a":2,"b":{"c":[{"d":1,"d":2},{"d":3}],"c":[]},"s":"{\\"a\\":1,\\"a\\":2}"}')).toEqual(
      ['a', 'b.c[0].d', 'b.c'],
    );
  });

  test('are not seen in strings, escaped quotes and values', () => {
    expect(duplicateKeys('{"a":"a","b":"\\"a\\":1,","c":["a","a"],"d":"\\\\"}')).toEqual([]);
  });

  test('of an apply body come with their line', () => {
    expect(parseApplyBody('data:\n  a: b\n  c: d\n  a: e\n').duplicates()).toEqual([{ line: 4, key: 'a' }]);
    expect(parseApplyBody('{"a":1,\n"a":2}').duplicates()).toEqual([{ line: 2, key: 'a' }]);
  });
});

describe('a custom object', () => {
  const openApi = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          size: { type: 'integer', default: 3 },
          note: { type: 'string', nullable: true },
          plain: { type: 'string' },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          items: { type: 'array', items: { type: 'object', properties: { on: { type: 'boolean', default: true } } } },
        },
      },
    },
  };
  const schema = schemaOfCustom('Thing', openApi);

  test('loses unknown fields, says so, and gets its defaults', () => {
    const { object, unknown } = decodeCustom(
      openApi,
      {
        metadata: { name: 'x', odd: 1 },
        spec: { extra: 1, free: { any: 1 }, items: [{}, { on: false, off: 1 }] },
        other: 1,
      },
      schema,
      'dropped',
    );
    expect(object).toEqual({
      metadata: { name: 'x' },
      spec: { size: 3, free: { any: 1 }, items: [{ on: true }, { on: false }] },
    });
    expect(unknown).toEqual(['metadata.odd', 'other', 'spec.extra', 'spec.items[1].off']);
  });

  test('keeps a null only where it is allowed, or where an apply has left it', () => {
    const given = { metadata: {}, spec: { size: null, note: null, plain: null } };
    expect(decodeCustom(openApi, given, schema, 'dropped').object['spec']).toEqual({ size: 3, note: null });
    expect(decodeCustom(openApi, given, schema, 'kept').object['spec']).toEqual({ size: 3, note: null, plain: null });
  });
});
