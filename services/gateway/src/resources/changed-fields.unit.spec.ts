// SPDX-License-Identifier: Apache-2.0
import { projectSpec, recordedClusterSpec } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { changedFields } from './changed-fields.js';
import type { Declared } from './declared.js';

const declared = (spec: object, labels: Readonly<Record<string, string>> = {}): Declared => ({
  kind: 'Application',
  id: 'default/web',
  labels,
  spec: spec as Declared['spec'],
});

describe('changed fields', () => {
  it('are none for the same declaration, whatever the order of its keys', () => {
    expect(changedFields(declared({ a: [{ x: 1, y: 2 }], b: 1 }), declared({ b: 1, a: [{ y: 2, x: 1 }] }))).toEqual([]);
  });

  it('are told by path, and in lists of named things by name', () => {
    const before = declared(
      { environments: [{ name: 'staging', path: 'a' }, { name: 'production' }], ref: 'main' },
      { team: 'a' },
    );
    const after = declared(
      { environments: [{ name: 'staging', path: 'b' }, { name: 'production' }, { name: 'edge' }] },
      { team: 'a', tier: '1' },
    );
    expect(changedFields(before, after)).toEqual([
      'labels.tier',
      'spec.environments.edge',
      'spec.environments.staging.path',
      'spec.ref',
    ]);
  });

  it('include another order of a list of named things, since environments follow each other in it', () => {
    const before = declared({ environments: [{ name: 'a' }, { name: 'b' }] });
    expect(changedFields(before, declared({ environments: [{ name: 'b' }, { name: 'a' }] }))).toEqual([
      'spec.environments',
    ]);
  });

  it('treat plain lists as one value', () => {
    expect(
      changedFields(declared(projectSpec.parse({})), declared(projectSpec.parse({ clusters: ['a', 'b'] }))),
    ).toEqual(['spec.clusters']);
    expect(
      changedFields(
        declared(recordedClusterSpec.parse({ simulated: {} })),
        declared(recordedClusterSpec.parse({ inCluster: {} })),
      ),
    ).toEqual(['spec.inCluster', 'spec.simulated']);
  });
});
