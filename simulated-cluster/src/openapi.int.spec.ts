// SPDX-License-Identifier: Apache-2.0
import { connectKube, type KubeTransport } from '@plumbline/kube';
import { compactDocument, type KindSchema, type SchemaNode } from '@plumbline/kube/schema';
import { startKube } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it } from 'vitest';
import { SimulatedCluster } from './index.js';

/**
 * A node with its references resolved, to a depth of 14; "any map" and "anything" are one, since the simulated
 * cluster's table does not distinguish them.
 */
function expanded(schema: KindSchema, node: SchemaNode, depth = 0): unknown {
  if (depth > 14 || typeof node === 'string') return depth > 14 ? 'deeper' : node;
  if ('ref' in node) return expanded(schema, schema.types[node.ref] ?? 'any', depth + 1);
  if ('items' in node) return { ...node, items: expanded(schema, node.items, depth + 1) };
  const { properties, required, values } = node;
  if (properties === undefined && values === 'any') return 'any';
  const members = Object.entries(properties ?? {}).map(([name, property]) => [
    name,
    expanded(schema, property, depth + 1),
  ]);
  return {
    properties: Object.fromEntries(members),
    required,
    values: values === undefined ? undefined : expanded(schema, values, depth + 1),
  };
}

async function publishedSchemas(transport: KubeTransport): Promise<ReadonlyMap<string, KindSchema>> {
  const json = async (path: string): Promise<unknown> =>
    JSON.parse(
      await (await transport.request({ method: 'GET', path, headers: { accept: 'application/json' } })).text(),
    );
  const { paths } = (await json('/openapi/v3')) as {
    readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
  };
  const schemas = new Map<string, KindSchema>();
  for (const [path, { serverRelativeURL }] of Object.entries(paths)) {
    if (!/^(api|apis\/[^/]+)\/v\w+$/.test(path)) continue;
    for (const { apiVersion, kind, schema } of compactDocument(await json(serverRelativeURL)))
      schemas.set(`${apiVersion}/${kind}`, schema);
  }
  return schemas;
}

describeWith('kube', 'the schemas that the simulated cluster publishes', () => {
  it('equal those of kube-apiserver', async () => {
    await using server = await startKube();
    const transport = await connectKube({ kubeconfig: { path: server.kubeconfigPath } });
    const real = await publishedSchemas(transport);
    await transport.close();
    const cluster = new SimulatedCluster({ name: 'simulated' });
    const simulated = await publishedSchemas(cluster.transport());
    await cluster.close();
    expect(simulated.size).toBeGreaterThan(60);
    for (const [id, schema] of simulated) {
      const published = real.get(id);
      expect({ id, schema: expanded(schema, schema.root) }).toEqual({
        id,
        schema: published === undefined ? undefined : expanded(published, published.root),
      });
    }
  });
});
