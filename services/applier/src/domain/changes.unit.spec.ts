// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { type ObjectChange, payloads } from '@plumbline/events';
import { expect, it } from 'vitest';
import { changeList, summary } from './changes.js';
import { decodeInventory, encodeInventory, intendedInventory, type InventoryEntry } from './inventory.js';

const change = (index: number, action: ObjectChange['action']): ObjectChange => ({
  key: `/ConfigMap/web/m${String(index).padStart(5, '0')}`,
  apiVersion: 'v1',
  action,
});

it('puts what a person must see first, and keeps an event small however many objects there are', () => {
  const many = [
    ...Array.from({ length: 5_000 }, (_, index) => change(index, 'Unchanged')),
    {
      ...change(6_000, 'Failed'),
      message: 'x'.repeat(8_000),
      fields: Array.from({ length: 500 }, () => 'data.some.long.path'),
    },
  ];
  const { list, blob } = changeList(many);
  expect(list).toMatchObject({ counts: { Unchanged: 5_000, Failed: 1 }, truncated: true });
  expect(list.inline[0]?.action).toBe('Failed');
  expect(list.inline.length).toBeLessThanOrEqual(100);
  expect(Buffer.byteLength(JSON.stringify(list))).toBeLessThan(30_000);
  expect(Digest.of(blob.content)).toBe(list.digest);
  expect(JSON.parse(blob.content)).toMatchObject({ changes: { length: 5_001 } });
  expect(payloads.PlanComputed.shape.changes.safeParse(list).success).toBe(true);
  expect(summary(many)).toBe('1 failed, 5000 unchanged');
});

it('gives equal inventories one digest, whatever order they were built in', () => {
  const a: InventoryEntry = {
    key: '/ConfigMap/web/a',
    apiVersion: 'v1',
    uid: 'u',
    desiredDigest: Digest.of('a'),
    ownedDigest: 'o',
  };
  const b: InventoryEntry = { key: '/ConfigMap/web/b', apiVersion: 'v1', deleting: true };
  const one = encodeInventory(
    new Map([
      [a.key, a],
      [b.key, b],
    ]),
  );
  expect(
    encodeInventory(
      new Map([
        [b.key, b],
        [a.key, a],
      ]),
    ).digest,
  ).toBe(one.digest);
  expect([...decodeInventory(one.content).values()]).toEqual([a, b]);
});

it('intends the union of old and new and keeps what it knows of the old', () => {
  const old = { key: 'x', apiVersion: 'v1', uid: 'u' };
  expect([
    ...intendedInventory(new Map([['x', old]]), [
      { key: 'x', apiVersion: 'v2' },
      { key: 'y', apiVersion: 'v1' },
    ]).values(),
  ]).toEqual([old, { key: 'y', apiVersion: 'v1' }]);
});
