// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { openAudit, openLogAndPool, put, tellStory } from '../audit.fixture.js';
import { PostgresLogQueries } from './postgres-log-queries.js';

describe('views', () => {
  it('are there for who waits for the position of an own append', async () => {
    await using audit = await openAudit();
    const { log, queries } = audit;
    const { lastPosition } = await put(log, 'cluster-east', 'ClusterDeclared', {
      name: 'east',
      labels: {},
      spec: { simulated: {} },
    });
    expect(await queries.getView('cluster', 'east', lastPosition + 1)).toMatchObject({ name: 'east' });
    expect(await queries.getView('cluster', 'west', lastPosition + 1)).toBeUndefined();
  });

  it('are listed by key, from page to page, below a prefix', async () => {
    await using audit = await openAudit();
    const { log, queries } = audit;
    for (const name of ['b-2', 'a-1', 'b-10', 'c_3', 'b-1'])
      await put(log, `cluster-${name}`, 'ClusterDeclared', { name, labels: {}, spec: { simulated: {} } });
    const head = await log.head();
    const all = await queries.listView('cluster', { minPosition: head });
    expect(all.documents.map((entry) => entry.key)).toEqual(['a-1', 'b-1', 'b-10', 'b-2', 'c_3']);
    expect(all).toMatchObject({ position: head });
    expect(all).not.toHaveProperty('cursor');
    const first = await queries.listView('cluster', { keyPrefix: 'b-', limit: 2 });
    expect(first.documents.map((entry) => entry.key)).toEqual(['b-1', 'b-10']);
    const second = await queries.listView('cluster', {
      keyPrefix: 'b-',
      limit: 2,
      ...(first.cursor === undefined ? {} : { cursor: first.cursor }),
    });
    expect(second.documents.map((entry) => entry.key)).toEqual(['b-2']);
    expect(second).not.toHaveProperty('cursor');
    // % and _ are no patterns here.
    expect((await queries.listView('cluster', { keyPrefix: 'b_' })).documents).toEqual([]);
  });

  it('answer an empty log with nothing at position 0', async () => {
    await using audit = await openAudit();
    expect(await audit.queries.listView('target')).toEqual({ documents: [], position: 0 });
  });

  it('say that they are behind instead of answering from the past', async () => {
    await using test = await openLogAndPool();
    const queries = new PostgresLogQueries({ pool: test.pool, progress: { waitFor: async () => false } });
    await expect(queries.getView('cluster', 'east', 5)).rejects.toMatchObject({
      code: 'PLB-5102',
      retry: 'after-delay',
    });
  });

  it.each([
    ['a view that does not exist', 'secrets', {}],
    ['a cursor that is not ours', 'cluster', { cursor: 'abc' }],
    ['no documents', 'cluster', { limit: 0 }],
    ['a position that is none', 'cluster', { minPosition: -1 }],
  ])('refuse %s', async (_what, view, options) => {
    await using test = await openLogAndPool();
    const queries = new PostgresLogQueries({ pool: test.pool, progress: { waitFor: async () => true } });
    await expect(queries.listView(view, options)).rejects.toMatchObject({ code: 'PLB-1158' });
  });
});

describe('the audit search', () => {
  it('finds events by actor, type, application, environment, cluster, way of change and time, newest first', async () => {
    await using audit = await openAudit();
    const { log, queries } = audit;
    await tellStory(log, 'web', 'east');
    await tellStory(log, 'api', 'west');
    await put(log, 'access-t1', 'TokenIssued', {
      id: 't1',
      name: 'ci',
      role: 'viewer',
      hash: `sha256:${'0'.repeat(64)}`,
      emails: [],
    });
    await audit.projector.waitFor(await log.head(), 5_000);
    const types = async (filter: Parameters<typeof queries.audit>[0]): Promise<string[]> =>
      (await queries.audit(filter)).events.map((event) => event.type);
    expect(await types({ application: 'default/api', environment: 'staging' })).toEqual([
      'DriftDetected',
      'SyncCompleted',
      'SyncStarted',
      'VersionReleased',
      'VersionRendered',
    ]);
    expect(await types({ cluster: 'west', order: 'asc' })).toEqual([
      'ClusterDeclared',
      'SyncStarted',
      'SyncCompleted',
      'DriftDetected',
    ]);
    expect(await types({ correlationId: 'way-of-web', type: 'RevisionObserved' })).toEqual(['RevisionObserved']);
    expect(await types({ actor: 'Ada' })).toEqual(['TokenIssued']);
    expect(await types({ actor: 'token-ada' })).toEqual(['TokenIssued']);
    expect(await types({ actor: 'policy', application: 'default/web' })).toEqual(['VersionReleased']);
    const events = (await log.read({ from: 0 })).events;
    const [since, until] = [events[4]?.recordedAt ?? '', events[6]?.recordedAt ?? ''];
    expect((await queries.audit({ since, until })).events.map((event) => event.position)).toEqual([5, 4]);
    const [past, future] = ['2001-01-01T00:00:00Z', '2999-01-01T00:00:00+02:00'];
    expect(await types({ since: future })).toEqual([]);
    expect(await types({ until: past })).toEqual([]);
    expect(await types({ since: past, until: future })).toHaveLength(events.length);
    expect(await types({ actor: 'renderer', order: 'asc', limit: 1 })).toEqual(['VersionRendered']);
  });

  it.each(['asc', 'desc'] as const)('pages through everything %s, each event once', async (order) => {
    await using audit = await openAudit();
    const { log, queries } = audit;
    await tellStory(log, 'web');
    await audit.projector.waitFor(await log.head(), 5_000);
    const seen: number[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await queries.audit({ order, limit: 4, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.events.map((event) => event.position));
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    const all = Array.from({ length: 9 }, (_, index) => index);
    expect(seen).toEqual(order === 'asc' ? all : all.toReversed());
  });

  it.each([{ since: 'yesterday' }, { until: '2026' }, { cursor: 'xx' }, { limit: -3 }])(
    'refuses %o',
    async (filter) => {
      await using test = await openLogAndPool();
      const queries = new PostgresLogQueries({ pool: test.pool, progress: { waitFor: async () => true } });
      await expect(queries.audit(filter)).rejects.toMatchObject({ code: 'PLB-1158' });
    },
  );
});
