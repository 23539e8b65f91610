// SPDX-License-Identifier: Apache-2.0
import type { ManifestObject } from '@plumbline/manifest';

function meta(name: string, namespace: string | undefined): { readonly name: string; readonly namespace?: string } {
  return namespace === undefined ? { name } : { name, namespace };
}

/** Objects as repositories declare them. */
export const make = {
  configMap: (
    name: string,
    data: Readonly<Record<string, string>> = { color: 'blue' },
    namespace?: string,
  ): ManifestObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: meta(name, namespace), data }),
  secret: (
    name: string,
    values: Readonly<Record<string, string>>,
    extra: { readonly immutable?: boolean } = {},
  ): ManifestObject => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'Opaque',
    ...extra,
    data: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  }),
  namespace: (name: string): ManifestObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
  serviceAccount: (name: string): ManifestObject => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }),
  service: (name: string, namespace?: string): ManifestObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(name, namespace),
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  }),
  deployment: (
    name: string,
    options: {
      readonly replicas?: number;
      readonly image?: string;
      readonly configMap?: string;
      readonly paused?: boolean;
      readonly app?: string;
    } = {},
  ): ManifestObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: options.replicas ?? 1,
      ...(options.paused === undefined ? {} : { paused: options.paused }),
      selector: { matchLabels: { app: options.app ?? name } },
      template: {
        metadata: { labels: { app: options.app ?? name } },
        spec: {
          containers: [
            {
              name: 'app',
              image: options.image ?? 'nginx:1',
              ...(options.configMap === undefined ? {} : { envFrom: [{ configMapRef: { name: options.configMap } }] }),
            },
          ],
        },
      },
    },
  }),
  job: (name: string, extra: Readonly<Record<string, number | boolean>> = {}): ManifestObject => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { ...extra, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'busybox' }] } } },
  }),
  clusterRole: (name: string, namespace?: string): ManifestObject => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: meta(name, namespace),
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  }),
  definition: (plural: string, kind: string, group: string): ManifestObject => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
            },
          },
        },
      ],
    },
  }),
  custom: (
    kind: string,
    group: string,
    name: string,
    spec: Readonly<Record<string, number>> = { size: 1 },
  ): ManifestObject => ({ apiVersion: `${group}/v1`, kind, metadata: { name }, spec }),
  /** A policy that denies ConfigMaps whose name begins with a prefix. */
  denyConfigMaps: (name: string, prefix: string): readonly ManifestObject[] => [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] },
          ],
        },
        validations: [
          {
            expression: `!object.metadata.name.startsWith("${prefix}")`,
            message: `names must not begin with ${prefix}`,
          },
        ],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ],
};
