// SPDX-License-Identifier: Apache-2.0
import type { ResourceInput } from '@plumbline/api-client';

const apiVersion = 'plumbline.dev/v1alpha1';

/** What one sample application holds. */
export interface SampleOptions {
  readonly greeting?: string;
  readonly replicas?: number;
  /** Without a Deployment there is nothing to become ready. */
  readonly deployment?: boolean;
}

/** ConfigMap, ServiceAccount, Service and Deployment of one application, as files of a directory. */
export function sampleFiles(
  directory: string,
  name: string,
  options: SampleOptions = {},
): Readonly<Record<string, string>> {
  const { greeting = 'hello', replicas = 2, deployment = true } = options;
  const files: Record<string, string> = {
    [`${directory}/settings.yaml`]: `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  greeting: ${greeting}\n`,
    [`${directory}/service.yaml`]: [
      'apiVersion: v1',
      'kind: ServiceAccount',
      'metadata:',
      `  name: ${name}`,
      '---',
      'apiVersion: v1',
      'kind: Service',
      'metadata:',
      `  name: ${name}`,
      'spec:',
      `  selector: { app: ${name} }`,
      '  ports: [{ name: http, port: 80, targetPort: 8080 }]',
      '',
    ].join('\n'),
  };
  if (deployment) files[`${directory}/deployment.yaml`] = deploymentYaml(name, replicas);
  return files;
}

/** A Deployment that needs nothing but nodes. */
export function deploymentYaml(name: string, replicas: number): string {
  return [
    'apiVersion: apps/v1',
    'kind: Deployment',
    'metadata:',
    `  name: ${name}`,
    'spec:',
    `  replicas: ${replicas}`,
    `  selector: { matchLabels: { app: ${name} } }`,
    '  template:',
    `    metadata: { labels: { app: ${name} } }`,
    '    spec:',
    `      serviceAccountName: ${name}`,
    '      containers:',
    '        - name: web',
    '          image: registry.example.com/web:1',
    '          ports: [{ containerPort: 8080 }]',
    '',
  ].join('\n');
}

/** A Repository that is looked at when somebody asks, and hardly otherwise. */
export function repositoryResource(name: string, url: string, interval = '30m'): ResourceInput {
  return { apiVersion, kind: 'Repository', metadata: { name }, spec: { url, interval } };
}

/** A Cluster with the label `tier`. */
export function clusterResource(name: string, tier: string, spec: object): ResourceInput {
  return { apiVersion, kind: 'Cluster', metadata: { name, labels: { tier } }, spec };
}

/** One environment of a sample application, on the clusters of the tier of the same name. */
export function environmentOf(name: string, more: object = {}): object {
  return { name, clusters: { matchLabels: { tier: name } }, ...more };
}

/** An Application in project `default`. */
export function applicationResource(
  name: string,
  spec: { readonly repository: string } & Readonly<Record<string, unknown>>,
): ResourceInput {
  return {
    apiVersion,
    kind: 'Application',
    metadata: { name },
    spec: { environments: [environmentOf('staging')], ...spec },
  };
}
