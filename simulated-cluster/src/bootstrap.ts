// SPDX-License-Identifier: Apache-2.0
import type { ApiServer } from './api-server.js';
import { storeKey } from './store/store.js';
import type { Obj } from './value.js';

/**
 * What every cluster has from the start: its namespaces, the service of the API, priority classes, API services and a
 * few roles.
 */
export function bootstrap(server: ApiServer): void {
  const { context } = server;
  const put = (apiVersion: string, kind: string, object: Obj): void => {
    const resource = context.registry.findKind(apiVersion, kind);
    if (resource === undefined) return;
    const metadata = {
      ...(typeof object['metadata'] === 'object' ? object['metadata'] : {}),
      uid: context.uid(),
      creationTimestamp: context.now(),
    };
    const name = 'name' in metadata && typeof metadata.name === 'string' ? metadata.name : '';
    const namespace = 'namespace' in metadata && typeof metadata.namespace === 'string' ? metadata.namespace : '';
    context.store.put(resource.collection, storeKey(namespace, name), { kind, apiVersion, ...object, metadata });
  };
  for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system']) {
    put('v1', 'Namespace', {
      metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  }
  put('v1', 'Service', {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1'],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  });
  for (const [name, value] of [
    ['system-cluster-critical', 2_000_000_000],
    ['system-node-critical', 2_000_001_000],
  ] as const) {
    put('scheduling.k8s.io/v1', 'PriorityClass', {
      metadata: { name, generation: 1 },
      value,
      preemptionPolicy: 'PreemptLowerPriority',
    });
  }
  for (const group of context.registry.groups()) {
    for (const version of group.versions) {
      put('apiregistration.k8s.io/v1', 'APIService', {
        metadata: {
          name: `${version}.${group.name}`,
          labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' },
        },
        spec: {
          ...(group.name === '' ? {} : { group: group.name }),
          version,
          groupPriorityMinimum: 17_000,
          versionPriority: 15,
        },
        status: {
          conditions: [
            {
              type: 'Available',
              status: 'True',
              lastTransitionTime: context.now(),
              reason: 'Local',
              message: 'Local APIServices are always available',
            },
          ],
        },
      });
    }
  }
  put('rbac.authorization.k8s.io/v1', 'ClusterRole', {
    metadata: { name: 'cluster-admin', labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
    rules: [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ],
  });
  put('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', {
    metadata: { name: 'cluster-admin', labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
    subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:masters' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  });
}
