// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { uuidv7 } from '@plumbline/core';
import { type SseMessage, sseMessages } from '@plumbline/api-client';
import { MemoryEventLog } from '@plumbline/event-log/testing';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';
import { rendered, resources, synced } from '../testing/story.fixture.js';

async function open(gateway: GatewayUnderTest, query: string, lastId?: string): Promise<Response> {
  const headers = {
    authorization: `Bearer ${gateway.adminToken}`,
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  };
  return fetch(`${gateway.url}/api/v1/events/stream?${query}`, { headers });
}

async function until(response: Response, stop: (message: SseMessage) => boolean): Promise<readonly SseMessage[]> {
  const seen: SseMessage[] = [];
  if (response.body === null) throw new Error(`no stream: ${response.status}`);
  for await (const message of sseMessages(response.body)) {
    seen.push(message);
    if (stop(message)) break;
  }
  return seen;
}

async function codeOf(response: Response): Promise<unknown> {
  const body = (await response.json()) as { readonly code: string; readonly details?: { readonly reason?: string } };
  return [response.status, body.code, ...(body.details?.reason === undefined ? [] : [body.details.reason])];
}

const caughtUp = ({ event }: SseMessage): boolean => event === 'caught-up';
const positionsOf = (messages: readonly SseMessage[]): readonly number[] =>
  messages
    .filter(({ event }) => event === 'event')
    .map(({ data }) => (JSON.parse(data) as { readonly position: number }).position);

async function declareProjects(log: MemoryEventLog, count: number, name = 'p'): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await log.append({
      requestId: uuidv7(Date.now()),
      actor: { kind: 'user', id: 'x', name: 'x' },
      service: 'gateway',
      items: [
        {
          stream: `project-${name}`,
          expected: { type: 'any' },
          events: [
            {
              type: 'ProjectDeclared',
              data: {
                name,
                labels: {},
                spec: { repositories: ['*'], clusters: ['*'], namespaces: ['*'], forbiddenKinds: [] },
              },
            },
          ],
        },
      ],
    });
  }
}

describe('a stream with tokens', () => {
  it('goes on exactly after each of its messages, also after a restart of the gateway', async () => {
    const log = new MemoryEventLog();
    await declareProjects(log, 12);
    const first = await startGateway({ log });
    const all = await until(await open(first, 'after=-1&ids=token'), caughtUp);
    const head = (await log.head()) - 1;
    expect(positionsOf(all)).toEqual(Array.from({ length: head + 1 }, (_, index) => index));
    const { adminToken } = first;
    await first[Symbol.asyncDispose]();
    await using second = await startGateway({ log });
    for (const [index, { id }] of all.entries()) {
      const rest = await until(await open({ ...second, adminToken }, 'ids=token', id), caughtUp);
      expect(positionsOf(rest)).toEqual(positionsOf(all.slice(index + 1)));
    }
  });

  it('refuses to go on in a log that has something else there, or that ends before', async () => {
    await using gateway = await startGateway();
    await declareProjects(gateway.log, 3);
    await gateway.access.refresh();
    const token = (await until(await open(gateway, 'after=-1&ids=token'), caughtUp)).at(-1)?.id ?? '';
    const other = new MemoryEventLog();
    await declareProjects(other, 9, 'other');
    await using forked = await startGateway({ log: other });
    expect(await codeOf(await open(forked, 'ids=token', token))).toEqual([409, 'PLB-4710', 'LOG_DIVERGED']);
    expect(await codeOf(await open(forked, `after=${token}`))).toEqual([409, 'PLB-4710', 'LOG_DIVERGED']);
    await using restored = await startGateway();
    expect(await codeOf(await open(restored, '', token))).toEqual([409, 'PLB-4710', 'LOG_DIVERGED']);
    await expect(clientOf(restored).follow({ token }).next()).rejects.toMatchObject({ code: 'PLB-4710' });
    expect(await codeOf(await open(gateway, 'cluster=eu-1', token))).toEqual([400, 'PLB-1713']);
    expect(await codeOf(await open(gateway, '', 'bm90LW9uZQ'))).toEqual([400, 'PLB-1712']);
  });

  it('follows only what its filters want: type, application, project, environment, cluster, actor', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    await rendered(gateway, 'staging', 1);
    await rendered(gateway, 'production', 1);
    await synced(gateway, 'production', 1);
    const all = (await client.events({ limit: 1000 })).events;
    const typesWith = async (query: string): Promise<readonly string[]> => {
      const { head } = await client.events({ limit: 1 });
      const messages = await until(await open(gateway, `after=-1&${query}`), caughtUp);
      const positions = positionsOf(messages);
      expect(positions).toEqual(
        (await client.events({ ...Object.fromEntries(new URLSearchParams(query)), limit: 1000 })).events.map(
          ({ position }) => position,
        ),
      );
      expect(head).toBe(all.length - 1);
      return positions.map((position) => all[position]?.type ?? '');
    };
    expect(await typesWith('types=VersionRendered,SyncCompleted')).toEqual([
      'VersionRendered',
      'VersionRendered',
      'SyncCompleted',
    ]);
    expect(await typesWith('environment=production')).toEqual(['VersionRendered', 'SyncCompleted']);
    expect(await typesWith('cluster=eu-2')).toEqual(['ClusterDeclared', 'SyncCompleted']);
    expect(await typesWith('project=default&actor=applier')).toEqual(['SyncCompleted']);
    expect(await typesWith('application=web&actor=renderer&environment=staging')).toEqual(['VersionRendered']);
    expect(await typesWith('project=other')).toEqual([]);
    // The client may have opened one ahead, which the server would wait for.
    gateway.app.getHttpServer().closeAllConnections();
  });
});
