// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { withoutField, withoutFields } from './field-path.js';

const object = {
  apiVersion: 'v1',
  kind: 'Odd',
  metadata: { name: 'a', annotations: { 'a.b/c': '1' } },
  'top.level': { x: 1 },
  top: { level: { x: 2, y: 2 } },
  spec: {
    list: [{ a: 1, b: 2 }, { a: 3 }],
    ports: [
      { port: 80, x: 1 },
      { port: 80, protocol: 'UDP', x: 2 },
    ],
    mounts: [
      { path: '/a,b=]"c', x: 1 },
      { path: '/d', x: 2 },
    ],
    hosts: [{ ip: '::1', x: 1 }],
  },
};

describe('the name of a field in server-side apply', () => {
  it.each([
    ['.spec.list[1].a', { list: [{ a: 1, b: 2 }, {}] }],
    ['.spec.list', { list: undefined }],
    ['.spec.ports[port=80,protocol="TCP"].x', { ports: [{ port: 80 }, { port: 80, protocol: 'UDP', x: 2 }] }],
    [
      '.spec.ports[port=80,protocol="UDP"].x',
      {
        ports: [
          { port: 80, x: 1 },
          { port: 80, protocol: 'UDP' },
        ],
      },
    ],
    ['.spec.mounts[path="/a,b=]\\"c"].x', { mounts: [{ path: '/a,b=]"c' }, { path: '/d', x: 2 }] }],
    ['.spec.hosts[ip="::1"].x', { hosts: [{ ip: '::1' }] }],
  ])('finds %s and nothing else', (path, changed) => {
    expect(withoutField(object, path)).toEqual({ ...object, spec: { ...object.spec, ...changed } });
  });

  it('may have dots in it', () => {
    expect(withoutField(object, '.top.level.x')).toEqual({ ...object, 'top.level': {} });
    expect(withoutField(object, '.top.level.y')).toEqual({ ...object, top: { level: { x: 2 } } });
    expect(withoutField(object, '.metadata.annotations.a.b/c')).toEqual({
      ...object,
      metadata: { name: 'a', annotations: {} },
    });
  });

  it.each([
    '',
    '.',
    '.spec.nothing',
    '.spec.list[7].a',
    '.spec.list[a="x"].b',
    '.spec.list.a',
    '.metadata',
    '.metadata.name',
    '.kind',
    'spec.list',
    '.spec.constructor',
  ])('that is not there leaves the object alone: %j', (path) => {
    expect(withoutField(object, path)).toBeUndefined();
  });

  it('is one of several', () => {
    expect(withoutFields(object, ['.spec', '.spec.list', '.top', '.nothing'])).toEqual({
      apiVersion: 'v1',
      kind: 'Odd',
      metadata: object.metadata,
      'top.level': { x: 1 },
    });
  });
});
