// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FieldSchema, mapSchema, scalar, type Schema } from '../schema/schema.js';
import type { Obj, Value } from '../value.js';
import { compareValues } from './compare.js';
import { elementText, FieldSet, pathText } from './field-set.js';
import { decodeManaged, encodeManaged, managerKey, managerText } from './managers.js';
import { mergeValues, removePaths } from './merge.js';
import { fieldSetOf, itemElement, typeProblems } from './typed.js';
import { ApplyConflict, applyOwners, type Owners, updateOwners } from './updater.js';

const text = scalar('string');
const field = (name: string, schema: Schema, fallback?: Value): [string, FieldSchema] => [
  name,
  { name, schema, flag: 'o', ...(fallback === undefined ? {} : { default: fallback }) },
];
const port = mapSchema(
  'Port',
  new Map([field('port', scalar('int32')), field('protocol', text, 'TCP'), field('note', text)]),
);
const schema = mapSchema(
  'Thing',
  new Map([
    field('name', text),
    field('size', scalar('int32')),
    field('labels', mapSchema('', new Map(), { rest: text })),
    field('selector', mapSchema('', new Map(), { rest: text, atomic: true })),
    field('ports', { is: 'list', item: port, shape: 'map', keys: ['port', 'protocol'] }),
    field('tags', { is: 'list', item: text, shape: 'set', keys: [] }),
    field('args', { is: 'list', item: text, shape: 'atomic', keys: [] }),
    field('free', { is: 'any', atomic: false }),
  ]),
);
const types = { schemaOf: (version: string) => (version === 'v1' ? schema : undefined) };
const names = (set: FieldSet): string[] => set.paths().map(pathText);

describe('a field set', () => {
  const element = fc.constantFrom('f:a', 'f:b', 'k:{"port":80}', 'k:{"port":443}', 'v:"x"');
  const sets = fc.array(fc.array(element, { minLength: 1, maxLength: 3 }), { maxLength: 8 }).map((paths) => {
    const set = new FieldSet();
    for (const path of paths) set.insert(path);
    return set;
  });

  test('survives its fieldsV1 form', () => {
    fc.assert(
      fc.property(
        sets,
        (set) => FieldSet.fromFieldsV1(JSON.parse(JSON.stringify(set.toFieldsV1())))?.equals(set) === true,
      ),
    );
  });

  test('obeys the laws of sets', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const union = a.union(b);
        expect(names(union).sort()).toEqual([...new Set([...names(a), ...names(b)])].sort());
        expect(a.difference(b).union(a.intersection(b)).equals(a)).toBe(true);
        expect(a.intersection(b).equals(b.intersection(a))).toBe(true);
        expect(a.difference(b).intersection(b).empty).toBe(true);
      }),
    );
  });

  test('loses everything below a member in a recursive difference', () => {
    const set = new FieldSet();
    for (const path of [['f:spec', 'f:a'], ['f:status', 'f:b', 'f:c'], ['f:status']]) set.insert(path);
    const hidden = new FieldSet();
    hidden.insert(['f:status']);
    expect(names(set.recursiveDifference(hidden))).toEqual(['.spec.a']);
    expect(names(set.difference(hidden))).toEqual(['.spec.a', '.status.b.c']);
  });

  test('is undefined for what is no fieldsV1', () => {
    expect(FieldSet.fromFieldsV1({ bad: {} })).toBeUndefined();
    expect(FieldSet.fromFieldsV1('text')).toBeUndefined();
  });

  test('writes numbers of keys in the order of numbers', () => {
    const set = new FieldSet();
    for (const number of [443, 80, 8080]) set.insert(['f:ports', `k:{"port":${number}}`]);
    expect(Object.keys(JSON.parse(JSON.stringify(set.toFieldsV1()))['f:ports'])).toEqual([
      'k:{"port":80}',
      'k:{"port":443}',
      'k:{"port":8080}',
    ]);
  });

  test('reads like the messages of the API server', () => {
    expect(pathText(['f:spec', 'f:containers', 'k:{"name":"app"}', 'f:image'])).toBe(
      '.spec.containers[name="app"].image',
    );
    expect(elementText('v:"a.b/c"')).toBe('[="a.b/c"]');
    expect(elementText('i:3')).toBe('[3]');
  });
});

describe('the fields of a value', () => {
  test('are its leaves: keyed items with themselves, map keys, atomic wholes, empty maps', () => {
    const set = fieldSetOf(schema, {
      name: 'x',
      labels: { a: 'b' },
      selector: { a: 'b' },
      ports: [{ port: 80 }],
      tags: ['t'],
      args: ['1', '2'],
      free: { a: { b: 1 }, l: [1], e: {} },
    });
    expect(set.toFieldsV1()).toEqual({
      'f:args': {},
      'f:free': { 'f:a': { '.': {}, 'f:b': {} }, 'f:e': {}, 'f:l': {} },
      'f:labels': { 'f:a': {} },
      'f:name': {},
      'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } },
      'f:selector': {},
      'f:tags': { 'v:"t"': {} },
    });
  });

  test('of an item without any of its keys are a problem that is named', () => {
    const list = { is: 'list' as const, item: mapSchema('', new Map()), shape: 'map' as const, keys: ['name'] };
    expect(itemElement(list, { other: 1 })).toMatchObject({
      problem: expect.stringContaining('omits all key fields ["name"]'),
    });
    expect(itemElement(list, 'x')).toMatchObject({
      problem: 'associative list with keys may not have non-map elements',
    });
  });

  test('must be of their type', () => {
    expect(typeProblems(schema, { size: 'x' })).toEqual(['.size: expected numeric (int or float), got string']);
    expect(typeProblems(schema, { nope: 1 })).toEqual(['.nope: field not declared in schema']);
    expect(typeProblems(schema, { ports: [{ port: 1 }, { port: 1 }] })).toEqual([
      '.ports: duplicate entries for key [port=1,protocol="TCP"]',
    ]);
    expect(typeProblems(schema, { labels: null, free: { any: ['thing'] } })).toEqual([]);
  });
});

describe('merging', () => {
  test('keeps what only the left side has and takes what the right side says', () => {
    expect(
      mergeValues(
        schema,
        { name: 'a', labels: { x: '1', y: '1' }, args: ['1'] },
        { labels: { y: '2', z: '2' }, args: ['2'] },
      ),
    ).toEqual({ name: 'a', labels: { x: '1', y: '2', z: '2' }, args: ['2'] });
  });

  test('returns the left side itself when the right side adds nothing', () => {
    const left: Obj = { name: 'a', ports: [{ port: 80, protocol: 'TCP', note: 'n' }], tags: ['x'] };
    expect(mergeValues(schema, left, { ports: [{ port: 80 }], tags: ['x'] })).toBe(left);
  });

  test('orders shared items as the right side does and leaves others in their place', () => {
    expect(mergeValues(schema, { tags: ['a', 'b', 'c', 'd'] }, { tags: ['d', 'b', 'new'] })).toEqual({
      tags: ['a', 'c', 'd', 'b', 'new'],
    });
  });

  test('merges items by all of their keys, with the defaults of the keys', () => {
    expect(
      mergeValues(
        schema,
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
        { ports: [{ port: 53, note: 'dns' }] },
      ),
    ).toEqual({
      ports: [
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP', note: 'dns' },
      ],
    });
  });

  test('removes paths, and turns what is emptied into null', () => {
    const value: Obj = { name: 'a', labels: { x: '1' }, ports: [{ port: 80 }, { port: 81 }] };
    const paths = new FieldSet();
    paths.insert(['f:labels', 'f:x']);
    paths.insert(['f:ports', 'k:{"port":80,"protocol":"TCP"}']);
    expect(removePaths(schema, value, paths)).toEqual({ name: 'a', labels: null, ports: [{ port: 81 }] });
  });
});

describe('comparing', () => {
  test('tells added, modified and removed apart, item by item', () => {
    const { added, modified, removed } = compareValues(
      schema,
      { name: 'a', ports: [{ port: 80, note: 'x' }], tags: ['a'] },
      { size: 1, ports: [{ port: 80, note: 'y' }, { port: 81 }], tags: ['b'] },
    );
    expect(names(added)).toEqual([
      '.size',
      '.ports[port=81,protocol="TCP"]',
      '.ports[port=81,protocol="TCP"].port',
      '.tags[="b"]',
    ]);
    expect(names(modified)).toEqual(['.ports[port=80,protocol="TCP"].note']);
    expect(names(removed)).toEqual(['.name', '.tags[="a"]']);
  });

  test('finds nothing between equal values', () => {
    const { added, modified, removed } = compareValues(schema, { labels: { a: 'b' } }, { labels: { a: 'b' } });
    expect([added.empty, modified.empty, removed.empty]).toEqual([true, true, true]);
  });
});

describe('ownership', () => {
  const apply = (
    live: Obj,
    applied: Obj,
    owners: Owners,
    manager: string,
    force = false,
  ): ReturnType<typeof applyOwners> => applyOwners(live, applied, { types, version: 'v1', owners, manager, force });

  test('a field goes when its only owner stops applying it, and stays while somebody else holds it', () => {
    const first = apply({}, { labels: { a: '1', b: '1' } }, new Map(), 'one');
    const second = apply(first.object ?? {}, { labels: { b: '1' } }, first.owners, 'two');
    const third = apply(second.object ?? first.object ?? {}, { name: 'n' }, second.owners, 'one');
    expect(third.object).toEqual({ name: 'n', labels: { b: '1' } });
    expect([...third.owners.keys()]).toEqual(['one', 'two']);
  });

  test('a change of what another holds is a conflict that names both, unless forced', () => {
    const first = apply({}, { name: 'a', size: 1 }, new Map(), 'one');
    const attempt = (): unknown => apply(first.object ?? {}, { name: 'b', size: 1 }, first.owners, 'two');
    expect(attempt).toThrow(ApplyConflict);
    const forced = apply(first.object ?? {}, { name: 'b', size: 1 }, first.owners, 'two', true);
    expect(names(forced.owners.get('one')?.set ?? new FieldSet())).toEqual(['.size']);
    expect(names(forced.owners.get('two')?.set ?? new FieldSet())).toEqual(['.name', '.size']);
  });

  test('a plain write takes what it changes away from everybody else', () => {
    const first = apply({}, { name: 'a', size: 1 }, new Map(), 'one');
    const owners = updateOwners(
      first.object ?? {},
      { name: 'b', labels: { x: 'y' } },
      { types, version: 'v1', owners: first.owners, manager: 'editor' },
    );
    expect(owners.has('one')).toBe(false);
    expect(names(owners.get('editor')?.set ?? new FieldSet())).toEqual(['.labels', '.name', '.labels.x']);
  });

  test('applying the same again changes nothing', () => {
    const applied: Obj = { name: 'a', ports: [{ port: 80 }], tags: ['x', 'y'], free: { a: [1] } };
    const first = apply({}, applied, new Map(), 'one');
    const again = apply(first.object ?? {}, applied, first.owners, 'one');
    expect(again.object).toBeUndefined();
    expect(again.owners.get('one')?.set.equals(first.owners.get('one')?.set ?? new FieldSet())).toBe(true);
  });

  test('owners in a version that is no longer served are forgotten', () => {
    const set = new FieldSet();
    set.insert(['f:name']);
    const owners: Owners = new Map([['old', { set, apiVersion: 'v0', applied: true }]]);
    expect([...apply({ name: 'a' }, { name: 'b' }, owners, 'one').owners.keys()]).toEqual(['one']);
  });
});

describe('managedFields', () => {
  test('survive decoding and encoding, entry by entry', () => {
    const entry: Obj = {
      manager: 'm',
      operation: 'Update',
      apiVersion: 'v1',
      time: '2026-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } },
      subresource: 'status',
    };
    const object: Obj = { metadata: { name: 'x', managedFields: [entry] } };
    const managed = decodeManaged(object);
    expect(encodeManaged({ metadata: { name: 'x' } }, managed, [entry])).toEqual(object);
  });

  test('that make no sense count as none', () => {
    expect(
      decodeManaged({
        metadata: {
          managedFields: [{ manager: 'm', operation: 'Nope', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }],
        },
      }).owners.size,
    ).toBe(0);
  });

  test('name a manager in messages by its operation and subresource', () => {
    expect(managerText(managerKey({ manager: 'm', operation: 'Apply', subresource: 'status' }))).toBe(
      '"m" with subresource "status"',
    );
    expect(managerText(managerKey({ manager: 'm', operation: 'Update', apiVersion: 'apps/v1' }))).toBe(
      '"m" using apps/v1',
    );
  });
});
