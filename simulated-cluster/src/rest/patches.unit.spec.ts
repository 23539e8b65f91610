// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { builtinSchemas } from '../schema/builtin-schema.js';
import type { MapSchema } from '../schema/schema.js';
import { jsonPatch, mergePatch, strategicMergePatch } from './patches.js';
import { labelSelector } from './selectors.js';

function deployments(): MapSchema {
  const row = builtinSchemas().table.resources['apps/v1']?.find((entry) => entry.k === 'Deployment');
  return builtinSchemas().struct(row?.t ?? 0);
}

test('a merge patch replaces, adds and removes', () => {
  expect(mergePatch({ a: 1, b: { c: 1, d: 1 }, l: [1] }, { a: null, b: { c: 2 }, l: [2], n: { x: null } })).toEqual({
    b: { c: 2, d: 1 },
    l: [2],
    n: {},
  });
});

describe('a JSON patch', () => {
  test('does every operation', () => {
    const patched = jsonPatch({ a: { b: [1, 2] }, 'x/y': 1, m: 1 }, [
      { op: 'test', path: '/a/b/0', value: 1 },
      { op: 'add', path: '/a/b/-', value: 3 },
      { op: 'add', path: '/a/b/0', value: 0 },
      { op: 'replace', path: '/x~1y', value: 2 },
      { op: 'remove', path: '/a/b/1' },
      { op: 'copy', from: '/m', path: '/n' },
      { op: 'move', from: '/m', path: '/o' },
    ]);
    expect(patched).toEqual({ a: { b: [0, 2, 3] }, 'x/y': 2, n: 1, o: 1 });
  });

  test.each([
    [{ op: 'test', path: '/a', value: 2 }],
    [{ op: 'remove', path: '/nope' }],
    [{ op: 'replace', path: '/nope/deep', value: 1 }],
    [{ op: 'add', path: '/l/9', value: 1 }],
    [{ op: 'odd', path: '/a' }],
  ])('that does not fit is refused: %j', (step) => {
    expect(() => jsonPatch({ a: 1, l: [] }, [step])).toThrow(
      'the server rejected our request due to an error in our request',
    );
  });
});

describe('a strategic merge patch', () => {
  const container = (name: string, image: string): { name: string; image: string } => ({ name, image });
  const live = {
    spec: {
      replicas: 1,
      template: { spec: { containers: [container('a', '1'), container('b', '1')], nodeSelector: { x: 'y' } } },
    },
  };
  const patch = (spec: object): unknown =>
    strategicMergePatch(deployments(), live, JSON.parse(JSON.stringify({ spec: { template: { spec } } })));

  test('merges containers by name and deletes by directive', () => {
    expect(patch({ containers: [{ name: 'b', image: '2' }] })).toMatchObject({
      spec: { replicas: 1, template: { spec: { containers: [container('a', '1'), container('b', '2')] } } },
    });
    expect(patch({ containers: [{ name: 'a', $patch: 'delete' }] })).toMatchObject({
      spec: { template: { spec: { containers: [container('b', '1')] } } },
    });
  });

  test('replaces a whole list or map when told to', () => {
    expect(
      patch({ containers: [{ $patch: 'replace' }, container('c', '3')], nodeSelector: { $patch: 'replace', z: '1' } }),
    ).toMatchObject({
      spec: { template: { spec: { containers: [container('c', '3')], nodeSelector: { z: '1' } } } },
    });
  });

  test('removes what is null', () => {
    expect(patch({ nodeSelector: { x: null } })).toMatchObject({ spec: { template: { spec: { nodeSelector: {} } } } });
  });
});

describe('a label selector', () => {
  const pick = (text: string, labels: Record<string, string>): boolean =>
    labelSelector(text)?.({ metadata: { labels } }) ?? true;

  test.each([
    ['a=b', { a: 'b' }, true],
    ['a=b', {}, false],
    ['a!=b', {}, true],
    ['a in (b, c),d', { a: 'c', d: '' }, true],
    ['a notin (b)', { a: 'b' }, false],
    ['!a', {}, true],
    ['!a', { a: '' }, false],
    ['a==b,c', { a: 'b' }, false],
    ['n>3', { n: '4' }, true],
    ['n<3', { n: '4' }, false],
    ['example.com/a=b', { 'example.com/a': 'b' }, true],
  ])('%s on %j is %s', (text, labels, expected) => {
    expect(pick(text, labels)).toBe(expected);
  });

  test('that cannot be read is a bad request', () => {
    expect(() => labelSelector('a b')).toThrow("unable to parse requirement: found 'b'");
  });
});
