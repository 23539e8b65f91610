// SPDX-License-Identifier: Apache-2.0
import { ApiError, type ResourceInput } from '@plumbline/api-client';
import { describe, expect, it } from 'vitest';
import { clientOf, startGateway } from '../testing/gateway.fixture.js';
import { released, rendered, resources, synced } from '../testing/story.fixture.js';

async function refusal(
  promise: Promise<unknown>,
): Promise<{ readonly status: number; readonly code: string; readonly message: string; readonly issues: unknown }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ApiError)
      return { status: error.httpStatus, code: error.code, message: error.message, issues: error.details['issues'] };
    throw error;
  }
  throw new Error('it was not refused');
}

const [shop, eu1, , web] = resources;
const API = 'plumbline.dev/v1alpha1';

describe('apply', () => {
  it('declares everything in one append, whatever the order, and nothing the second time', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    const before = await gateway.log.head();
    const first = await client.apply({ resources: resources.toReversed() });
    expect(first.resources.map(({ kind, id, action }) => `${kind} ${id} ${action}`)).toEqual([
      'Repository shop created',
      'Cluster eu-2 created',
      'Cluster eu-1 created',
      'Application default/web created',
    ]);
    const { events } = await gateway.log.read({ from: before });
    expect(new Set(events.map(({ causationId }) => causationId)).size).toBe(1);
    expect(events.every(({ actor }) => actor.id === 'bootstrap' && actor.kind === 'user')).toBe(true);
    const second = await client.apply({ resources });
    expect(second.resources.every(({ action }) => action === 'unchanged')).toBe(true);
    expect(await gateway.log.head()).toBe(first.position + 1);
  });

  it('tells which fields changed, and changes nothing on a dry run', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    const changed = structuredClone(web) as unknown as {
      spec: { ref?: string; environments: { name: string; clusters: unknown; sync?: unknown }[] };
    } & ResourceInput;
    changed.spec.ref = 'release';
    const production = changed.spec.environments[1];
    if (production !== undefined) production.sync = { selfHeal: false };
    const head = await gateway.log.head();
    const dry = await client.apply({ resources: [changed], dryRun: true });
    expect(dry).toMatchObject({
      dryRun: true,
      resources: [{ action: 'configured', fields: ['spec.environments.production.sync.selfHeal', 'spec.ref'] }],
    });
    expect(await gateway.log.head()).toBe(head);
    expect((await client.apply({ resources: [changed] })).resources).toMatchObject([{ action: 'configured' }]);
    expect(await client.application('web')).toMatchObject({ spec: { ref: 'release' } });
  });

  it('takes subscriptions too: admins declare them, a label prunes them, hosts that are not allowed are refused with all the rest', async () => {
    await using gateway = await startGateway({
      source: { PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS: 'hooks.example.com', PLUMBLINE_GATEWAY_DELIVERIES: 'false' },
    });
    const client = clientOf(gateway);
    const chat = (name: string, spec: object = {}): ResourceInput => ({
      apiVersion: API,
      kind: 'Subscription',
      metadata: { name, labels: { team: 'a' } },
      spec: { url: 'https://hooks.example.com/', secretFile: '/etc/chat', ...spec },
    });
    const first = await client.apply({ resources: [chat('one'), chat('two'), ...resources] });
    expect(first.resources.slice(-3).map(({ kind, id, action }) => `${kind} ${id} ${action}`)).toEqual([
      'Application default/web created',
      'Subscription one created',
      'Subscription two created',
    ]);
    expect(
      (await client.apply({ resources: [chat('two', { filter: { types: ['SyncCompleted'] } })], dryRun: true }))
        .resources,
    ).toMatchObject([{ action: 'configured', fields: ['spec.filter.types'] }]);
    expect(
      await refusal(clientOf(gateway, await gateway.tokenOf('operator')).apply({ resources: [chat('three')] })),
    ).toMatchObject({ status: 403, code: 'PLB-2120' });
    expect(
      await refusal(
        client.apply({ resources: [chat('three'), chat('four', { url: 'https://elsewhere.example.com/' })] }),
      ),
    ).toMatchObject({ code: 'PLB-1714', message: expect.stringContaining('subscription "four"') as unknown });
    expect(await refusal(client.apply({ resources: [chat('three'), chat('three')] }))).toMatchObject({
      code: 'PLB-1704',
    });
    expect(await refusal(client.apply({ resources: [chat('three', { after: first.position + 100 })] }))).toMatchObject({
      code: 'PLB-1705',
    });
    const pruned = await client.apply({ resources: [chat('one')], prune: { labelSelector: { team: 'a' } } });
    expect(pruned.resources).toEqual([
      { kind: 'Subscription', id: 'one', action: 'unchanged', fields: [] },
      { kind: 'Subscription', id: 'two', action: 'pruned', fields: [] },
    ]);
    expect((await client.subscriptions()).items).toMatchObject([
      { name: 'one', labels: { team: 'a' }, spec: { secretFile: '/etc/chat', maxAttempts: 12 } },
    ]);
    expect((await client.subscriptions({ asOf: first.position })).items.map(({ name }) => name)).toEqual([
      'one',
      'two',
    ]);
  });

  it('names everything that is referred to and not there, and declares none of it', async () => {
    await using gateway = await startGateway();
    const head = await gateway.log.head();
    const application = {
      apiVersion: API,
      kind: 'Application',
      metadata: { name: 'web', project: 'nowhere' },
      spec: { repository: 'none', environments: [{ name: 'staging', clusters: { names: ['gone'] } }] },
    };
    const answer = await refusal(clientOf(gateway).apply({ resources: [shop, application] }));
    expect(answer).toMatchObject({ status: 400, code: 'PLB-1702' });
    for (const name of ['project "nowhere"', 'repository "none"', 'cluster "gone"'])
      expect(answer.message).toContain(name);
    expect(await gateway.log.head()).toBe(head);
  });

  it('holds applications to the limits of their project, also when the project is narrowed later', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    const narrow = {
      apiVersion: API,
      kind: 'Project',
      metadata: { name: 'default' },
      spec: { repositories: ['other'], clusters: ['eu-2'], namespaces: ['web-*'] },
    };
    const answer = await refusal(client.apply({ resources: [...resources, narrow] }));
    expect(answer.code).toBe('PLB-1703');
    expect(answer.message).toContain('does not allow repository "shop"');
    expect(answer.message).toContain('does not allow namespace "web"');
    await client.apply({ resources });
    expect((await refusal(client.apply({ resources: [narrow] }))).code).toBe('PLB-1703');
  });

  it('takes the same patterns in every list of a project as the checks of the policy service', async () => {
    await using gateway = await startGateway();
    const project = {
      apiVersion: API,
      kind: 'Project',
      metadata: { name: 'default' },
      spec: { repositories: ['sho*'], clusters: ['eu-*'], namespaces: ['web*'] },
    };
    const { resources: applied } = await clientOf(gateway).apply({ resources: [...resources, project] });
    expect(applied).toContainEqual(expect.objectContaining({ kind: 'Project', id: 'default', action: 'configured' }));
  });

  it('refuses a resource given twice, and names every mistake in the resources', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    expect(await refusal(client.apply({ resources: [shop, shop] }))).toMatchObject({ code: 'PLB-1704' });
    const wrong = {
      apiVersion: API,
      kind: 'Repository',
      metadata: { name: 'UPPER' },
      spec: { url: 'ftp://x', interval: '1ms' },
    };
    const { code, issues } = await refusal(client.apply({ resources: [wrong] }));
    expect(code).toBe('PLB-1701');
    expect((issues as { path: string }[]).map(({ path }) => path)).toEqual([
      'resources.0.metadata.name',
      'resources.0.spec.url',
      'resources.0.spec.interval',
    ]);
  });

  it('prunes what carries the label and is not in the list, applications first', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    const labelled = resources.map((resource) => ({
      ...resource,
      metadata: {
        ...resource.metadata,
        labels: { ...('labels' in resource.metadata ? resource.metadata.labels : {}), set: 'a' },
      },
    }));
    await client.apply({ resources: labelled });
    const result = await client.apply({ resources: labelled.slice(1, 3), prune: { labelSelector: { set: 'a' } } });
    expect(result.resources.map(({ kind, action }) => `${kind} ${action}`)).toEqual([
      'Cluster unchanged',
      'Cluster unchanged',
      'Application pruned',
      'Repository pruned',
    ]);
    expect((await client.applications()).items).toEqual([]);
    expect(await refusal(client.apply({ resources: [], prune: { labelSelector: {} } }))).toMatchObject({
      code: 'PLB-1701',
    });
  });

  it('lets operators change applications, and nothing else', async () => {
    await using gateway = await startGateway();
    await clientOf(gateway).apply({ resources });
    const operator = clientOf(gateway, await gateway.tokenOf('operator'));
    const changed = { ...web, spec: { ...web.spec, ref: 'next' } };
    expect((await operator.apply({ resources: [shop, changed] })).resources.map(({ action }) => action)).toEqual([
      'unchanged',
      'configured',
    ]);
    const answer = await refusal(
      operator.apply({ resources: [changed, { ...eu1, metadata: { name: 'eu-1', labels: {} } }] }),
    );
    expect(answer).toMatchObject({ status: 403, code: 'PLB-2120' });
  });

  it('decides again when another service appends to the same stream at the same time', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    const original = gateway.log.append.bind(gateway.log);
    let interfered = false;
    gateway.log.append = async (request) => {
      if (!interfered && request.service === 'gateway') {
        interfered = true;
        await gateway.append('RenderFailed', 'application-default/web', {
          application: 'default/web',
          environment: 'staging',
          revision: 'a'.repeat(40),
          reason: 'Broken',
          message: 'no',
        });
      }
      return original(request);
    };
    expect(
      (await client.apply({ resources: [{ ...web, spec: { ...web.spec, ref: 'next' } }] })).resources,
    ).toMatchObject([{ action: 'configured', fields: ['spec.ref'] }]);
    expect(interfered).toBe(true);
  });
});

describe('removal', () => {
  it('refuses while others need it, and names them', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    for (const promise of [client.deleteProject('default'), client.deleteRepository('shop')]) {
      const answer = await refusal(promise);
      expect(answer).toMatchObject({ status: 409, code: 'PLB-4701' });
      expect(answer.message).toContain('application default/web');
    }
    expect(await refusal(client.deleteRepository('none'))).toMatchObject({ status: 404, code: 'PLB-3103' });
  });

  it('removes an application with or without its objects, once', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    await rendered(gateway, 'staging', 1);
    await released(gateway, 'staging', 1);
    await synced(gateway, 'staging', 1);
    expect(await client.deleteApplication('web')).toMatchObject({ action: 'removed' });
    expect(await client.deleteApplication('web', { mode: 'delete' })).toMatchObject({ action: 'unchanged' });
    expect(await client.deleteApplication('web', { mode: 'orphan' })).toMatchObject({ action: 'removed' });
    expect(await client.application('web')).toMatchObject({ removal: { mode: 'Orphan' } });
    // Declared again while its removal goes on: it is back.
    expect((await client.apply({ resources: [web] })).resources).toMatchObject([{ action: 'created' }]);
    expect((await client.application('web')).removal).toBeUndefined();
  });

  it('keeps a cluster with objects of ours, unless told to forget it', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    await rendered(gateway, 'staging', 1);
    await released(gateway, 'staging', 1);
    await synced(gateway, 'staging', 1);
    const answer = await refusal(client.deleteCluster('eu-1'));
    expect(answer.message).toContain('target default/web/staging/eu-1');
    expect(await client.deleteCluster('eu-1', { force: true })).toMatchObject({ action: 'removed' });
    expect((await client.clusters()).items.map(({ name }) => name)).toEqual(['eu-2']);
  });
});
