// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@plumbline/api-client';
import type { MomentQuery, PlumblineClient } from '@plumbline/api-client';
import { uuidv7 } from '@plumbline/core';
import { randomHistory } from '@plumbline/event-log/testing';
import { describe, expect, it } from 'vitest';
import { clientOf, startGateway } from '../testing/gateway.fixture.js';
import type { GatewayUnderTest } from '../testing/gateway.fixture.js';
import { released, rendered, resources, storeRendered, synced } from '../testing/story.fixture.js';

const applications = ['default/web', 'default/web-api'];
// In the name of the spec: written here in its place, it repeats a run.
const seed = Date.now() % 1_000_000;

async function answer(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => {
    if (error instanceof ApiError) return error.code;
    throw error;
  });
}

/** What every read says, now or as of a moment. */
async function everything(client: PlumblineClient, moment: MomentQuery = {}): Promise<unknown> {
  const lists = [client.applications(moment), client.targets(moment), client.approvals(moment), client.clusters(moment), client.projects(moment), client.repositories(moment)];
  const each = applications.flatMap((id) => [
    client.application(id, moment), client.status(id, moment), client.history(id, moment), client.versions(id, moment), client.versionOf(id, 1, moment), client.history(id, { ...moment, limit: 1 }),
  ]);
  return Promise.all([...lists, ...each, client.cluster('eu-1', moment)].map(answer));
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => 'no error', (error: unknown) => (error instanceof ApiError ? error.code : error));
}

describe('reading the past', () => {
  it(`says of every position what was said at that position (seed ${seed})`, async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    const said = new Map<number, unknown>();
    for (const request of randomHistory(seed, 80)) {
      const { lastPosition } = await gateway.log.append(request);
      await gateway.access.folded(lastPosition);
      said.set(lastPosition, await everything(client));
    }
    for (const [position, then] of said) {
      expect(await everything(client, { asOf: position }), `as of ${position}`).toEqual(then);
      expect(await everything(client, { knownAt: position })).toEqual(then);
    }
    const [[position, then] = [0, undefined]] = [...said].slice(40);
    const { events: [event] } = await client.events({ after: position - 1, limit: 1 });
    expect(await everything(client, { knownAt: event?.recordedAt ?? '' })).toEqual(then);
  }, 120_000);

  it('tells what had happened from what was known of it', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    await rendered(gateway, 'staging', 1);
    const release = await released(gateway, 'staging', 1);
    const healthOf = async (moment: MomentQuery): Promise<string | undefined> => (await client.status('web', moment)).environments[0]?.targets[0]?.health.state;
    // The cluster was cut off and reports late what it saw a moment after the release.
    const late = await lateHealth(gateway, release.recordedAt);
    expect(late.recordedAt > release.recordedAt).toBe(true);
    expect(await healthOf({ asOf: release.recordedAt })).toBe('Degraded');
    expect(await healthOf({ asOf: release.recordedAt, knownAt: release.recordedAt })).toBe('Unknown');
    expect(await healthOf({ asOf: release.position })).toBe('Unknown');
    expect(await healthOf({ asOf: late.position })).toBe('Degraded');
  });

  it('compares the versions that were released and newest then', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    const object = (replicas: number): Parameters<typeof storeRendered>[1][number] =>
      ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'web' }, spec: { replicas } }) as never;
    await rendered(gateway, 'staging', 1, await storeRendered(gateway, [object(1)]));
    await released(gateway, 'staging', 1);
    const then = await rendered(gateway, 'staging', 2, await storeRendered(gateway, [object(2)]));
    await released(gateway, 'staging', 2);
    await synced(gateway, 'staging', 2);
    expect((await client.diff('web', { environment: 'staging' })).environments[0]).toMatchObject({ from: 2, to: 2, objects: [] });
    const past = await client.diff('web', { environment: 'staging', asOf: then.position });
    expect(past.environments[0]).toMatchObject({ from: 1, to: 2, objects: [{ change: 'Changed', fields: [{ path: 'spec.replicas', from: 1, to: 2 }] }] });
    expect(await client.diff('web', { environment: 'staging', asOf: then.recordedAt })).toEqual(past);
    expect(await client.diff('web', { environment: 'staging', from: 1, to: 2, asOf: then.position })).toEqual(past);
  });

  it('refuses moments that are none, and positions that are not there yet', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    const head = (await gateway.log.head()) - 1;
    expect(await codeOf(client.status('web', { asOf: head }))).toBe('no error');
    expect(await codeOf(client.status('web', { asOf: head + 1 }))).toBe('PLB-1705');
    expect(await codeOf(client.targets({ knownAt: head + 1 }))).toBe('PLB-1705');
    expect(await codeOf(client.targets({ asOf: 'yesterday' }))).toBe('PLB-1701');
    expect(await codeOf(client.status('web', { asOf: '2000-01-01T00:00Z' }))).toBe('PLB-3101');
    expect((await client.targets({ asOf: '2999-01-01T00:00+01:00' })).position).toBe(head);
    expect((await client.applications({ asOf: -1 })).items).toEqual([]);
  });
});

async function lateHealth(gateway: GatewayUnderTest, occurredAt: string): Promise<{ readonly position: number; readonly recordedAt: string }> {
  const { lastPosition: position, recordedAt } = await gateway.log.append({
    requestId: uuidv7(Date.now()), actor: { kind: 'service', id: 'applier', name: 'applier' }, service: 'applier',
    items: [{
      stream: 'target-default/web/staging/eu-1', expected: { type: 'any' },
      events: [{ type: 'HealthChanged', data: { application: 'default/web', environment: 'staging', cluster: 'eu-1', health: 'Degraded', reason: 'Pods', message: '', objects: [] }, occurredAt }],
    }],
  });
  await gateway.access.folded(position);
  return { position, recordedAt };
}
