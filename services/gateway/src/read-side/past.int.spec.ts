// SPDX-License-Identifier: Apache-2.0
import { ApiError, type MomentQuery, type PlumblineClient } from '@plumbline/api-client';
import { uuidv7 } from '@plumbline/core';
import { randomHistory } from '@plumbline/event-log/testing';
import { describe, expect, it } from 'vitest';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';
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
  const lists = [
    client.applications(moment),
    client.targets(moment),
    client.approvals(moment),
    client.clusters(moment),
    client.projects(moment),
    client.repositories(moment),
    client.tokens(moment),
    client.subscriptions(moment),
    client.events({ ...moment, limit: 1000 }),
    client.events({ ...moment, types: ['HealthChanged'] }),
    client.audit({ ...moment, limit: 500 }),
    client.audit({ ...moment, order: 'asc', limit: 500, application: 'web' }),
  ];
  const each = applications.flatMap((id) => [
    client.application(id, moment),
    client.status(id, moment),
    client.history(id, moment),
    client.versions(id, moment),
    client.versionOf(id, 1, moment),
    client.history(id, { ...moment, limit: 1 }),
  ]);
  return Promise.all([...lists, ...each, client.cluster('eu-1', moment)].map(answer));
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof ApiError ? error.code : error),
  );
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
    const {
      events: [event],
    } = await client.events({ after: position - 1, limit: 1 });
    expect(await everything(client, { knownAt: event?.recordedAt ?? '' })).toEqual(then);
  }, 120_000);

  it('tells what had happened from what was known of it', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    await rendered(gateway, 'staging', 1);
    const release = await released(gateway, 'staging', 1);
    const healthOf = async (moment: MomentQuery): Promise<string | undefined> =>
      (await client.status('web', moment)).environments[0]?.targets[0]?.health.state;
    // The cluster was cut off and reports late what it saw a moment after the release.
    const late = await lateHealth(gateway, release.recordedAt);
    expect(late.recordedAt > release.recordedAt).toBe(true);
    expect(await healthOf({ asOf: release.recordedAt })).toBe('Degraded');
    expect(await healthOf({ asOf: release.recordedAt, knownAt: release.recordedAt })).toBe('Unknown');
    expect(await healthOf({ asOf: release.position })).toBe('Unknown');
    expect(await healthOf({ asOf: late.position })).toBe('Degraded');
  });

  it('shows the events that had happened from what was known of them, in pages that hold still while others append', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    await rendered(gateway, 'staging', 1);
    const release = await released(gateway, 'staging', 1);
    const late = await lateHealth(gateway, release.recordedAt);
    const after = await rendered(gateway, 'staging', 2);
    const positions = (events: readonly { readonly position: number }[]): readonly number[] =>
      events.map(({ position }) => position);
    const upTo = (last: number): readonly number[] => Array.from({ length: last + 1 }, (_, index) => index);
    // Reports that come while a list is read; those of the past are of a later question.
    const reported: number[] = [];
    const report = async (): Promise<unknown> =>
      reported.push((await lateHealth(gateway, release.recordedAt)).position);
    for (const [moment, then] of [
      [{ asOf: release.position }, upTo(release.position)],
      [{ asOf: late.position }, upTo(late.position)],
      [{ asOf: -1 }, []],
      [{ asOf: release.recordedAt }, [...upTo(release.position), late.position]],
      [{ asOf: release.recordedAt, knownAt: release.recordedAt }, upTo(release.position)],
      [{ knownAt: late.recordedAt }, upTo(late.position)],
      [{ asOf: '2999-01-01T00:00Z' }, upTo(after.position)],
      [{ asOf: release.recordedAt, knownAt: after.position }, [...upTo(release.position), late.position]],
    ] as const) {
      const said = JSON.stringify(moment);
      const open = 'asOf' in moment && typeof moment.asOf === 'string' && !('knownAt' in moment);
      const wanted = (): readonly number[] => [...then, ...(open ? reported : [])];
      let held: readonly number[];
      expect(positions((await client.events({ ...moment, limit: 1000 })).events), said).toEqual(wanted());
      expect(positions((await client.audit({ ...moment, limit: 500 })).events), said).toEqual(wanted().toReversed());
      held = wanted();
      expect(await eventsInPages(client, moment, report), said).toEqual(held);
      held = wanted();
      expect(await auditInPages(client, { ...moment, order: 'asc' }, report), said).toEqual(held);
      held = wanted();
      expect(await auditInPages(client, { ...moment, order: 'desc' }, report), said).toEqual(held.toReversed());
    }
    expect(
      positions(
        (await client.audit({ asOf: late.position, until: release.recordedAt, since: '2000-01-01T00:00:00Z' })).events,
      ),
    ).toEqual(upTo(release.position - 1).toReversed());
    expect(positions((await client.audit({ asOf: late.position, since: release.recordedAt })).events)).toEqual([
      late.position,
      release.position,
    ]);
  });

  it('refuses cursors of other searches, and moments where there is no past', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    const { position } = await client.apply({ resources });
    const { cursor } = await client.audit({ limit: 1 });
    expect(await codeOf(client.audit({ limit: 1, asOf: position, cursor: cursor ?? '' }))).toBe('PLB-1705');
    const { cursor: past } = await client.audit({ limit: 1, asOf: position });
    expect(await codeOf(client.audit({ limit: 1, asOf: position - 1, cursor: past ?? '' }))).toBe('PLB-1705');
    expect(await codeOf(client.audit({ asOf: position + 1 }))).toBe('PLB-1705');
    expect(await codeOf(client.events({ knownAt: position + 1 }))).toBe('PLB-1705');
    for (const path of [
      '/api/v1/events/stream',
      '/api/v1/version',
      '/api/v1/whoami',
      '/api/v1/log/checkpoint',
      '/openapi.json',
      '/docs',
      '/log/plumbline.test/gateway/checkpoint',
    ]) {
      const response = await fetch(`${gateway.url}${path}?asOf=1`, {
        headers: { authorization: `Bearer ${gateway.adminToken}` },
      });
      const { code, message } = (await response.json()) as { readonly code: string; readonly message: string };
      expect([path, response.status, code, message]).toEqual([
        path,
        400,
        'PLB-1701',
        expect.stringContaining('query.asOf: there is no past to read here'),
      ]);
    }
    const change = await fetch(`${gateway.url}/api/v1/clusters/eu-1?knownAt=1`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${gateway.adminToken}` },
    });
    expect(((await change.json()) as { readonly message: string }).message).toContain('a change is made now');
  });

  it('compares the versions that were released and newest then', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    const object = (replicas: number): Parameters<typeof storeRendered>[1][number] =>
      ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'web' },
        spec: { replicas },
      }) as never;
    await rendered(gateway, 'staging', 1, await storeRendered(gateway, [object(1)]));
    await released(gateway, 'staging', 1);
    const then = await rendered(gateway, 'staging', 2, await storeRendered(gateway, [object(2)]));
    await released(gateway, 'staging', 2);
    await synced(gateway, 'staging', 2);
    expect((await client.diff('web', { environment: 'staging' })).environments[0]).toMatchObject({
      from: 2,
      to: 2,
      objects: [],
    });
    const past = await client.diff('web', { environment: 'staging', asOf: then.position });
    expect(past.environments[0]).toMatchObject({
      from: 1,
      to: 2,
      objects: [{ change: 'Changed', fields: [{ path: 'spec.replicas', from: 1, to: 2 }] }],
    });
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
    expect(await codeOf(client.targets({ asOf: head - 1, minPosition: head }))).toBe('PLB-1705');
    expect((await client.targets({ asOf: head - 1, minPosition: head - 1 })).position).toBe(head - 1);
    expect(await codeOf(client.status('web', { asOf: '2000-01-01T00:00Z' }))).toBe('PLB-3101');
    expect((await client.targets({ asOf: '2999-01-01T00:00+01:00' })).position).toBe(head);
    expect((await client.applications({ asOf: -1 })).items).toEqual([]);
  });
});

/** Reads in pages of two, with another event appended after each page. */
async function eventsInPages(
  client: PlumblineClient,
  moment: MomentQuery,
  report: () => Promise<unknown>,
): Promise<readonly number[]> {
  const found: number[] = [];
  for (let after = -1, held = moment; ;) {
    const page = await client.events({ ...held, after, limit: 2 });
    held = { ...moment, knownAt: page.head };
    found.push(...page.events.map(({ position }) => position));
    if (page.after >= page.head) return found;
    ({ after } = page);
    await report();
  }
}

async function auditInPages(
  client: PlumblineClient,
  query: MomentQuery & { readonly order: 'asc' | 'desc' },
  report: () => Promise<unknown>,
): Promise<readonly number[]> {
  const found: number[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await client.audit({ ...query, limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.events.map(({ position }) => position));
    ({ cursor } = page);
    await report();
  }
  return found;
}

async function lateHealth(
  gateway: GatewayUnderTest,
  occurredAt: string,
): Promise<{ readonly position: number; readonly recordedAt: string }> {
  const { lastPosition: position, recordedAt } = await gateway.log.append({
    requestId: uuidv7(Date.now()),
    actor: { kind: 'service', id: 'applier', name: 'applier' },
    service: 'applier',
    items: [
      {
        stream: 'target-default/web/staging/eu-1',
        expected: { type: 'any' },
        events: [
          {
            type: 'HealthChanged',
            data: {
              application: 'default/web',
              environment: 'staging',
              cluster: 'eu-1',
              health: 'Degraded',
              reason: 'Pods',
              message: '',
              objects: [],
            },
            occurredAt,
          },
        ],
      },
    ],
  });
  await gateway.access.folded(position);
  return { position, recordedAt };
}
