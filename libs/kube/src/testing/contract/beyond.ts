// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { type Bench, type Check, configMap, dig, widgetCrd } from './bench.js';

const unique = (prefix: string): string => `${prefix}${randomBytes(4).toString('hex')}`;

async function policyFor(bench: Bench, namespace: string): Promise<void> {
  const name = unique('policy-');
  const apiVersion = 'admissionregistration.k8s.io/v1';
  await bench.apply({
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      validations: [{ expression: "object.metadata.name != 'bad'", message: 'no bad ones' }],
      matchConstraints: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
    },
  });
  await bench.apply({
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  });
}

/**
 * What an API server does beyond storing objects well. Plumbline sends none of this, but its users' objects may rely
 * on it.
 */
export function beyondChecks(check: Check): void {
  check('evaluates the CEL rules in the schema of a CRD', async (bench) => {
    const namespace = await bench.namespace();
    const group = `${unique('g')}.example.org`;
    const schema = {
      type: 'object',
      properties: { size: { type: 'integer' } },
      'x-kubernetes-validations': [{ rule: 'self.size < 10', message: 'too large' }],
    };
    await bench.apply(widgetCrd(group, { schema }));
    const widget = (size: number): Parameters<Bench['apply']>[0] => ({
      apiVersion: `${group}/v1`,
      kind: 'Widget',
      metadata: { name: 'w', namespace },
      spec: { size },
    });
    await expect
      .poll(
        async () => {
          bench.client.discovery.invalidate();
          return bench.apply(widget(1)).then(
            () => true,
            () => false,
          );
        },
        { timeout: 60_000, interval: 100 },
      )
      .toBe(true);
    await expect(bench.apply(widget(11))).rejects.toMatchObject({ status: 422 });
  });

  check('enforces a ValidatingAdmissionPolicy', async (bench) => {
    const namespace = await bench.namespace();
    await policyFor(bench, namespace);
    await expect
      .poll(
        () =>
          bench.apply(configMap(namespace, 'bad'), { dryRun: true }).then(
            () => 'applied',
            () => 'refused',
          ),
        // time is what this tests: the simulated cluster never refuses, see known-differences.ts
        { timeout: 4_000, interval: 100 },
      )
      .toBe('refused');
  });

  check('counts new objects against a ResourceQuota', async (bench) => {
    const namespace = await bench.namespace();
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'few', namespace },
      spec: { hard: { 'count/configmaps': '1' } },
    };
    await bench.apply(quota);
    await bench.raw(
      'PATCH',
      `/api/v1/namespaces/${namespace}/resourcequotas/few/status`,
      JSON.stringify({ status: { hard: { 'count/configmaps': '1' }, used: { 'count/configmaps': '0' } } }),
      'application/merge-patch+json',
    );
    const attempts = async (): Promise<string> => {
      const outcomes = [];
      for (const name of ['a', 'b', 'c'])
        outcomes.push(
          await bench.apply(configMap(namespace, name)).then(
            () => 'applied',
            () => 'refused',
          ),
        );
      return outcomes.join(' ');
    };
    expect(await attempts()).toContain('refused');
  });

  check('refuses what a user has no right to do', async (bench) => {
    const response = await bench.target.transport.request({
      method: 'GET',
      path: '/api/v1/namespaces',
      headers: { accept: 'application/json', 'impersonate-user': 'nobody' },
    });
    await response.text();
    expect(response.status).toBe(403);
  });

  check('publishes the schemas of its kinds', async (bench) => {
    const { body } = await bench.raw('GET', '/openapi/v3/apis/apps/v1');
    expect(dig(body, 'components', 'schemas', 'io.k8s.api.apps.v1.Deployment', 'properties', 'spec')).toBeDefined();
  });

  check('answers in tables and in protobuf to who asks for them', async (bench) => {
    for (const accept of ['application/json;as=Table;v=v1;g=meta.k8s.io', 'application/vnd.kubernetes.protobuf']) {
      const response = await bench.target.transport.request({
        method: 'GET',
        path: '/api/v1/namespaces',
        headers: { accept },
      });
      const text = await response.text();
      expect(text.includes('"kind":"Table"') || response.headers['content-type']?.includes('protobuf') === true).toBe(
        true,
      );
    }
  });
}
