// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { jsonOf, itemJsonOf } from './json-cache.js';
import { type Change, revisionOf, Store } from './store.js';

const object = (
  name: string,
  data = '',
): { kind: string; apiVersion: string; metadata: { name: string }; data: string } => ({
  kind: 'Thing',
  apiVersion: 'v1',
  metadata: { name },
  data,
});

test('a collection can be read as it was at any revision of the history', () => {
  const store = new Store({ maxHistory: 100, firstRevision: 0 });
  const first = revisionOf(store.put('things', 'a', object('a', '1')));
  store.put('things', 'b', object('b'));
  store.put('others', 'x', object('x'));
  const third = revisionOf(store.put('things', 'a', object('a', '2')));
  store.remove('things', 'b');
  expect([...(store.at('things', first)?.keys() ?? [])]).toEqual(['a']);
  expect(store.at('things', first)?.get('a')).toMatchObject({ data: '1' });
  expect([...(store.at('things', third)?.keys() ?? [])].sort()).toEqual(['a', 'b']);
  expect(store.get('things', 'a')).toMatchObject({ data: '2', metadata: { resourceVersion: String(third) } });
});

test('changes are told in order, once, with what was there before', () => {
  const store = new Store({ maxHistory: 100, firstRevision: 0 });
  const seen: Change[] = [];
  const stop = store.subscribe('things', (change) => seen.push(change));
  store.put('things', 'a', object('a', '1'));
  store.put('things', 'a', object('a', '2'));
  store.put('others', 'x', object('x'));
  store.remove('things', 'a');
  stop();
  store.put('things', 'b', object('b'));
  expect(seen.map(({ type, revision, before }) => [type, revision, before?.['data']])).toEqual([
    ['ADDED', 1, undefined],
    ['MODIFIED', 2, '1'],
    ['DELETED', 4, '2'],
  ]);
  expect(store.since('things', 1)?.map(({ type }) => type)).toEqual(['MODIFIED', 'DELETED', 'ADDED']);
});

test('the history ends where it was compacted or has grown too long', () => {
  const store = new Store({ maxHistory: 10, firstRevision: 0 });
  for (let index = 0; index < 25; index++) store.put('things', 'a', object('a', String(index)));
  expect(store.since('things', 1)).toBeUndefined();
  expect(store.since('things', store.revision - 5)).toHaveLength(5);
  const before = store.revision;
  store.compact();
  expect(store.since('things', before)).toBeUndefined();
  expect(store.at('things', before)).toBeUndefined();
  expect(store.since('things', store.revision)).toEqual([]);
});

test('keys come sorted, by namespace if asked', () => {
  const store = new Store({ maxHistory: 10, firstRevision: 0 });
  for (const key of ['b/z', 'a/y', 'b/a', 'bb/c', 'a/x']) store.put('things', key, object(key));
  expect(store.keys('things')).toEqual(['a/x', 'a/y', 'b/a', 'b/z', 'bb/c']);
  expect(store.keys('things', 'b')).toEqual(['b/a', 'b/z']);
  expect(store.keys('things', 'nope')).toEqual([]);
});

test('a stored object is written out once and without its kind inside a list', () => {
  const store = new Store({ maxHistory: 10, firstRevision: 0 });
  const stored = store.put('things', 'a', object('a'));
  expect(jsonOf(stored)).toBe(jsonOf(stored));
  expect(JSON.parse(itemJsonOf(stored))).toEqual({ metadata: { name: 'a', resourceVersion: '1' }, data: '' });
});
