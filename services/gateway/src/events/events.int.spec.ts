// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ApiError, PlumblineClient } from '@plumbline/api-client';
import { uuidv7 } from '@plumbline/core';
import type { NewEvent, RecordedEvent } from '@plumbline/events';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';
import { rendered, resources } from '../testing/story.fixture.js';

const spec = { repositories: ['*'], clusters: ['*'], namespaces: ['*'], forbiddenKinds: [] };

/** Appends projects, many in one append. */
async function appendProjects(gateway: GatewayUnderTest, count: number, description = ''): Promise<number> {
  const events: NewEvent[] = Array.from({ length: count }, () => ({
    type: 'ProjectDeclared',
    data: { name: 'p', labels: {}, spec: { ...spec, description } },
  }));
  const { lastPosition } = await gateway.log.append({
    requestId: uuidv7(Date.now()),
    actor: { kind: 'user', id: 'x', name: 'x' },
    service: 'gateway',
    items: [{ stream: 'project-p', expected: { type: 'any' }, events }],
  });
  await gateway.access.folded(lastPosition);
  return lastPosition;
}

async function take(events: AsyncGenerator<RecordedEvent>, count: number): Promise<readonly RecordedEvent[]> {
  const taken: RecordedEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length >= count) break;
  }
  return taken;
}

describe('reading events', () => {
  it('goes on after a position, in pages, and moves over what a filter drops', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    await client.apply({ resources });
    const head = (await gateway.log.head()) - 1;
    const all: RecordedEvent[] = [];
    for (let after = -1; after < head;) {
      const page = await client.events({ after, limit: 2 });
      expect(page.head).toBe(head);
      all.push(...page.events);
      ({ after } = page);
    }
    expect(all.map(({ position }) => position)).toEqual(Array.from({ length: head + 1 }, (_, index) => index));
    expect(await client.events({ types: ['ClusterDeclared'], limit: 1 })).toMatchObject({
      events: [{ type: 'ClusterDeclared' }],
    });
    expect(await client.events({ types: ['SyncStarted'] })).toMatchObject({ events: [], after: head });
    expect((await client.events({ application: 'default/web' })).events.map(({ type }) => type)).toEqual([
      'ApplicationDeclared',
    ]);
  });

  it('finds them by who, what and where', async () => {
    await using gateway = await startGateway();
    const client = clientOf(gateway);
    const { position } = await client.apply({ resources });
    await rendered(gateway, 'staging', 1);
    expect((await client.audit({ application: 'web' })).events.map(({ type }) => type)).toEqual([
      'VersionRendered',
      'ApplicationDeclared',
    ]);
    expect(
      (await client.audit({ actor: 'admin', type: 'ClusterDeclared', order: 'asc', limit: 1 })).events,
    ).toHaveLength(1);
    const [event] = (await client.events({ after: position - 1, limit: 1 })).events;
    expect((await client.audit({ correlationId: event?.correlationId ?? '' })).events).toHaveLength(4);
    const first = await client.audit({ limit: 2 });
    expect((await client.audit({ limit: 2, cursor: first.cursor ?? '' })).events).not.toEqual(first.events);
    await expect(client.audit({ since: 'yesterday' })).rejects.toMatchObject({ code: 'PLB-1701' });
  });
});

describe('following events', () => {
  it('is live, and goes on exactly where it stopped after every connection was cut', async () => {
    await using gateway = await startGateway();
    const start = await appendProjects(gateway, 1);
    const reconnects: unknown[] = [];
    const stopped = new AbortController();
    const events = clientOf(gateway).follow({
      after: start,
      signal: stopped.signal,
      retryDelayMs: 5,
      onReconnect: (error) => reconnects.push(error),
    });
    const seen: number[] = [];
    for (let round = 1; round <= 3; round += 1) {
      const last = await appendProjects(gateway, 3);
      while (seen.length < round * 3) seen.push((await events.next()).value.position);
      expect(seen.at(-1)).toBe(last);
      gateway.app.getHttpServer().closeAllConnections();
    }
    stopped.abort();
    expect(seen).toEqual(Array.from({ length: 9 }, (_, index) => start + 1 + index));
    expect(reconnects.length).toBeGreaterThanOrEqual(2);
  });

  it('starts with what comes next when no position is given, and drops what the filter does not want', async () => {
    await using gateway = await startGateway();
    await appendProjects(gateway, 5);
    const response = await fetch(`${gateway.url}/api/v1/events/stream?types=ClusterDeclared`, {
      headers: { authorization: `Bearer ${gateway.adminToken}` },
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader?.read())?.value ?? '';
    const last = await appendProjects(gateway, 3);
    await gateway.append('ClusterDeclared', 'cluster-a', { name: 'a', labels: {}, spec: { inCluster: {} } });
    while (!text.includes('ClusterDeclared')) text += (await reader?.read())?.value ?? '';
    await reader?.cancel();
    expect(text).not.toContain('ProjectDeclared');
    // Whoever resumes need not look at the dropped ones again.
    expect(text).toMatch(new RegExp(`id: (${last - 2}|${last - 1}|${last})\\nevent: progress`));
    expect(text).toContain(`id: ${last + 1}\nevent: event\ndata: {`);
  });

  it('resumes by Last-Event-ID, and refuses one that is no position', async () => {
    await using gateway = await startGateway();
    const last = await appendProjects(gateway, 5);
    const open = (id: string): Promise<Response> =>
      fetch(`${gateway.url}/api/v1/events/stream?after=0`, {
        headers: { authorization: `Bearer ${gateway.adminToken}`, 'last-event-id': id },
      });
    const reader = (await open(String(last - 1))).body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('id:')) text += (await reader?.read())?.value ?? '';
    await reader?.cancel();
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual([last]);
    const refused = await open('yesterday');
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([400, 'PLB-1712']);
  });

  it('holds a slow reader back instead of buffering for it, and loses nothing', async () => {
    await using gateway = await startGateway();
    const { port, hostname } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    const responses: ServerResponse[] = [];
    gateway.app.getHttpServer().on('request', (_: unknown, response: ServerResponse) => responses.push(response));
    socket.write(
      `GET /api/v1/events/stream?after=-1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.adminToken}\r\n\r\n`,
    );
    let [rest] = (await once(socket, 'data')).map(String) as [string];
    socket.pause();
    const reads: number[] = [];
    const read = gateway.log.readBodies.bind(gateway.log);
    let last = 0;
    // Reads behind the head; the gateway itself reads only there.
    gateway.log.readBodies = (options) => (options.from < last && reads.push(options.from), read(options));
    // 25 MB of events: more than sockets and the ring of the feed hold together.
    for (let round = 0; round < 25; round += 1) last = await appendProjects(gateway, 700, 'x'.repeat(900));
    const response = responses[0];
    expect(response?.writableLength).toBeGreaterThan(0);
    expect(response?.writableLength).toBeLessThan(2_000_000);
    reads.length = 0;
    const ids: number[] = [];
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk) => {
        const lines = (rest + chunk.toString('latin1')).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.startsWith('id: ')) ids.push(Number(line.slice(4)));
        if (ids.at(-1) === last) resolve();
      });
      socket.resume();
    });
    socket.destroy();
    expect(ids).toEqual(Array.from({ length: last + 1 }, (_, index) => index));
    // Behind the ring it was served from the log.
    expect(reads.length).toBeGreaterThan(0);
  }, 60_000);

  it('is limited in number, ends with the process, and gives its place back', async () => {
    const gateway = await startGateway({ source: { PLUMBLINE_GATEWAY_STREAMS_MAX: '1' } });
    const open = (signal?: AbortSignal): Promise<Response> =>
      fetch(`${gateway.url}/api/v1/events/stream`, {
        headers: { authorization: `Bearer ${gateway.adminToken}` },
        ...(signal === undefined ? {} : { signal }),
      });
    const left = new AbortController();
    expect((await open(left.signal)).status).toBe(200);
    const second = await open();
    expect([second.status, ((await second.json()) as { code: string }).code]).toEqual([503, 'PLB-5704']);
    left.abort();
    let third = await open();
    while (third.status === 503) third = await open();
    const ended = third.text();
    await gateway[Symbol.asyncDispose]();
    expect(await ended).toContain('welcome');
  });

  it('ends when the token of its reader is revoked', async () => {
    await using gateway = await startGateway();
    const admin = clientOf(gateway);
    const { token, item } = await admin.issueToken({ name: 'reader', role: 'viewer' });
    const stream = await fetch(`${gateway.url}/api/v1/events/stream`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const text = stream.text();
    await admin.revokeToken(item.id);
    expect(await text).not.toContain('TokenRevoked');
    expect(
      (
        await fetch(`${gateway.url}/api/v1/events/stream`, {
          method: 'HEAD',
          headers: { authorization: `Bearer ${gateway.adminToken}` },
        })
      ).headers.get('content-type'),
    ).toContain('text/event-stream');
  });

  it('tells a client at once what no retry can heal', async () => {
    await using gateway = await startGateway();
    const client = new PlumblineClient({ server: gateway.url, token: `plumb_${'A'.repeat(43)}` });
    await expect(take(client.follow(), 1)).rejects.toBeInstanceOf(ApiError);
  });
});
