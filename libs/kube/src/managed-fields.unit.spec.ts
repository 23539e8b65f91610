// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { applyEntryOf, fieldPathsOf, ownedFields, ownersOf, projectFields } from './managed-fields.js';
import type { FieldsV1, KubeObject } from './types.js';

// As kube-apiserver 1.35 wrote it.
const ours: FieldsV1 = {
  'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/name': {} }, 'f:finalizers': { 'v:"x/y"': {} } },
  'f:spec': {
    'f:template': {
      'f:spec': {
        'f:containers': {
          'k:{"name":"app"}': {
            '.': {},
            'f:image': {},
            'f:name': {},
            'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
            'f:command': {},
          },
        },
      },
    },
  },
};

const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'web',
    labels: { 'app.kubernetes.io/name': 'web', other: '1' },
    finalizers: ['x/y', 'z/z'],
    managedFields: [
      { manager: 'plumbline', operation: 'Apply', apiVersion: 'apps/v1', fieldsType: 'FieldsV1', fieldsV1: ours },
      {
        manager: 'plumbline',
        operation: 'Update',
        apiVersion: 'apps/v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:status': {} },
        subresource: 'status',
      },
      {
        manager: 'hpa',
        operation: 'Update',
        apiVersion: 'apps/v1',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
        subresource: 'scale',
      },
      {
        manager: 'kubectl-edit',
        operation: 'Update',
        apiVersion: 'apps/v1',
        fieldsV1: {
          'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { 'f:image': {} } } } } },
        },
      },
    ],
  },
  spec: {
    replicas: 3,
    template: {
      spec: {
        containers: [
          { name: 'sidecar', image: 'injected' },
          {
            name: 'app',
            image: 'web:1',
            imagePullPolicy: 'Always',
            command: ['run', '--x'],
            ports: [
              { containerPort: 443, protocol: 'TCP' },
              { containerPort: 80, protocol: 'TCP', name: 'late' },
            ],
          },
        ],
      },
    },
  },
};

describe('managed fields', () => {
  it('finds the entry of our apply among those of other managers, operations and subresources', () => {
    expect(applyEntryOf(deployment)?.fieldsV1).toBe(ours);
    expect(applyEntryOf(deployment, 'nobody')).toBeUndefined();
    expect(ownedFields(deployment, 'hpa')).toBeUndefined();
  });

  it('gives one text for one field set, whatever the order of its keys', () => {
    const entry = deployment.metadata.managedFields?.[0];
    const shuffled = {
      ...deployment,
      metadata: {
        ...deployment.metadata,
        managedFields: [
          { ...entry, fieldsV1: { 'f:spec': ours['f:spec'] ?? {}, 'f:metadata': ours['f:metadata'] ?? {} } },
        ],
      },
    };
    expect(ownedFields(shuffled)).toBe(ownedFields(deployment));
    const fewer = {
      ...shuffled,
      metadata: { ...shuffled.metadata, managedFields: [{ ...entry, fieldsV1: { 'f:spec': ours['f:spec'] ?? {} } }] },
    };
    expect(ownedFields(fewer)).not.toBe(ownedFields(deployment));
  });

  it('does not count a claim on empty labels or annotations', () => {
    const owning = (fieldsV1: FieldsV1): string | undefined =>
      ownedFields({
        ...deployment,
        metadata: { name: 'web', managedFields: [{ manager: 'plumbline', operation: 'Apply', fieldsV1 }] },
      });
    const data = { 'f:data': { 'f:x': {} } };
    expect(owning({ ...data, 'f:metadata': { 'f:labels': {}, 'f:annotations': { '.': {} } } })).toBe(owning(data));
    expect(owning({ ...data, 'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } } })).not.toBe(owning(data));
    expect(owning({ ...data, 'f:metadata': { 'f:finalizers': {} } })).not.toBe(owning(data));
  });

  it('writes paths as the API server does', () => {
    expect(fieldPathsOf(ours)).toEqual([
      '.metadata.finalizers[="x/y"]',
      '.metadata.labels.app.kubernetes.io/name',
      '.spec.template.spec.containers[name="app"]',
      '.spec.template.spec.containers[name="app"].command',
      '.spec.template.spec.containers[name="app"].image',
      '.spec.template.spec.containers[name="app"].name',
      '.spec.template.spec.containers[name="app"].ports[containerPort=80,protocol="TCP"]',
      '.spec.template.spec.containers[name="app"].ports[containerPort=80,protocol="TCP"].containerPort',
    ]);
  });

  it('names everybody who claims a field', () => {
    expect(ownersOf(deployment, '.spec.replicas')).toEqual([
      { manager: 'hpa', operation: 'Update', subresource: 'scale' },
    ]);
    expect(
      ownersOf(deployment, '.spec.template.spec.containers[name="app"].image').map(({ manager }) => manager),
    ).toEqual(['plumbline', 'kubectl-edit']);
    expect(ownersOf(deployment, '.spec.template').map(({ manager }) => manager)).toEqual(['plumbline', 'kubectl-edit']);
    expect(ownersOf(deployment, '.spec.rep')).toEqual([]);
  });

  it('cuts an object down to what a field set covers', () => {
    expect(projectFields(deployment, ours)).toEqual({
      metadata: { labels: { 'app.kubernetes.io/name': 'web' }, finalizers: ['x/y'] },
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'app', image: 'web:1', command: ['run', '--x'], ports: [{ containerPort: 80, protocol: 'TCP' }] },
            ],
          },
        },
      },
    });
  });

  it('leaves out what is not there any more', () => {
    expect(projectFields({ spec: { template: { spec: { containers: [] } } } }, ours)).toEqual({
      spec: { template: { spec: { containers: [] } } },
    });
  });
});
