// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { type GuardInput, pruneGuard } from './guard.js';

const maps = (count: number): GuardInput['prune'] =>
  Array.from({ length: count }, (_, index) => ({ group: '', kind: 'ConfigMap', namespace: 'web', name: `m${index}` }));
const verdict = (input: Partial<GuardInput>): string | undefined =>
  pruneGuard({ wanted: 5, before: 10, prune: maps(1), allowEmpty: false, confirmed: false, ...input })?.reason;

it('lets few deletions pass, asks for an empty render, for most of many, and for what holds data', () => {
  expect(verdict({})).toBeUndefined();
  expect(verdict({ wanted: 0, prune: maps(1), before: 1 })).toBe('EmptyRender');
  expect(verdict({ wanted: 0, prune: [], before: 0 })).toBeUndefined();
  expect(verdict({ prune: maps(10), before: 11 })).toBeUndefined();
  expect(verdict({ prune: maps(11), before: 21 })).toBe('PruneNeedsConfirmation');
  expect(verdict({ prune: maps(11), before: 22 })).toBeUndefined();
  for (const [group, kind] of [
    ['', 'Namespace'],
    ['apiextensions.k8s.io', 'CustomResourceDefinition'],
    ['', 'PersistentVolume'],
    ['', 'PersistentVolumeClaim'],
  ] as const) {
    expect(verdict({ prune: [{ group, kind, name: 'x' }], before: 100 }), kind).toBe('PruneNeedsConfirmation');
  }
  expect(verdict({ prune: [{ group: 'example.com', kind: 'Namespace', name: 'x' }], before: 100 })).toBeUndefined();
});

it('asks nothing once a person has confirmed, and no empty render where the environment allows it', () => {
  expect(verdict({ wanted: 0, confirmed: true, prune: maps(50), before: 50 })).toBeUndefined();
  expect(verdict({ wanted: 0, allowEmpty: true, prune: maps(50), before: 50 })).toBeUndefined();
});
