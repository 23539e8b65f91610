// SPDX-License-Identifier: Apache-2.0
import type { FieldsV1, KubeObject, ManagedFieldsEntry } from '@plumbline/kube';
import { describe, expect, it } from 'vitest';
import { driftOf, lostFields, type Observed } from './drift.js';
import type { InventoryEntry } from './inventory.js';

const marks = { label: 'abc', annotation: 'i/p/a/e/c:/ConfigMap/web/settings' };
const entry: InventoryEntry = { key: '/ConfigMap/web/settings', apiVersion: 'v1', uid: 'u', ownedDigest: 'o' };
const live: Observed = {
  key: entry.key,
  uid: 'u',
  ownedDigest: 'o',
  label: 'abc',
  owner: marks.annotation,
  deleting: false,
};

describe('drift of an object', () => {
  it('is none while UID, marks and owned fields are as applied', () => {
    expect(driftOf(entry, live, marks)).toBeUndefined();
  });

  it('is Missing, Replaced, Unmarked or Changed, in that order', () => {
    expect(driftOf(entry, undefined, marks)).toBe('Missing');
    expect(driftOf(entry, { ...live, uid: 'v', label: undefined }, marks)).toBe('Replaced');
    expect(driftOf(entry, { ...live, label: undefined, ownedDigest: 'p' }, marks)).toBe('Unmarked');
    expect(driftOf(entry, { ...live, owner: 'i/p/a/e/c:/ConfigMap/web/other' }, marks)).toBe('Unmarked');
    expect(driftOf(entry, { ...live, ownedDigest: 'p' }, marks)).toBe('Changed');
  });

  it('is none for what was only intended, and for what is on its way out', () => {
    expect(driftOf({ key: entry.key, apiVersion: 'v1' }, undefined, marks)).toBeUndefined();
    expect(driftOf({ ...entry, deleting: true }, undefined, marks)).toBeUndefined();
  });
});

const managed = (
  manager: string,
  operation: 'Apply' | 'Update',
  fieldsV1: FieldsV1,
  extra: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry => ({ manager, operation, fieldsV1, ...extra });
const withManagers = (...managedFields: ManagedFieldsEntry[]): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', managedFields },
});
const leaf = {};

describe('lost fields', () => {
  const desired: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'x', labels: { 'app.kubernetes.io/name': 'web' } },
    spec: {
      replicas: 2,
      empty: {},
      template: {
        spec: { containers: [{ name: 'app', image: 'a:1', ports: [{ containerPort: 80 }] }], args: ['one', 'two'] },
      },
    },
    status: { replicas: 1 },
  };
  const whole: FieldsV1 = {
    'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/name': leaf } },
    'f:spec': {
      'f:replicas': leaf,
      'f:empty': leaf,
      'f:template': {
        'f:spec': {
          'f:args': leaf,
          'f:containers': {
            'k:{"name":"app"}': {
              '.': leaf,
              'f:name': leaf,
              'f:image': leaf,
              'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': leaf, 'f:containerPort': leaf } },
            },
          },
        },
      },
    },
  };

  it('are none when our entry has all that we want, lists by key and atomic lists included', () => {
    expect(lostFields(desired, withManagers(managed('plumbline', 'Apply', whole)), 'plumbline')).toEqual({
      fields: [],
      actors: [],
    });
  });

  it('are named with the managers that own them now', () => {
    const containers = {
      'k:{"name":"app"}': {
        '.': leaf,
        'f:name': leaf,
        'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': leaf, 'f:containerPort': leaf } },
      },
    };
    const mine: FieldsV1 = {
      'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/name': leaf } },
      'f:spec': { 'f:empty': leaf, 'f:template': { 'f:spec': { 'f:args': leaf, 'f:containers': containers } } },
    };
    const scaler = managed('hpa', 'Update', { 'f:spec': { 'f:replicas': leaf } }, { subresource: 'scale' });
    const editor = managed('kubectl-edit', 'Update', {
      'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { 'f:image': leaf } } } } },
    });
    const bystander = managed(
      'controller',
      'Update',
      { 'f:status': { 'f:replicas': leaf } },
      { subresource: 'status' },
    );
    expect(
      lostFields(desired, withManagers(managed('plumbline', 'Apply', mine), scaler, editor, bystander), 'plumbline'),
    ).toEqual({
      fields: ['spec.replicas', 'spec.template.spec.containers[name=app].image'],
      actors: ['hpa', 'kubectl-edit'],
    });
  });

  it('that nobody owns are put down to whoever wrote last', () => {
    const { 'f:metadata': _, ...mine } = whole;
    const older = managed('first', 'Update', { 'f:data': leaf }, { time: '2026-01-01T00:00:00Z' });
    const newer = managed('second', 'Update', { 'f:data': leaf }, { time: '2026-01-02T00:00:00Z' });
    expect(lostFields(desired, withManagers(older, managed('plumbline', 'Apply', mine), newer), 'plumbline')).toEqual({
      fields: ['metadata.labels["app.kubernetes.io/name"]'],
      actors: ['second'],
    });
  });
});
