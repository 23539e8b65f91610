// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';
import { nextEvent, resources } from '../testing/story.fixture.js';

const API = 'plumbline.dev/v1alpha1';
const home = {
  apiVersion: API,
  kind: 'Repository',
  metadata: { name: 'home' },
  spec: { url: 'https://git.example.com/home.git', resources: { ref: 'main', path: 'plumbline' } },
};

/** What the renderer does for one commit; resolves with the answer of the gateway. */
async function read(
  gateway: GatewayUnderTest,
  revision: string,
  documents: readonly unknown[],
): Promise<RecordedEvent> {
  const content = JSON.stringify({
    resources: documents.map((resource, index) => ({ source: `plumbline/all.yaml#${index}`, resource })),
  });
  const digest = Digest.of(content);
  await gateway.objects.put([{ digest, content }]);
  const event = await gateway.append(
    'ResourcesRead',
    'repository-home',
    { repository: 'home', ref: 'main', revision, digest, count: documents.length },
    { correlationId: `way of ${revision}` },
  );
  return Promise.race([
    nextEvent(gateway, 'ResourcesApplied', event.position),
    nextEvent(gateway, 'ResourcesRefused', event.position),
  ]);
}

describe('resources in a repository', () => {
  it('are applied in one append, as the repository, on the way of the commit', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources: [home] });
    const answer = await read(gateway, 'a1', resources);
    expect(answer).toMatchObject({
      type: 'ResourcesApplied',
      correlationId: 'way of a1',
      actor: { id: 'repository:home' },
      data: {
        repository: 'home',
        revision: 'a1',
        changes: [
          { kind: 'Repository', id: 'shop', action: 'created' },
          { id: 'eu-1' },
          { id: 'eu-2' },
          { kind: 'Application', id: 'default/web' },
        ],
      },
    });
    const { events } = await gateway.log.read({ from: answer.position - 4, limit: 5 });
    expect(new Set(events.map(({ causationId, correlationId }) => `${causationId} ${correlationId}`)).size).toBe(1);
    expect(await client.repository('home')).toMatchObject({ resources: { revision: 'a1', state: 'Applied' } });
    expect(await client.application('web')).toMatchObject({ declared: { by: { id: 'repository:home' } } });
  });

  it('that left it are removed, those of others stay', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({
      resources: [home, { apiVersion: API, kind: 'Cluster', metadata: { name: 'by-hand' }, spec: { inCluster: {} } }],
    });
    await read(gateway, 'a1', resources);
    expect((await read(gateway, 'a2', resources.slice(0, 2))).data).toMatchObject({
      changes: [
        { kind: 'Application', id: 'default/web', action: 'pruned' },
        { kind: 'Cluster', id: 'eu-2', action: 'pruned' },
      ],
    });
    expect((await client.clusters()).items.map(({ name }) => name)).toEqual(['by-hand', 'eu-1']);
  });

  it('are refused as a whole, with every mistake at its file, and what was in force stays', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources: [home] });
    await read(gateway, 'a1', resources);
    const [shop, , , web] = resources;
    const answer = await read(gateway, 'a2', [
      { ...shop, spec: { url: 'ftp://x' } },
      { ...web, spec: { ...web.spec, environments: [] } },
      'no resource',
    ]);
    expect(answer).toMatchObject({
      type: 'ResourcesRefused',
      data: {
        revision: 'a2',
        issues: [
          { path: 'plumbline/all.yaml#0.spec.url' },
          { path: 'plumbline/all.yaml#1.spec.environments' },
          { path: 'plumbline/all.yaml#2' },
        ],
      },
    });
    expect((await client.clusters()).items).toHaveLength(2);
    expect(await client.repository('home')).toMatchObject({ resources: { state: 'Refused' } });
    expect(await read(gateway, 'a3', resources)).toMatchObject({ type: 'ResourcesApplied', data: { changes: [] } });
  });

  it('may be subscriptions, whose secret stays where the gateway has it', async () => {
    await using gateway = await startGateway({
      source: { PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS: 'hooks.example.com', PLUMBLINE_GATEWAY_DELIVERIES: 'false' },
    });
    const client = clientOf(gateway);
    await client.apply({ resources: [home] });
    const chat = {
      apiVersion: API,
      kind: 'Subscription',
      metadata: { name: 'chat' },
      spec: {
        url: 'https://hooks.example.com/',
        secretEnv: 'PLUMBLINE_CRED_CHAT',
        filter: { types: ['SyncCompleted'] },
      },
    };
    expect(await read(gateway, 'a1', [chat, ...resources])).toMatchObject({ type: 'ResourcesApplied' });
    expect(await client.subscription('chat')).toMatchObject({
      spec: { secretEnv: 'PLUMBLINE_CRED_CHAT' },
      declared: { by: { id: 'repository:home' } },
    });
    const refused = await read(gateway, 'a2', [
      { ...chat, spec: { ...chat.spec, url: 'https://elsewhere.example.com/' } },
      ...resources.slice(0, 2),
    ]);
    expect(refused).toMatchObject({
      type: 'ResourcesRefused',
      data: { message: expect.stringContaining('nothing may be delivered to elsewhere.example.com') },
    });
    expect((await client.clusters()).items).toHaveLength(2);
    expect((await read(gateway, 'a3', resources)).data).toMatchObject({
      changes: [{ kind: 'Subscription', id: 'chat', action: 'pruned' }],
    });
    expect((await client.subscriptions()).items).toEqual([]);
  });

  it('that are gone altogether remove nothing', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources: [home] });
    await read(gateway, 'a1', resources);
    expect(await read(gateway, 'a2', [])).toMatchObject({
      type: 'ResourcesRefused',
      data: { message: expect.stringContaining('nothing was removed') },
    });
    expect((await client.applications()).items).toHaveLength(1);
  });

  it('are applied once, by whichever gateway, also when one starts later', async () => {
    await using first = await startGateway();
    await clientOf(first).apply({ resources: [home] });
    await using second = await startGateway({ log: first.log });
    second.objects.getMany = first.objects.getMany.bind(first.objects);
    second.objects.get = first.objects.get.bind(first.objects);
    const answer = await read(first, 'a1', resources);
    await second.access.folded(answer.position);
    await using third = await startGateway({ log: first.log });
    expect(third.access.position).toBe((await first.log.head()) - 1);
    const all = (
      await first.log.read({ from: 0, types: ['ResourcesApplied', 'ResourcesRefused', 'ApplicationDeclared'] })
    ).events;
    expect(all.map(({ type }) => type)).toEqual(['ApplicationDeclared', 'ResourcesApplied']);
  });

  it('wait until the content can be had', async () => {
    await using gateway = await startGateway();
    await clientOf(gateway).apply({ resources: [home] });
    const get = gateway.objects.get.bind(gateway.objects);
    const failed = Promise.withResolvers<void>();
    gateway.objects.get = async () => {
      failed.resolve();
      throw new Error('the store is away');
    };
    const answered = read(gateway, 'a1', resources);
    await failed.promise;
    gateway.objects.get = get;
    // The next read wakes it before the time to try again.
    const again = await read(gateway, 'a2', resources);
    expect(again).toMatchObject({ type: 'ResourcesApplied', data: { revision: 'a2' } });
    expect(await answered).toMatchObject({ data: { revision: 'a2' } });
  });
});
