// SPDX-License-Identifier: Apache-2.0
import { startKube } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { randomBytes } from 'node:crypto';
import { KubeClient } from '../client.js';
import { connectKube } from '../transports/undici-transport.js';
import type { Denial } from './contract/bench.js';
import type { ApiResource, KubeObject } from '../types.js';
import { kubeContract } from './kube.contract.js';

const policies: ApiResource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  namespaced: false,
  verbs: [],
  preferred: true,
  subresources: [],
};
const bindings: ApiResource = {
  ...policies,
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
};
const configMaps: ApiResource = {
  ...policies,
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

/** A real policy: CEL in the API server itself. It takes a moment until it is enforced. */
async function deny(client: KubeClient, { operation, namespace, label, message }: Denial): Promise<string> {
  const name = `deny-${randomBytes(4).toString('hex')}`;
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const scope = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
  // The probe shows when the policy is in force, whatever it denies.
  const subject = operation === 'DELETE' ? 'oldObject' : 'object';
  const expression = `!has(${subject}.metadata.labels) || !("${label}" in ${subject}.metadata.labels || "probe-${name}" in ${subject}.metadata.labels)`;
  await client.apply(policies, {
    apiVersion,
    kind: policies.kind,
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      validations: [{ expression, message }],
      matchConstraints: {
        ...scope,
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: [operation], resources: ['configmaps'] }],
      },
    },
  });
  await client.apply(bindings, {
    apiVersion,
    kind: bindings.kind,
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  });
  const probe: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `probe-${name}`, namespace, labels: { [`probe-${name}`]: 'true' } },
  };
  if (operation !== 'CREATE') await client.apply(configMaps, probe);
  const inForce = async (): Promise<boolean> => {
    const attempt =
      operation === 'DELETE'
        ? client.delete(configMaps, namespace, probe.metadata.name, { propagationPolicy: 'Background', dryRun: true })
        : client.apply(configMaps, { ...probe, data: { at: String(performance.now()) } }, { dryRun: true });
    return attempt.then(
      () => false,
      () => true,
    );
  };
  const deadlineMs = performance.now() + 20_000;
  while (!(await inForce()))
    if (performance.now() > deadlineMs) throw new Error(`the policy ${name} is not in force after 20 s`);
  return name;
}

describeWith('kube', 'kube-apiserver', () => {
  kubeContract('is what the contract says', {
    start: async () => {
      const server = await startKube({ apiServerFlags: { 'etcd-compaction-interval': '2s' } });
      const transport = await connectKube({ kubeconfig: { path: server.kubeconfigPath } });
      const client = new KubeClient(transport);
      return {
        transport,
        // It compacts etcd by itself, every other second; a new process begins with an empty watch cache.
        compact: () => server.restart(),
        deny: (denial) => deny(client, denial),
        dispose: async () => {
          await transport.close();
          await server[Symbol.asyncDispose]();
        },
      };
    },
    knownDifferences: [],
  });
});
