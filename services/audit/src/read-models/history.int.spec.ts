// SPDX-License-Identifier: Apache-2.0
import { type LogQueries, microsOf, type ViewMoment } from '@plumbline/event-log';
import { GrpcLogQueries, LogChannel } from '@plumbline/event-log/client';
import { randomHistory } from '@plumbline/event-log/testing';
import type { RecordedEvent } from '@plumbline/events';
import { type DocumentState, ViewHistory, ViewKind, ViewStore } from '@plumbline/read-models';
import { describe, expect, it } from 'vitest';
import { openAudit, put, TOKEN } from '../audit.fixture.js';
import { projection0002 } from './migrations/0002-history.js';
import { projection0003 } from './migrations/0003-late-states.js';

type Audit = Awaited<ReturnType<typeof openAudit>>;

/** What all views say at a moment, by kind and key. */
async function everythingAt(queries: LogQueries, at: ViewMoment): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const kind of ViewKind) {
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await queries.listViewAsOf(kind, at, { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.position).toBe(at.below);
      for (const { key, document } of page.documents) found[`${kind} ${key}`] = document;
      ({ cursor } = page);
    }
  }
  return found;
}

function everythingIn(list: (kind: ViewKind) => Iterable<readonly [string, unknown]>): Record<string, unknown> {
  return Object.fromEntries(
    ViewKind.flatMap((kind) =>
      [...list(kind)].map(([key, document]) => [`${kind} ${key}`, JSON.parse(JSON.stringify(document)) as unknown]),
    ),
  );
}

async function appendHistory(audit: Audit, seed: number, count: number): Promise<readonly RecordedEvent[]> {
  const { log } = audit;
  for (const request of randomHistory(seed, count)) await log.append(request);
  return (await log.read({ from: 0 })).events;
}

// In the name of the spec: written here in its place, it repeats a run.
const seed = Date.now() % 1_000_000;

describe(`the history of the views (seed ${seed})`, () => {
  it('is at every position what a fold up to that position gives, also after a rebuild', async () => {
    await using audit = await openAudit();
    const events = await appendHistory(audit, seed, 100);
    const check = async (): Promise<void> => {
      const store = new ViewStore();
      for (let below = 0; below <= events.length; below += 1) {
        expect(await everythingAt(audit.queries, { below }), `below position ${below}`).toEqual(
          everythingIn((kind) => store.scan(kind, '')),
        );
        const event = events[below];
        if (event !== undefined) store.apply(event);
      }
    };
    await check();
    const { rebuiltHash, liveHash } = await audit.projector.rebuild();
    expect(rebuiltHash).toBe(liveHash);
    await check();
  });

  it('is on both axes what the states in memory give, and the same over the door of the log', async () => {
    await using audit = await openAudit();
    const events = await appendHistory(audit, seed + 1, 100);
    const memory = new ViewHistory();
    for (const event of events) memory.apply(event);
    const channel = new LogChannel({ url: audit.url, token: TOKEN });
    const remote = new GrpcLogQueries(channel);
    for (const event of events.filter(({ position }) => position % 11 === 5)) {
      const occurredUntil = event.occurredAt;
      for (const below of [event.position + 1, events.length]) {
        const counts = (state: DocumentState): boolean =>
          state.position < below && (microsOf(state.occurredAt) ?? 0) <= (microsOf(occurredUntil) ?? 0);
        expect(await everythingAt(audit.queries, { below, occurredUntil })).toEqual(
          everythingIn((kind) => memory.list(kind, '', counts)),
        );
        expect(await everythingAt(remote, { below, occurredUntil })).toEqual(
          await everythingAt(audit.queries, { below, occurredUntil }),
        );
      }
    }
    expect(await remote.positionAt('2000-01-01T00:00:00Z')).toBe(0);
    for (const event of events.slice(-20)) expect(await remote.positionAt(event.recordedAt)).toBe(event.position + 1);
    const [first] = events;
    const key = 'default/web';
    expect(await remote.getViewAsOf('application', key, { below: events.length })).toEqual(
      await audit.queries.getView('application', key),
    );
    expect(
      await remote.getViewAsOf('application', key, { below: first?.type === 'ApplicationDeclared' ? 0 : 1 }),
    ).toBeUndefined();
    channel.close();
  });

  it('refuses a change of what was, and questions that it cannot answer', async () => {
    await using audit = await openAudit();
    const { log, queries } = audit;
    const { lastPosition } = await put(log, 'cluster-east', 'ClusterDeclared', {
      name: 'east',
      labels: {},
      spec: { simulated: {} },
    });
    expect(await queries.getViewAsOf('cluster', 'east', { below: lastPosition + 1 })).toMatchObject({ name: 'east' });
    const { pool } = await openPool(audit);
    await expect(pool.query("update projection.history set key = 'west'")).rejects.toMatchObject({ code: 'PLB09' });
    await expect(queries.getViewAsOf('cluster', 'east', { below: -1 })).rejects.toMatchObject({ code: 'PLB-1158' });
    await expect(queries.listViewAsOf('cluster', { below: 1, occurredUntil: 'yesterday' })).rejects.toMatchObject({
      code: 'PLB-1158',
    });
    await expect(queries.positionAt('yesterday')).rejects.toMatchObject({ code: 'PLB-1158' });
    await pool.end();
  });

  it('says that it is still being built where the views began without one, and has it after their rebuild', async () => {
    await using audit = await openAudit();
    const { log, queries } = audit;
    const { lastPosition } = await put(log, 'cluster-east', 'ClusterDeclared', {
      name: 'east',
      labels: {},
      spec: { simulated: {} },
    });
    const at = { below: lastPosition + 1 };
    await queries.getView('cluster', 'east', at.below);
    const { pool } = await openPool(audit);
    // As after the migration of tables that are older than the history.
    await pool.query(
      'drop table projection.history, projection.history_key; alter table projection.live drop column history; drop function projection.refuse_update()',
    );
    await pool.query(projection0002 + projection0003);
    await expect(queries.getViewAsOf('cluster', 'east', at)).rejects.toMatchObject({
      code: 'PLB-5105',
      retry: 'after-delay',
    });
    await audit.projector.rebuild();
    expect(await queries.getViewAsOf('cluster', 'east', at)).toMatchObject({ name: 'east' });
    await pool.end();
  });
});

async function openPool(audit: Audit): Promise<{ readonly pool: import('pg').Pool }> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: audit.database.url, max: 1 });
  // The database may go before the last connection has said goodbye.
  pool.on('error', () => undefined);
  return { pool };
}
