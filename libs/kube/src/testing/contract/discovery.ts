// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { Discovery } from '../../discovery.js';
import type { KubeTransport } from '../../kube-transport.port.js';
import type { Check } from './bench.js';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Discovery and identity. */
export function discoveryChecks(check: Check): void {
  check('tells its version and keeps one identity', async ({ client }) => {
    expect((await client.version()).gitVersion).toMatch(/^v1\.\d+\./);
    expect(await client.serverUid()).toMatch(/^[0-9a-f-]{36}$/);
    expect(await client.serverUid()).toBe(await client.serverUid());
  });

  check('offers aggregated discovery of both roots', async ({ target }) => {
    for (const path of ['/api', '/apis']) {
      const response = await target.transport.request({ method: 'GET', path, headers: { accept: AGGREGATED } });
      expect(response.status).toBe(200);
      expect(response.headers['content-type']).toContain('as=APIGroupDiscoveryList');
      expect(await response.text()).toContain('"APIGroupDiscoveryList"');
    }
  });

  check('finds kinds with scope, plural, verbs, subresources and the preferred version', async (bench) => {
    const found = await bench.resource('apps/v1', 'Deployment');
    expect(found).toMatchObject({
      group: 'apps',
      version: 'v1',
      plural: 'deployments',
      namespaced: true,
      preferred: true,
    });
    expect(found.verbs).toEqual(
      expect.arrayContaining(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']),
    );
    expect(found.subresources).toEqual(expect.arrayContaining(['status', 'scale']));
    expect(await bench.resource('v1', 'Namespace')).toMatchObject({
      group: '',
      plural: 'namespaces',
      namespaced: false,
    });
    expect(await bench.resource('rbac.authorization.k8s.io/v1', 'ClusterRole')).toMatchObject({
      plural: 'clusterroles',
      namespaced: false,
    });
    expect(await bench.resource('autoscaling/v2', 'HorizontalPodAutoscaler')).toMatchObject({ preferred: true });
    expect(await bench.resource('autoscaling/v1', 'HorizontalPodAutoscaler')).toMatchObject({ preferred: false });
  });

  check('tells apart a missing group, version and kind', async ({ client }) => {
    expect(await client.discovery.resourceFor('nothing.example.org/v1', 'Thing')).toMatchObject({ missing: 'group' });
    expect(await client.discovery.resourceFor('apps/v1beta9', 'Deployment')).toMatchObject({ missing: 'version' });
    expect(await client.discovery.resourceFor('apps/v1', 'Deploymint')).toMatchObject({ missing: 'kind' });
  });

  check('says the same through unaggregated discovery', async ({ target, client }) => {
    const plain: KubeTransport = {
      request: (request) =>
        target.transport.request({ ...request, headers: { ...request.headers, accept: 'application/json' } }),
      close: async () => undefined,
    };
    const identity = ({
      group,
      version,
      kind,
      plural,
      namespaced,
      preferred,
    }: Awaited<ReturnType<typeof client.discovery.all>>[number]): string =>
      JSON.stringify([group, version, kind, plural, namespaced, preferred]);
    const aggregated = (await client.discovery.all())
      .filter(({ group }) => ['', 'apps', 'batch', 'autoscaling'].includes(group))
      .map(identity);
    const legacy = (await new Discovery(plain).all())
      .filter(({ group }) => ['', 'apps', 'batch', 'autoscaling'].includes(group))
      .map(identity);
    expect(legacy.toSorted()).toEqual(aggregated.toSorted());
  });

  check('answers 304 to a conditional read when nothing changed', async ({ target }) => {
    const first = await target.transport.request({ method: 'GET', path: '/apis', headers: { accept: AGGREGATED } });
    await first.text();
    const etag = first.headers['etag'];
    expect(etag).toBeDefined();
    const second = await target.transport.request({
      method: 'GET',
      path: '/apis',
      headers: { accept: AGGREGATED, 'if-none-match': etag ?? '' },
    });
    await second.text();
    expect(second.status).toBe(304);
  });

  check('returns 404 for a path that is not served', async (bench) => {
    expect((await bench.raw('GET', '/apis/nothing.example.org/v1/things')).status).toBe(404);
  });
}
