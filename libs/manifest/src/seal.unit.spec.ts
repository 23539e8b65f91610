// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, InputError, UpstreamError } from '@plumbline/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffObjects, MASK, maskObject } from './diff.js';
import { keyOf, type ManifestObject, objectKey, parseKey } from './identity.js';
import { buildObject, buildObjectSet, buildSources, parseObject, parseObjectSet, parseSources } from './object-set.js';
import { LAST_APPLIED, scrubObject } from './scrub.js';
import { generateSealKey, parseSealKey, SEAL_PREFIX, sealObject, unsealObject } from './seal.js';

const key = parseSealKey(Buffer.alloc(32, 7));
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (data: Record<string, string>, more: Record<string, unknown> = {}): ManifestObject =>
  ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: 'web' }, data, ...more }) as ManifestObject;

const values = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/),
  fc.string({ unit: 'binary', maxLength: 600 }).map((text) => Buffer.from(text).toString('base64')),
  { maxKeys: 5 },
);

describe('sealing', () => {
  it('gives back any value', () => {
    fc.assert(
      fc.property(values, (data) => {
        expect(unsealObject(sealObject(secret(data), key), key)).toEqual(secret(data));
      }),
    );
  });

  it('gives the same text for the same input, and another for another place, key or value', () => {
    const sealed = (object: ManifestObject, dataKey = 'p'): unknown =>
      (sealObject(object, key)['data'] as Record<string, string>)[dataKey];
    const one = sealed(secret({ p: base64('x') }));
    expect(sealed(secret({ p: base64('x') }))).toBe(one);
    expect(sealed(secret({ p: base64('y') }))).not.toBe(one);
    expect(sealed(secret({ q: base64('x') }), 'q')).not.toBe(one);
    expect(sealed(secret({ p: base64('x') }, { metadata: { name: 'other', namespace: 'web' } }))).not.toBe(one);
    expect(
      (sealObject(secret({ p: base64('x') }), parseSealKey(Buffer.alloc(32, 8)))['data'] as Record<string, string>)[
        'p'
      ],
    ).not.toBe(one);
  });

  it('hides the length of values up to 250 bytes', () => {
    const length = (text: string): number => canonicalJson(sealObject(secret({ p: text }), key)).length;
    expect(new Set(['', base64('x'), base64('x'.repeat(150)), base64('x'.repeat(186))].map(length)).size).toBe(1);
  });

  it('hides every value and no key', () => {
    fc.assert(
      fc.property(
        fc
          .string({ minLength: 8, maxLength: 40 })
          .filter((text) => !JSON.stringify(secret({ password: '' })).includes(text)),
        (canary) => {
          const { content } = buildObject(secret({}, { stringData: { password: `canary-${canary}` } }), key);
          expect(content).not.toContain(JSON.stringify(`canary-${canary}`).slice(1, -1));
          expect(content).not.toContain(base64(`canary-${canary}`));
          expect(content).toContain('"password"');
        },
      ),
    );
  });

  it('leaves other kinds as they are', () => {
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: 'v' } };
    expect(sealObject(configMap, key)).toBe(configMap);
  });

  it('refuses what was sealed with another key, moved to another place, or never sealed', () => {
    const sealed = sealObject(secret({ p: base64('x') }), key);
    const moved = { ...sealed, metadata: { name: 'stolen', namespace: 'web' } };
    for (const attempt of [
      () => unsealObject(sealed, parseSealKey(Buffer.alloc(32, 8))),
      () => unsealObject(moved, key),
      () => unsealObject(secret({ p: base64('x') }), key),
    ]) {
      expect(attempt).toThrow(UpstreamError);
    }
  });

  it('cannot be made to unseal a sealed text that somebody wrote into a repository', () => {
    const stolen = (sealObject(secret({ p: base64('x') }), key)['data'] as Record<string, string>)['p'] ?? '';
    expect(stolen.startsWith(SEAL_PREFIX)).toBe(true);
    expect(() => buildObject(secret({ p: stolen }), key)).toThrow(InputError);
  });

  it('takes a key file as raw bytes, base64 or hex, and refuses others', () => {
    const raw = Buffer.alloc(32, 7);
    for (const content of [raw, Buffer.from(`${raw.toString('base64')}\n`), Buffer.from(raw.toString('hex'))])
      expect(parseSealKey(content)).toEqual(key);
    expect(() => parseSealKey(Buffer.from(generateSealKey()))).not.toThrow();
    expect(() => parseSealKey(Buffer.from('short'))).toThrow(InputError);
  });
});

describe('scrubbing', () => {
  it('drops what only a server writes, and last-applied', () => {
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'a',
        namespace: '',
        uid: 'u',
        resourceVersion: '1',
        generation: 2,
        creationTimestamp: null,
        managedFields: [],
        selfLink: '/',
        annotations: { [LAST_APPLIED]: '{}', keep: 'x' },
      },
      spec: { replicas: 1 },
      status: { replicas: 1 },
    } as ManifestObject;
    expect(scrubObject(object)).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'a', annotations: { keep: 'x' } },
      spec: { replicas: 1 },
    });
  });

  it('folds stringData into data, where it wins as on the server', () => {
    expect(scrubObject(secret({ a: base64('1'), b: base64('2') }, { stringData: { b: 'ü', c: '3' } }))).toEqual(
      secret({ a: base64('1'), b: base64('ü'), c: base64('3') }),
    );
    expect(scrubObject(secret({}, { data: null, stringData: null }))).not.toHaveProperty('stringData');
  });

  it.each([
    ['a number in stringData', { stringData: { pin: 1234567 } }, 'stringData.pin must be text'],
    ['data that is not base64', { data: { pin: '1234567!' } }, 'data.pin is not base64'],
    ['data that is a list', { data: ['1234567'] }, 'data must be a mapping'],
    ['a mistyped field', { stringdata: { pin: '1234567' } }, 'no field "stringdata"'],
    ['a mistyped apiVersion', { apiVersion: 'core/v1', data: { pin: '1234567!' } }, 'data.pin is not base64'],
  ])('refuses a Secret with %s, without the value', (_, more, message) => {
    const attempt = (): unknown => scrubObject(secret({}, more));
    expect(attempt).toThrow(message);
    expect(attempt).not.toThrow('1234567');
  });
});

describe('masks and diffs', () => {
  it('mask every value with the same text, whatever its length', () => {
    const masked = maskObject(
      secret(
        { a: 'x', b: 'y'.repeat(500) },
        { stringData: { c: 'z' }, metadata: { name: 'db', annotations: { [LAST_APPLIED]: 'leak' } } },
      ),
    );
    expect(masked).toMatchObject({
      data: { a: MASK, b: MASK },
      stringData: { c: MASK },
      metadata: { annotations: { [LAST_APPLIED]: MASK } },
    });
    expect(maskObject(secret({}, { data: 'leak', Data: { x: 'leak' } }))).toMatchObject({
      data: MASK,
      Data: { x: MASK },
    });
  });

  it('name the secret keys that changed, never their values', () => {
    const from = secret({ same: 'c2FtZQ==', changed: 'b2xk', gone: 'Z29uZQ==' });
    const to = secret({ same: 'c2FtZQ==', changed: 'bmV3', added: 'YWRk' }, { type: 'Opaque' });
    expect(diffObjects(sealObject(from, key), sealObject(to, key))).toEqual([
      { path: 'data.added', op: 'add' },
      { path: 'data.changed', op: 'change' },
      { path: 'data.gone', op: 'remove' },
      { path: 'type', op: 'add', to: 'Opaque' },
    ]);
    expect(diffObjects(secret({}, { data: undefined }), secret({ a: 'eA==' }))).toEqual([
      { path: 'data.a', op: 'add' },
    ]);
  });

  it('never hold a value of a Secret', () => {
    const canary = fc.constant('Y2FuYXJ5LXZhbHVl');
    const data = fc.oneof(
      fc.dictionary(fc.constantFrom('a', 'b'), canary),
      canary,
      fc.array(canary),
      fc.constant(undefined),
    );
    fc.assert(
      fc.property(data, data, data, (one, two, three) => {
        const text = JSON.stringify([
          diffObjects(secret({}, { data: one, stringData: three }), secret({}, { data: two })),
          diffObjects(undefined, secret({}, { data: one })),
          diffObjects(secret({}, { data: one, other: two }), undefined),
          diffObjects(
            secret({}, { metadata: { name: 'a' } }),
            secret({}, { metadata: { name: 'a', annotations: { [LAST_APPLIED]: 'Y2FuYXJ5LXZhbHVl' } } }),
          ),
        ]);
        expect(text).not.toContain('Y2FuYXJ5');
      }),
    );
  });

  it('match list items by name', () => {
    const object = (containers: unknown[]): ManifestObject =>
      ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers } }) as unknown as ManifestObject;
    expect(
      diffObjects(
        object([
          { name: 'a', image: '1' },
          { name: 'b', image: '1' },
        ]),
        object([
          { name: 'b', image: '1' },
          { name: 'a', image: '2' },
        ]),
      ),
    ).toEqual([{ path: 'spec.containers[name=a].image', op: 'change', from: '1', to: '2' }]);
    expect(diffObjects(object(['x']), object(['x', 'y']))).toEqual([
      { path: 'spec.containers[1]', op: 'add', to: 'y' },
    ]);
  });

  it('find nothing between equal objects', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (spec) => {
        const object = { apiVersion: 'v1', kind: 'X', metadata: { name: 'a' }, spec } as unknown as ManifestObject;
        expect(diffObjects(object, structuredClone(object))).toEqual([]);
      }),
    );
  });
});

describe('keys and sets', () => {
  it('write and read keys with their empty parts', () => {
    expect(keyOf(secret({}))).toBe('/Secret/web/db');
    expect(objectKey({ group: '', kind: 'Namespace', namespace: '', name: 'web' })).toBe('/Namespace//web');
    expect(parseKey('rbac.authorization.k8s.io/ClusterRole//a:b')).toEqual({
      group: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      namespace: '',
      name: 'a:b',
    });
    for (const bad of ['', 'a', 'a/b/c', '/Pod/web/', '//web/x', 'a/b/c/d/e'])
      expect(() => parseKey(bad)).toThrow(InputError);
  });

  it('give one digest for a set in any order, and for an object with its fields in any order', () => {
    const objects = Array.from({ length: 6 }, (_, index) =>
      buildObject(
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${index}` }, data: { a: '1', b: '2' } },
        key,
      ),
    );
    const expected = buildObjectSet(objects);
    fc.assert(
      fc.property(fc.shuffledSubarray(objects, { minLength: 6 }), (shuffled) => {
        expect(buildObjectSet(shuffled)).toEqual(expected);
      }),
    );
    expect(parseObjectSet(expected.content).map((entry) => entry.key)).toEqual(objects.map((object) => object.key));
    expect(
      buildObject({ data: { b: '2', a: '1' }, metadata: { name: 'c0' }, kind: 'ConfigMap', apiVersion: 'v1' }, key),
    ).toEqual(objects[0]);
  });

  it('read back what they wrote', () => {
    const built = buildObject(secret({ p: base64('x') }), key);
    expect(unsealObject(parseObject(built.content), key)).toEqual(secret({ p: base64('x') }));
    const sources = new Map([['/Secret/web/db', 'deploy/db.yaml#0']]);
    expect(parseSources(buildSources(sources).content)).toEqual(sources);
    for (const parse of [parseObject, parseObjectSet, parseSources]) expect(() => parse('{"x":')).toThrow(/stored/);
  });
});
