// SPDX-License-Identifier: Apache-2.0
import { type KubeObject, type ObjectRef, refKey, refOf } from '@plumbline/kube';
import { describe, expect, it } from 'vitest';
import { applyOrder, pruneOrder } from './order.js';
import type { SetObject } from './references.js';

function node(
  apiVersion: string,
  kind: string,
  name: string,
  rest: Readonly<Record<string, unknown>> & { readonly namespace?: string; readonly dependsOn?: string } = {},
): SetObject {
  const { namespace, dependsOn, ...body } = rest;
  const object: KubeObject = {
    apiVersion,
    kind,
    ...body,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(dependsOn === undefined ? {} : { annotations: { 'plumbline.dev/depends-on': dependsOn } }),
    },
  };
  return { key: refKey(refOf(object)), ref: refOf(object), object };
}

const inWeb = { namespace: 'web' };
const template = (spec: object, labels = { app: 'shop' }) => ({
  template: { metadata: { labels }, spec: { containers: [{ name: 'app' }], ...spec } },
});
const crd = (group: string, kind: string) =>
  node('apiextensions.k8s.io/v1', 'CustomResourceDefinition', `${kind.toLowerCase()}s.${group}`, {
    spec: { group, names: { kind } },
  });

function levelOf(objects: readonly SetObject[], name: string): number {
  return applyOrder(objects).levels.findIndex((level) => level.some(({ object }) => object.metadata.name === name));
}

/** True when `first` is written before `second` although it comes later in the files. */
function before(first: SetObject, second: SetObject, ...more: readonly SetObject[]): boolean {
  const set = [second, ...more, first];
  return levelOf(set, first.ref.name) < levelOf(set, second.ref.name);
}

describe('the order of an apply', () => {
  it.each<[string, SetObject, SetObject]>([
    ['a namespace before what is in it', node('v1', 'Namespace', 'web'), node('v1', 'ConfigMap', 'settings', inWeb)],
    [
      'a definition before its custom resources, in any version',
      crd('example.com', 'Thing'),
      node('example.com/v9', 'Thing', 'one', inWeb),
    ],
    [
      'a role before its binding',
      node('rbac.authorization.k8s.io/v1', 'Role', 'reader', inWeb),
      node('rbac.authorization.k8s.io/v1', 'RoleBinding', 'readers', {
        ...inWeb,
        roleRef: { kind: 'Role', name: 'reader' },
      }),
    ],
    [
      'a cluster role before a binding in a namespace',
      node('rbac.authorization.k8s.io/v1', 'ClusterRole', 'reader'),
      node('rbac.authorization.k8s.io/v1', 'RoleBinding', 'readers', {
        ...inWeb,
        roleRef: { kind: 'ClusterRole', name: 'reader' },
      }),
    ],
    [
      'a service account before its binding',
      node('v1', 'ServiceAccount', 'robot', inWeb),
      node('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'robots', {
        roleRef: { kind: 'ClusterRole', name: 'x' },
        subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'web' }],
      }),
    ],
    [
      'configuration before the workload that reads it',
      node('v1', 'ConfigMap', 'settings', inWeb),
      node('apps/v1', 'Deployment', 'shop', {
        ...inWeb,
        spec: template({ containers: [{ name: 'app', envFrom: [{ configMapRef: { name: 'settings' } }] }] }),
      }),
    ],
    [
      'a secret before the job of a cron job',
      node('v1', 'Secret', 'key', inWeb),
      node('batch/v1', 'CronJob', 'nightly', {
        ...inWeb,
        spec: { jobTemplate: { spec: template({ volumes: [{ secret: { secretName: 'key' } }] }) } },
      }),
    ],
    [
      'a claim before the workload that mounts it',
      node('v1', 'PersistentVolumeClaim', 'data', inWeb),
      node('v1', 'Pod', 'shop', { ...inWeb, spec: { volumes: [{ persistentVolumeClaim: { claimName: 'data' } }] } }),
    ],
    [
      'a storage class before the claim on it',
      node('storage.k8s.io/v1', 'StorageClass', 'fast'),
      node('v1', 'PersistentVolumeClaim', 'data', { ...inWeb, spec: { storageClassName: 'fast' } }),
    ],
    [
      'an ingress class before the ingress',
      node('networking.k8s.io/v1', 'IngressClass', 'nginx'),
      node('networking.k8s.io/v1', 'Ingress', 'shop', { ...inWeb, spec: { ingressClassName: 'nginx' } }),
    ],
    [
      'a workload before what scales it',
      node('apps/v1', 'Deployment', 'shop', inWeb),
      node('autoscaling/v2', 'HorizontalPodAutoscaler', 'scale', {
        ...inWeb,
        spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' } },
      }),
    ],
    [
      'a workload before its disruption budget',
      node('apps/v1', 'Deployment', 'shop', { ...inWeb, spec: template({}) }),
      node('policy/v1', 'PodDisruptionBudget', 'budget', {
        ...inWeb,
        spec: { selector: { matchLabels: { app: 'shop' } } },
      }),
    ],
    [
      'a policy before its binding',
      node('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy', 'rule'),
      node('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding', 'bound', {
        spec: { policyName: 'rule' },
      }),
    ],
    [
      'a service before the set that names it',
      node('v1', 'Service', 'peers', inWeb),
      node('apps/v1', 'StatefulSet', 'db', { ...inWeb, spec: { serviceName: 'peers' } }),
    ],
  ])('puts %s', (_, first, second) => {
    expect(before(first, second)).toBe(true);
  });

  it('puts webhooks last, after the workload behind their service', () => {
    const hook = node('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', 'hook', {
      webhooks: [{ clientConfig: { service: { name: 'check', namespace: 'web' } } }],
    });
    const set = [
      hook,
      node('v1', 'Service', 'check', { ...inWeb, spec: { selector: { app: 'shop' } } }),
      node('apps/v1', 'Deployment', 'shop', { ...inWeb, spec: template({}) }),
      node('example.com/v1', 'Thing', 'one', inWeb),
    ];
    const { levels, dependencies } = applyOrder(set);
    expect(levels.at(-1)?.map(({ ref }) => ref.name)).toEqual(['hook']);
    expect([...(dependencies.get(hook.key) ?? [])]).toEqual(['/Service/web/check', 'apps/Deployment/web/shop']);
  });

  it('does not take a kind of another group for the core kind of that name', () => {
    const knative = node('serving.knative.dev/v1', 'Service', 'shop', { ...inWeb, spec: { template: {} } });
    expect(before(crd('serving.knative.dev', 'Service'), knative)).toBe(true);
    expect(applyOrder([knative, node('v1', 'Service', 'shop', inWeb)]).dependencies.get(knative.key)).toEqual(
      new Set(),
    );
  });

  it('follows explicit dependencies over the order of kinds, and names a loop', () => {
    const late = node('v1', 'ConfigMap', 'late', { ...inWeb, dependsOn: 'apps/Deployment/web/shop' });
    expect(before(node('apps/v1', 'Deployment', 'shop', inWeb), late)).toBe(true);
    const loop = [
      node('v1', 'ConfigMap', 'a', { ...inWeb, dependsOn: '/ConfigMap/web/b' }),
      node('v1', 'ConfigMap', 'b', { ...inWeb, dependsOn: '/ConfigMap/web/a' }),
    ];
    expect(applyOrder(loop)).toMatchObject({
      levels: [],
      cycle: ['/ConfigMap/web/a', '/ConfigMap/web/b', '/ConfigMap/web/a'],
    });
  });

  it('writes what does not need each other at once: a small application takes two levels', () => {
    const set = [
      node('v1', 'ConfigMap', 'settings', inWeb),
      node('v1', 'ServiceAccount', 'robot', inWeb),
      node('v1', 'Service', 'shop', inWeb),
      node('apps/v1', 'Deployment', 'shop', { ...inWeb, spec: template({ serviceAccountName: 'robot' }) }),
    ];
    expect(applyOrder(set).levels).toHaveLength(2);
  });
});

describe('the order of deletions', () => {
  const isCustom = (ref: ObjectRef): boolean => ref.group === 'example.com';
  const set = [
    node('v1', 'Namespace', 'web'),
    crd('example.com', 'Thing'),
    node('example.com/v1', 'Thing', 'one', inWeb),
    node('v1', 'ConfigMap', 'settings', inWeb),
    node('apps/v1', 'Deployment', 'shop', {
      ...inWeb,
      spec: template({ containers: [{ name: 'app', envFrom: [{ configMapRef: { name: 'settings' } }] }] }),
    }),
    node('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'hook', { webhooks: [] }),
  ];

  it('is webhooks, custom resources, workloads, what they read, definitions and namespaces', () => {
    const flat = pruneOrder(set, isCustom)
      .levels.flat()
      .map(({ ref }) => ref.name);
    expect(flat.slice(0, 4)).toEqual(['hook', 'one', 'shop', 'settings']);
    expect(flat.slice(4).sort()).toEqual(['things.example.com', 'web']);
  });

  it('waits for what must really be gone: contents before a namespace, custom resources before definition and controller', () => {
    const { after } = pruneOrder(set, isCustom);
    expect([...(after.get('/Namespace//web') ?? [])].sort()).toEqual([
      '/ConfigMap/web/settings',
      'apps/Deployment/web/shop',
      'example.com/Thing/web/one',
    ]);
    expect([...(after.get('apiextensions.k8s.io/CustomResourceDefinition//things.example.com') ?? [])]).toEqual([
      'example.com/Thing/web/one',
    ]);
    expect([...(after.get('apps/Deployment/web/shop') ?? [])]).toEqual(['example.com/Thing/web/one']);
    expect(after.has('/ConfigMap/web/settings')).toBe(false);
  });
});
