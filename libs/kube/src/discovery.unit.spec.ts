// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { Discovery } from './discovery.js';
import type { KubeRequest, KubeResponse, KubeTransport } from './kube-transport.port.js';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly etag?: string;
  readonly body: unknown;
}

/** Answers from a table that a test may change, and remembers what was asked. */
class TableTransport implements KubeTransport {
  readonly asked: string[] = [];
  gate: Promise<void> = Promise.resolve();
  constructor(readonly table: Record<string, Answer | undefined>) {}

  async request({ path, headers }: KubeRequest): Promise<KubeResponse> {
    this.asked.push(path);
    const answer = this.table[path];
    await this.gate;
    if (answer === undefined) throw new Error(`nothing listens at ${path}`);
    const { status = 200, type = AGGREGATED, etag, body } = answer;
    const unchanged = etag !== undefined && headers?.['if-none-match'] === etag;
    return {
      status: unchanged ? 304 : status,
      headers: { 'content-type': type, ...(etag === undefined ? {} : { etag }) },
      text: async () => (unchanged ? '' : JSON.stringify(body)),
      lines: () => {
        throw new Error('not a watch');
      },
    };
  }

  async close(): Promise<void> {}
}

const resource = (plural: string, kind: string): object => ({
  resource: plural,
  responseKind: { kind },
  scope: 'Namespaced',
  verbs: ['get'],
});
const group = (name: string, ...versions: object[]): object => ({ metadata: { name }, versions });
const core = {
  body: {
    items: [group('', { version: 'v1', freshness: 'Current', resources: [resource('configmaps', 'ConfigMap')] })],
  },
};
const apps = group('apps', { version: 'v1', resources: [resource('deployments', 'Deployment')] });
const tableOf = (...groups: object[]): Record<string, Answer | undefined> => ({
  '/api': core,
  '/apis': { body: { items: groups } },
});

describe('discovery', () => {
  it('says unknown of a group that the server calls stale, and nothing worse of the others', async () => {
    const stale = group('metrics.k8s.io', { version: 'v1beta1', freshness: 'Stale' });
    const discovery = new Discovery(new TableTransport(tableOf(apps, stale)));
    expect(await discovery.resourceFor('metrics.k8s.io/v1beta1', 'PodMetrics')).toEqual({
      unknown: 'metrics.k8s.io/v1beta1: the aggregated API did not answer',
    });
    expect(await discovery.resourceFor('metrics.k8s.io/v1', 'PodMetrics')).toMatchObject({
      unknown: expect.any(String),
    });
    expect(await discovery.resourceFor('apps/v1', 'Deployment')).toMatchObject({ found: { plural: 'deployments' } });
    expect(await discovery.resourceFor('metrics.example.org/v1', 'PodMetrics')).toMatchObject({ missing: 'group' });
    expect([...(await discovery.failures()).keys()]).toEqual(['metrics.k8s.io/v1beta1']);
  });

  it('says unknown of a group version that fails without aggregated discovery', async () => {
    const type = 'application/json';
    const discovery = new Discovery(
      new TableTransport({
        '/api': { type, body: { versions: ['v1'] } },
        '/api/v1': {
          type,
          body: {
            resources: [
              { name: 'configmaps', kind: 'ConfigMap', namespaced: true, verbs: ['get'] },
              { name: 'pods', kind: 'Pod', namespaced: true },
              { name: 'pods/log', kind: 'Pod', namespaced: true },
            ],
          },
        },
        '/apis': {
          type,
          body: {
            groups: [
              {
                name: 'autoscaling',
                versions: [{ version: 'v2' }, { version: 'v1' }],
                preferredVersion: { version: 'v2' },
              },
              { name: 'broken.example.org', versions: [{ version: 'v1' }] },
            ],
          },
        },
        '/apis/autoscaling/v2': {
          type,
          body: {
            resources: [{ name: 'horizontalpodautoscalers', kind: 'HorizontalPodAutoscaler', namespaced: true }],
          },
        },
        '/apis/autoscaling/v1': {
          type,
          body: {
            resources: [{ name: 'horizontalpodautoscalers', kind: 'HorizontalPodAutoscaler', namespaced: true }],
          },
        },
        '/apis/broken.example.org/v1': { type, status: 503, body: { kind: 'Status', message: 'service unavailable' } },
      }),
    );
    expect(await discovery.resourceFor('broken.example.org/v1', 'Thing')).toMatchObject({
      unknown: expect.stringContaining('service unavailable'),
    });
    expect(await discovery.resourceFor('v1', 'Pod')).toMatchObject({
      found: { subresources: ['log'], preferred: true },
    });
    expect(await discovery.resourceFor('autoscaling/v1', 'HorizontalPodAutoscaler')).toMatchObject({
      found: { preferred: false },
    });
    expect(await discovery.resourceFor('autoscaling/v2', 'HorizontalPodAutoscaler')).toMatchObject({
      found: { preferred: true },
    });
  });

  it('gives hints that help: other versions, other groups, other spelling', async () => {
    const discovery = new Discovery(new TableTransport(tableOf(apps)));
    expect(await discovery.resourceFor('apps/v1beta1', 'Deployment')).toEqual({
      missing: 'version',
      hint: 'apps has no version v1beta1, it has v1; Deployment is in v1',
    });
    expect(await discovery.resourceFor('extensions/v1beta1', 'Deployment')).toEqual({
      missing: 'group',
      hint: 'the cluster has no API group "extensions"; Deployment is in apps/v1',
    });
    expect(await discovery.resourceFor('apps/v1', 'deployment')).toEqual({
      missing: 'kind',
      hint: 'apps/v1 has no kind deployment; did you mean Deployment?',
    });
    expect(await discovery.resourceFor('v1', 'Deployment')).toEqual({
      missing: 'kind',
      hint: 'v1 has no kind Deployment; it is in apps/v1',
    });
  });

  it('believes a miss only from fresh data, and a hit from the cache', async () => {
    let nowMs = 0;
    const transport = new TableTransport(tableOf(apps));
    const discovery = new Discovery(transport, { clock: { nowMs: () => nowMs } });
    expect(await discovery.resourceFor('example.org/v1', 'Widget')).toMatchObject({ missing: 'group' });
    await discovery.resourceFor('example.org/v1', 'Widget');
    expect(transport.asked).toHaveLength(2);
    transport.table['/apis'] = {
      body: { items: [apps, group('example.org', { version: 'v1', resources: [resource('widgets', 'Widget')] })] },
    };
    nowMs = 1_001;
    expect(await discovery.resourceFor('example.org/v1', 'Widget')).toMatchObject({ found: { plural: 'widgets' } });
    nowMs = 60_000;
    await discovery.resourceFor('apps/v1', 'Deployment');
    expect(transport.asked).toHaveLength(4);
    nowMs = 700_000;
    await discovery.resourceFor('apps/v1', 'Deployment');
    expect(transport.asked).toHaveLength(6);
  });

  it('shares one read among concurrent questions, but not with one that was invalidated meanwhile', async () => {
    const transport = new TableTransport(tableOf(apps));
    const discovery = new Discovery(transport);
    const opened = Promise.withResolvers<void>();
    transport.gate = opened.promise;
    const early = Promise.all([discovery.all(), discovery.all(), discovery.resourceFor('apps/v1', 'Deployment')]);
    expect(transport.asked).toHaveLength(2);
    transport.table['/apis'] = { body: { items: [] } };
    discovery.invalidate();
    const late = discovery.resourceFor('apps/v1', 'Deployment');
    opened.resolve();
    expect((await early)[2]).toMatchObject({ found: { kind: 'Deployment' } });
    expect(await late).toMatchObject({ missing: 'group' });
    expect(await discovery.resourceFor('apps/v1', 'Deployment')).toMatchObject({ missing: 'group' });
  });

  it('uses what it knows when the server says that nothing changed', async () => {
    const table = tableOf(apps);
    table['/apis'] = { body: { items: [apps] }, etag: '"1"' };
    const transport = new TableTransport(table);
    const discovery = new Discovery(transport);
    await discovery.all();
    discovery.invalidate();
    expect(await discovery.resourceFor('apps/v1', 'Deployment')).toMatchObject({ found: { kind: 'Deployment' } });
  });

  it('fails when nothing can be read, and reads again with the next question', async () => {
    const transport = new TableTransport({ '/api': core });
    const discovery = new Discovery(transport);
    await expect(discovery.resourceFor('apps/v1', 'Deployment')).rejects.toThrow('nothing listens');
    transport.table['/apis'] = { body: { items: [apps] } };
    expect(await discovery.resourceFor('apps/v1', 'Deployment')).toMatchObject({ found: { kind: 'Deployment' } });
    transport.table['/apis'] = { status: 403, body: { kind: 'Status', reason: 'Forbidden', message: 'no' } };
    discovery.invalidate();
    await expect(discovery.all()).rejects.toMatchObject({ status: 403, code: 'PLB-6107' });
  });
});
