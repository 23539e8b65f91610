// SPDX-License-Identifier: Apache-2.0
import { ApiError, type PlumblineClient } from '@plumbline/api-client';
import type { ManifestObject } from '@plumbline/manifest';
import { describe, expect, it } from 'vitest';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';
import { released, rendered, resources, storeRendered, synced } from '../testing/story.fixture.js';

async function setUp(gateway: GatewayUnderTest): Promise<PlumblineClient> {
  const admin = clientOf(gateway);
  await admin.apply({ resources });
  return clientOf(gateway, await gateway.tokenOf('viewer'));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
  );
}

describe('the state of an application', () => {
  it('is unknown before the first version, waits for the decision, and follows its targets', async () => {
    await using gateway = await startGateway();
    const viewer = await setUp(gateway);
    expect((await viewer.application('web')).summary.sync).toMatchObject({
      state: 'Unknown',
      reason: 'NotRenderedYet',
    });
    const version = await rendered(gateway, 'production', 1);
    await gateway.append('ApprovalRequested', 'version-default/web/1', {
      application: 'default/web',
      environment: 'production',
      version: 1,
      renderDigest: 'renderDigest' in version.data ? String(version.data.renderDigest) : '',
      required: 1,
      excluded: [],
    });
    expect((await viewer.application('web')).summary.environments).toMatchObject([
      { name: 'staging', sync: { state: 'Unknown' }, targetCount: 0 },
      {
        name: 'production',
        sync: { state: 'Waiting', reason: 'ApprovalRequired' },
        decision: { state: 'WaitingApproval' },
        latestVersion: 1,
      },
    ]);
    expect((await viewer.approvals()).items).toMatchObject([
      { application: 'default/web', environment: 'production', version: 1, required: 1 },
    ]);
    await rendered(gateway, 'staging', 1);
    await released(gateway, 'staging', 1);
    await synced(gateway, 'staging', 1, 'Failed');
    expect((await viewer.applications()).items[0]?.summary).toMatchObject({
      sync: { state: 'Failed' },
      environments: [{ releasedVersion: 1, targetCount: 1 }, {}],
    });
    await synced(gateway, 'staging', 1);
    const status = await viewer.status('web');
    expect(status.environments[0]).toMatchObject({
      sync: { state: 'Synced' },
      latest: { version: 1 },
      released: { version: 1 },
      targets: [{ cluster: 'eu-1', version: 1, lastSync: { result: 'Succeeded' } }],
    });
    expect(status.application.summary.sync.state).toBe('Waiting');
    expect(status.position).toBe((await gateway.log.head()) - 1);
  });

  it('is shown as failed when the first commit cannot be rendered', async () => {
    await using gateway = await startGateway();
    const viewer = await setUp(gateway);
    await gateway.append('RenderFailed', 'application-default/web', {
      application: 'default/web',
      environment: 'staging',
      revision: 'a'.repeat(40),
      reason: 'InvalidYaml',
      message: 'web.yaml:3',
    });
    expect((await viewer.application('web')).summary.environments[0]).toMatchObject({
      sync: { state: 'Failed', reason: 'InvalidYaml' },
      renderError: { message: 'web.yaml:3' },
    });
  });
});

describe('lists', () => {
  it('page by cursor, filter, and wait for a position', async () => {
    await using gateway = await startGateway();
    const viewer = await setUp(gateway);
    for (const environment of ['staging', 'production']) {
      await rendered(gateway, environment, 1);
      await released(gateway, environment, 1);
    }
    const first = await viewer.targets({ limit: 1 });
    expect(first.items.map(({ id }) => id)).toEqual(['default/web/production/eu-2']);
    const second = await viewer.targets({ limit: 1, cursor: first.cursor ?? '' });
    expect(second).toMatchObject({ items: [{ id: 'default/web/staging/eu-1' }] });
    expect(second.cursor).toBeUndefined();
    expect((await viewer.targets({ cluster: 'eu-1' })).items).toHaveLength(1);
    expect((await viewer.targets({ application: 'web', environment: 'production' })).items).toHaveLength(1);
    expect((await viewer.targets({ application: 'other' })).items).toEqual([]);
    const last = (await gateway.log.head()) - 1;
    expect((await viewer.clusters({ minPosition: last })).position).toBe(last);
    expect(await codeOf(viewer.clusters({ minPosition: last + 1 }))).toBe('PLB-5102');
    expect(await codeOf(viewer.status('web', { minPosition: last + 1 }))).toBe('PLB-1705');
    expect((await viewer.repositories()).items).toMatchObject([{ name: 'shop', connection: { state: 'Unknown' } }]);
    expect(await viewer.repository('shop')).toMatchObject({ spec: { interval: '60s' } });
    expect(await viewer.cluster('eu-1')).toMatchObject({ labels: { tier: 'staging' } });
    expect(await viewer.project('default')).toMatchObject({ spec: { clusters: ['*'] } });
    expect((await viewer.applications({ project: 'other' })).items).toEqual([]);
  });

  it('answer what does not exist with its own code', async () => {
    await using gateway = await startGateway();
    const viewer = await setUp(gateway);
    expect(await codeOf(viewer.application('none'))).toBe('PLB-3101');
    expect(await codeOf(viewer.status('none'))).toBe('PLB-3101');
    expect(await codeOf(viewer.versionOf('web', 7))).toBe('PLB-3102');
    expect(await codeOf(viewer.repository('none'))).toBe('PLB-3103');
    expect(await codeOf(viewer.cluster('none'))).toBe('PLB-3104');
    expect(await codeOf(viewer.project('none'))).toBe('PLB-3105');
  });
});

describe('history', () => {
  it('tells newest first what was decided on each version and what came of it', async () => {
    await using gateway = await startGateway();
    const viewer = await setUp(gateway);
    for (const version of [1, 2, 3]) {
      await rendered(gateway, 'staging', version);
      await released(gateway, 'staging', version);
      await synced(gateway, 'staging', version, version === 2 ? 'Failed' : 'Succeeded');
    }
    await rendered(gateway, 'production', 3);
    const page = await viewer.history('web', { limit: 2 });
    expect(page.items.map(({ version }) => version)).toEqual([3, 2]);
    expect(page.items[0]?.environments.map(({ environment }) => environment)).toEqual(['staging', 'production']);
    expect(page.items[1]?.environments[0]).toMatchObject({
      decision: { state: 'Released' },
      outcomes: [{ cluster: 'eu-1', result: 'Failed', counts: { Created: 1 } }],
    });
    const rest = await viewer.history('web', { limit: 2, cursor: page.cursor ?? '' });
    expect(rest.items.map(({ version }) => version)).toEqual([1]);
    expect(rest.cursor).toBeUndefined();
    expect((await viewer.versions('web', { environment: 'staging' })).items.map(({ version }) => version)).toEqual([
      1, 2, 3,
    ]);
    expect((await viewer.versionOf('web', 3)).items.map(({ environment }) => environment)).toEqual([
      'staging',
      'production',
    ]);
  });
});

const CANARY = 'canary-51b6d1';

function objectsOf(replicas: number, password: string): readonly ManifestObject[] {
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login' },
      data: { password: Buffer.from(password).toString('base64') },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `settings-${replicas}` }, data: { a: 'b' } },
  ];
}

describe('diff', () => {
  it('compares rendered objects field by field and never shows a secret', async () => {
    await using gateway = await startGateway();
    const viewer = await setUp(gateway);
    await rendered(gateway, 'staging', 1, await storeRendered(gateway, objectsOf(1, CANARY)));
    await rendered(gateway, 'staging', 2, await storeRendered(gateway, objectsOf(2, `${CANARY}-2`)));
    const { environments } = await viewer.diff('web', { from: 1, to: 2 });
    expect(environments).toHaveLength(1);
    expect(environments[0]).toMatchObject({ environment: 'staging', from: 1, to: 2, unchangedCount: 0 });
    expect(environments[0]?.objects.map(({ key, change }) => `${change} ${key}`)).toEqual([
      'Removed /ConfigMap//settings-1',
      'Added /ConfigMap//settings-2',
      'Changed /Secret//login',
      'Changed apps/Deployment//web',
    ]);
    expect(environments[0]?.objects.at(-1)?.fields).toEqual([{ path: 'spec.replicas', op: 'change', from: 1, to: 2 }]);
    expect(environments[0]?.objects[2]?.fields).toEqual([{ path: 'data.password', op: 'change' }]);
    const shown = JSON.stringify(environments);
    for (const secret of [CANARY, Buffer.from(CANARY).toString('base64').slice(0, 12), 'plumbline.seal'])
      expect(shown).not.toContain(secret);
  });

  it('starts from what is released, or from nothing, and names versions that do not exist', async () => {
    await using gateway = await startGateway();
    const viewer = await setUp(gateway);
    await rendered(gateway, 'staging', 1, await storeRendered(gateway, objectsOf(1, CANARY)));
    expect((await viewer.diff('web')).environments[0]).toMatchObject({
      to: 1,
      unchangedCount: 0,
      objects: [{ change: 'Added' }, { change: 'Added' }, { change: 'Added' }],
    });
    expect(JSON.stringify(await viewer.diff('web'))).not.toContain('plumbline.seal');
    expect(await codeOf(viewer.diff('web', { from: 1, to: 1, environment: 'production' }))).toBe('PLB-3102');
    expect(await codeOf(viewer.diff('web', { environment: 'moon' }))).toBe('PLB-1706');
  });
});
