// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, type ResourceInput } from '@plumbline/api-client';
import { uuidv7 } from '@plumbline/core';
import { MemoryDeliveryCursors, MemoryEventLog, MemoryWorkLeases } from '@plumbline/event-log/testing';
import type { SubscriptionView } from '@plumbline/read-models';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';

const SECRET = 'a secret that only specs know';

interface Delivered {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly event: {
    readonly id: string;
    readonly type: string;
    readonly position: number;
    readonly data: { readonly application?: string };
  };
}

/** An endpoint that answers as it is told, and keeps what it took. */
class Endpoint implements AsyncDisposable {
  readonly taken: Delivered[] = [];
  readonly seen: Delivered[] = [];
  answer: (delivered: Delivered, response: ServerResponse) => void = (_, response) =>
    void response.writeHead(204).end();
  readonly #server = createServer((request, response) => void this.#take(request, response));

  static async open(): Promise<Endpoint> {
    const endpoint = new Endpoint();
    endpoint.#server.listen(0, '127.0.0.1');
    await once(endpoint.#server, 'listening');
    return endpoint;
  }

  get origin(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const delivered = { headers: request.headers, body, event: JSON.parse(body) as Delivered['event'] };
    this.seen.push(delivered);
    this.answer(delivered, response);
    if (response.statusCode < 300) this.taken.push(delivered);
  }
}

let directory = '';
let secretFile = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'plumbline-subscriptions-'));
  secretFile = join(directory, 'secret');
  writeFileSync(secretFile, `${SECRET}\n`, { mode: 0o600 });
});
afterAll(() => rmSync(directory, { recursive: true }));

const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 10 });

/** What gateways of one installation share. */
interface Shared {
  readonly log: MemoryEventLog;
  readonly leases: MemoryWorkLeases;
  readonly cursors: MemoryDeliveryCursors;
}

function shared(): Shared {
  const leases = new MemoryWorkLeases();
  return { log: new MemoryEventLog(), leases, cursors: new MemoryDeliveryCursors(leases) };
}

function startFor(
  endpoint: Endpoint,
  parts: Shared = shared(),
  variables: Readonly<Record<string, string>> = {},
): Promise<GatewayUnderTest> {
  return startGateway({
    ...parts,
    source: {
      PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS: endpoint.origin,
      PLUMBLINE_GATEWAY_DELIVERY_RETRY_MS: '1',
      ...variables,
    },
  });
}

async function suspend(gateway: GatewayUnderTest, application: string): Promise<number> {
  return (await gateway.append('ApplicationSuspended', `application-${application}`, { application })).position;
}

async function shown(gateway: GatewayUnderTest): Promise<SubscriptionView | undefined> {
  return (await clientOf(gateway).subscriptions()).items[0];
}

describe('a subscription', () => {
  it('delivers events that fit its filter, in order, signed, as CloudEvents', async () => {
    await using endpoint = await Endpoint.open();
    await using gateway = await startFor(endpoint);
    const client = clientOf(gateway);
    await suspend(gateway, 'default/before');
    const spec = { url: `${endpoint.origin}/hook`, secretFile, filter: { project: 'default' } };
    expect((await client.declareSubscription({ name: 'chat', spec })).action).toBe('created');
    expect((await client.declareSubscription({ name: 'chat', spec })).action).toBe('unchanged');
    const positions = [
      await suspend(gateway, 'default/web'),
      (await suspend(gateway, 'other/web'), await suspend(gateway, 'default/api')),
    ];
    await eventually(() => expect(endpoint.taken.map(({ event }) => event.position)).toEqual(positions));
    const [first] = endpoint.taken;
    expect(first?.event).toMatchObject({
      specversion: '1.0',
      type: 'dev.plumbline.ApplicationSuspended',
      subject: 'application-default/web',
      source: '/plumbline/log/0',
      data: { application: 'default/web' },
    });
    expect(first?.headers['content-type']).toContain('application/cloudevents+json');
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signed } = first?.headers ?? {};
    expect(id).toBe(first?.event.id);
    // time is what this tests: the timestamp is in seconds and that of the delivery
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(600);
    expect(signed).toBe(
      `v1,${createHmac('sha256', SECRET)
        .update(`${id as string}.${timestamp as string}.${first?.body}`)
        .digest('base64')}`,
    );
    await client.deleteSubscription('chat');
    await suspend(gateway, 'default/web');
    expect((await client.subscriptions()).items).toEqual([]);
    expect(endpoint.taken).toHaveLength(2);
  });

  it('tries again in order while the endpoint fails, and never goes where it is redirected to', async () => {
    await using endpoint = await Endpoint.open();
    await using elsewhere = await Endpoint.open();
    await using gateway = await startFor(endpoint);
    const answers = [500, 307, 429, 204, 302, 204];
    endpoint.answer = (_, response) =>
      void response.writeHead(answers.shift() ?? 204, { location: `${elsewhere.origin}/`, 'retry-after': '0' }).end();
    await clientOf(gateway).declareSubscription({
      name: 'chat',
      spec: { url: endpoint.origin, secretFile, filter: { types: ['ApplicationSuspended'] } },
    });
    const positions = [
      await suspend(gateway, 'default/web'),
      await suspend(gateway, 'default/web'),
      await suspend(gateway, 'default/api'),
    ];
    await eventually(() => expect(endpoint.taken.map(({ event }) => event.position)).toEqual(positions));
    expect(endpoint.seen).toHaveLength(7);
    expect(elsewhere.seen).toEqual([]);
    for (const [result, count] of Object.entries({ delivered: 3, failed: 4 }))
      await eventually(async () =>
        expect(await gateway.metrics()).toMatch(
          new RegExp(`^plumbline_gateway_deliveries_total\\{.*result="${result}".*\\} ${count}$`, 'm'),
        ),
      );
  });

  it('parks the application that is not taken, goes on with the others, and delivers it again on replay', async () => {
    await using endpoint = await Endpoint.open();
    await using gateway = await startFor(endpoint);
    const client = clientOf(gateway);
    endpoint.answer = ({ event }, response) =>
      void response.writeHead(event.data.application === 'default/bad' ? 500 : 204).end();
    await client.declareSubscription({
      name: 'chat',
      spec: { url: endpoint.origin, secretFile, filter: { types: ['ApplicationSuspended'] }, maxAttempts: 3 },
    });
    const before = await gateway.log.head();
    const bad = await suspend(gateway, 'default/bad');
    const good = [
      await suspend(gateway, 'default/good'),
      (await suspend(gateway, 'default/bad'), await suspend(gateway, 'default/good')),
    ];
    await eventually(() => expect(endpoint.taken.map(({ event }) => event.position)).toEqual(good));
    expect(
      endpoint.seen.filter(({ event }) => event.data.application === 'default/bad').map(({ event }) => event.position),
    ).toEqual([bad, bad, bad]);
    await eventually(async () =>
      expect((await shown(gateway))?.parked).toMatchObject([
        { key: 'default/bad', position: bad, attempts: 3, message: 'the endpoint answered HTTP 500' },
      ]),
    );
    endpoint.answer = (_, response) => void response.writeHead(204).end();
    endpoint.taken.length = 0;
    await client.replaySubscription('chat', before - 1);
    await eventually(() =>
      expect(endpoint.taken.map(({ event }) => event.data.application)).toEqual([
        'default/bad',
        'default/good',
        'default/bad',
        'default/good',
      ]),
    );
    expect((await shown(gateway))?.parked).toEqual([]);
    const [first] = (await client.audit({ type: 'DeliveryParked' })).events;
    expect(first?.data).toMatchObject({ subscription: 'chat', key: 'default/bad' });
  });

  it('goes on after a restart, with what came meanwhile and without a hole', async () => {
    await using endpoint = await Endpoint.open();
    const parts = shared();
    const gateway = await startFor(endpoint, parts);
    const { adminToken } = gateway;
    await clientOf(gateway).declareSubscription({
      name: 'chat',
      spec: { url: endpoint.origin, secretFile, filter: { types: ['ApplicationSuspended'] } },
    });
    const positions = [await suspend(gateway, 'default/web'), await suspend(gateway, 'default/web')];
    await eventually(() => expect(endpoint.taken).toHaveLength(2));
    endpoint.answer = (_, response) => void response.writeHead(503).end();
    positions.push(await suspend(gateway, 'default/web'));
    await eventually(() => expect(endpoint.seen.length).toBeGreaterThan(3));
    await gateway[Symbol.asyncDispose]();
    endpoint.answer = (_, response) => void response.writeHead(204).end();
    await using second = await startFor(endpoint, parts);
    positions.push(await suspend(second, 'default/api'));
    await eventually(() => expect([...new Set(endpoint.taken.map(({ event }) => event.position))]).toEqual(positions));
    await eventually(async () => expect((await shown({ ...second, adminToken }))?.delivered).toBeGreaterThan(0));
    // Cursors are rows of a table: the log records subscriptions, not their progress.
    const types = new Set((await parts.log.read({ from: 0 })).events.map(({ type }) => type));
    expect(
      [...types].filter((type) => /^(DeliveryProgressed|DeliveriesClaimed|DeliveriesReleased)$/.test(type)),
    ).toEqual([]);
  });

  it('continues from the progress that an older version recorded as events', async () => {
    await using endpoint = await Endpoint.open();
    const parts = shared();
    await using gateway = await startFor(endpoint, parts, { PLUMBLINE_GATEWAY_DELIVERIES: 'false' });
    const { adminToken } = gateway;
    await clientOf(gateway).declareSubscription({
      name: 'chat',
      spec: { url: endpoint.origin, secretFile, filter: { types: ['ApplicationSuspended'] } },
    });
    const declared = (await shown(gateway))?.declared.position ?? -1;
    const delivered = await suspend(gateway, 'default/web');
    await gateway.append('DeliveryProgressed', 'subscription-chat', {
      subscription: 'chat',
      begunBy: declared,
      position: delivered,
      delivered: 1,
    });
    await gateway.append('DeliveriesClaimed', 'log-deliveries', { holder: 'of-the-version-before' });
    await using second = await startFor(endpoint, parts);
    const next = await suspend(second, 'default/web');
    await eventually(() => expect(endpoint.taken.map(({ event }) => event.position)).toEqual([next]));
    await second[Symbol.asyncDispose]();
    expect(await shown({ ...gateway, adminToken })).toMatchObject({ delivered: 2, position: next });
  });

  it('is delivered by one of several gateways, and by another one when that one stops', async () => {
    await using endpoint = await Endpoint.open();
    const parts = shared();
    const lease = { PLUMBLINE_GATEWAY_DELIVERY_LEASE_MS: '600' };
    const first = await startFor(endpoint, parts, lease);
    await clientOf(first).declareSubscription({
      name: 'chat',
      spec: { url: endpoint.origin, secretFile, filter: { types: ['ApplicationSuspended'] } },
    });
    const positions = [await suspend(first, 'default/web')];
    await eventually(() => expect(endpoint.taken).toHaveLength(1));
    await using second = await startFor(endpoint, parts, lease);
    for (let round = 0; round < 5; round += 1) positions.push(await suspend(first, 'default/web'));
    await eventually(() => expect(endpoint.taken.map(({ event }) => event.position)).toEqual(positions));
    await first[Symbol.asyncDispose]();
    await second.access.refresh();
    positions.push(await suspend(second, 'default/web'));
    await eventually(() => expect([...new Set(endpoint.taken.map(({ event }) => event.position))]).toEqual(positions));
    expect(second.logLines.join('')).toContain('this gateway delivers to subscriptions');
  });

  it('is taken over by another gateway when the lease of the one that delivers expires, and not before', async () => {
    await using endpoint = await Endpoint.open();
    const parts = shared();
    // A gateway that acquired the lease, renewed it a few times, and crashed.
    const crashed = { work: 'deliveries', holder: 'crashed', ttlMs: 600_000 };
    await parts.leases.acquire(crashed);
    const attempts: unknown[] = [];
    const acquire: typeof parts.leases.acquire = parts.leases.acquire.bind(parts.leases);
    parts.leases.acquire = async (request) => {
      const lease = await acquire(request);
      attempts.push(lease);
      return lease;
    };
    await using gateway = await startFor(endpoint, parts, { PLUMBLINE_GATEWAY_DELIVERY_LEASE_MS: '300' });
    await clientOf(gateway).declareSubscription({
      name: 'chat',
      spec: { url: endpoint.origin, secretFile, filter: { types: ['ApplicationSuspended'] } },
    });
    const position = await suspend(gateway, 'default/web');
    await eventually(() => expect(attempts.length).toBeGreaterThan(5));
    expect(attempts.filter((lease) => lease !== undefined)).toEqual([]);
    expect(endpoint.seen).toEqual([]);
    await acquire({ ...crashed, ttlMs: 1 });
    await eventually(() => expect(endpoint.taken.map(({ event }) => event.position)).toEqual([position]));
  });

  it('is delivered no further by a gateway that lost its lease to another one', async () => {
    await using endpoint = await Endpoint.open();
    const parts = shared();
    await using gateway = await startFor(endpoint, parts, { PLUMBLINE_GATEWAY_DELIVERY_LEASE_MS: '300' });
    await clientOf(gateway).declareSubscription({
      name: 'chat',
      spec: { url: endpoint.origin, secretFile, filter: { types: ['ApplicationSuspended'] } },
    });
    await suspend(gateway, 'default/web');
    await eventually(() => expect(endpoint.taken).toHaveLength(1));
    // As when its process was suspended for longer than the lease.
    let other: unknown;
    const acquire: typeof parts.leases.acquire = parts.leases.acquire.bind(parts.leases);
    parts.leases.acquire = async (request) => {
      const held = await acquire(request);
      if (other !== undefined || held === undefined) return held;
      await parts.leases.release(held);
      other = await acquire({ work: 'deliveries', holder: 'other', ttlMs: 600_000 });
      return undefined;
    };
    await eventually(() => expect(gateway.logLines.join('')).toContain('lost the lease'));
    await suspend(gateway, 'default/web');
    await gateway.access.refresh();
    expect(endpoint.taken).toHaveLength(1);
  });

  it('that stands still costs no memory: what it is to get stays in the log', async () => {
    await using endpoint = await Endpoint.open();
    await using gateway = await startFor(endpoint);
    const held: ServerResponse[] = [];
    endpoint.answer = (_, response) => void held.push(response);
    await clientOf(gateway).declareSubscription({
      name: 'chat',
      spec: { url: endpoint.origin, secretFile, filter: { types: ['ApplicationSuspended'] }, timeout: '30s' },
    });
    const first = await suspend(gateway, 'default/web');
    await eventually(() => expect(endpoint.seen).toHaveLength(1));
    const reads: number[] = [];
    const read = gateway.log.read.bind(gateway.log);
    gateway.log.read = (options) => (options.limit === 500 && reads.push(options.from), read(options));
    for (let round = 0; round < 4; round += 1) {
      await gateway.log.append({
        requestId: uuidv7(Date.now()),
        actor: { kind: 'user', id: 'x', name: 'x' },
        service: 'gateway',
        items: [
          {
            stream: 'application-default/web',
            expected: { type: 'any' },
            events: Array.from({ length: 1_000 }, () => ({
              type: 'ApplicationSuspended' as const,
              data: { application: 'default/web' },
            })),
          },
        ],
      });
    }
    await gateway.access.refresh();
    // One request is open, and nothing was read ahead of it.
    expect(endpoint.seen).toHaveLength(1);
    expect(reads).toEqual([]);
    endpoint.answer = (_, response) => void response.writeHead(204).end();
    for (const response of held) response.writeHead(204).end();
    await eventually(() => expect(endpoint.seen.at(-1)?.event.position).toBeGreaterThanOrEqual(first + 4_000));
    expect(endpoint.seen.map(({ event }) => event.position)).toEqual(
      [...endpoint.seen.map(({ event }) => event.position)].sort((left, right) => left - right),
    );
  }, 60_000);

  it('is declared as resources are, begins where it says, and delivers what waited after a pause', async () => {
    await using endpoint = await Endpoint.open();
    await using gateway = await startFor(endpoint, undefined, { PLUMBLINE_CRED_CHAT: SECRET });
    const client = clientOf(gateway);
    const first = await suspend(gateway, 'default/web');
    const chat = (spec: object): ResourceInput => ({
      apiVersion: 'plumbline.dev/v1alpha1',
      kind: 'Subscription',
      metadata: { name: 'chat', labels: { team: 'a' } },
      spec: {
        url: endpoint.origin,
        secretEnv: 'PLUMBLINE_CRED_CHAT',
        filter: { types: ['ApplicationSuspended'], application: 'web' },
        ...spec,
      },
    });
    expect((await client.apply({ resources: [chat({ after: -1 })] })).resources).toEqual([
      { kind: 'Subscription', id: 'chat', action: 'created', fields: [] },
    ]);
    expect((await client.apply({ resources: [chat({ after: -1 })] })).resources).toMatchObject([
      { action: 'unchanged' },
    ]);
    const positions = (): readonly number[] => endpoint.taken.map(({ event }) => event.position);
    await eventually(() => expect(positions()).toEqual([first]));
    const {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signed,
    } = endpoint.taken[0]?.headers ?? {};
    expect(signed).toBe(
      `v1,${createHmac('sha256', SECRET)
        .update(`${id as string}.${timestamp as string}.${endpoint.taken[0]?.body}`)
        .digest('base64')}`,
    );
    expect((await client.apply({ resources: [chat({ after: -1, paused: true })] })).resources).toMatchObject([
      { action: 'configured', fields: ['spec.paused'] },
    ]);
    const waiting = [
      await suspend(gateway, 'default/web'),
      (await suspend(gateway, 'other/web'), await suspend(gateway, 'default/web')),
    ];
    // Another subscription shows that deliveries have come that far.
    await client.apply({ resources: [{ ...chat({ after: first }), metadata: { name: 'other' } }] });
    await eventually(() => expect(positions()).toEqual([first, ...waiting]));
    await client.deleteSubscription('other');
    await eventually(async () =>
      expect(await shown(gateway)).toMatchObject({
        name: 'chat',
        delivered: 1,
        spec: { paused: true, filter: { application: 'default/web' } },
      }),
    );
    expect((await shown(gateway))?.position).toBeLessThan(waiting[0] ?? 0);
    await client.apply({ resources: [chat({ after: -1, paused: false })] });
    await eventually(() => expect(positions()).toEqual([first, ...waiting, ...waiting]));
    await client.apply({ resources: [chat({ after: first })] });
    await eventually(() => expect(positions()).toEqual([first, ...waiting, ...waiting, ...waiting]));
    const all = (await gateway.log.read({ from: 0 })).events;
    expect(JSON.stringify(all)).not.toContain(SECRET);
  });

  it('says which secret cannot be had, and delivers nothing without one', async () => {
    await using endpoint = await Endpoint.open();
    await using gateway = await startFor(endpoint, undefined, { PLUMBLINE_CRED_SHORT: 'short' });
    const client = clientOf(gateway);
    for (const [name, secret] of Object.entries({
      absent: { secretEnv: 'PLUMBLINE_CRED_ABSENT' },
      file: { secretFile: join(directory, 'none') },
      short: { secretEnv: 'PLUMBLINE_CRED_SHORT' },
    })) {
      await client.declareSubscription({
        name,
        spec: { url: endpoint.origin, ...secret, filter: { types: ['ApplicationSuspended'] }, maxAttempts: 1 },
      });
    }
    await suspend(gateway, 'default/web');
    await eventually(async () =>
      expect((await client.subscriptions()).items.map(({ parked }) => parked[0]?.message)).toEqual([
        'the secret in the variable PLUMBLINE_CRED_ABSENT is shorter than 16 characters',
        `the secret in ${join(directory, 'none')} cannot be read (ENOENT): mount it where the gateway runs`,
        'the secret in the variable PLUMBLINE_CRED_SHORT is shorter than 16 characters',
      ]),
    );
    expect(endpoint.seen).toEqual([]);
  });

  it('is refused for hosts that are not allowed, without a token of an admin, and where there is none', async () => {
    await using endpoint = await Endpoint.open();
    await using gateway = await startFor(endpoint);
    const client = clientOf(gateway);
    const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => 'no error',
        (error: unknown) => (error instanceof ApiError ? error.code : error),
      );
    expect(
      await codeOf(
        client.declareSubscription({ name: 'chat', spec: { url: 'http://169.254.169.254/latest', secretFile } }),
      ),
    ).toBe('PLB-1714');
    expect(
      await codeOf(
        client.declareSubscription({ name: 'chat', spec: { url: endpoint.origin, secretFile: 'relative' } }),
      ),
    ).toBe('PLB-1701');
    expect(await codeOf(client.declareSubscription({ name: 'chat', spec: { url: endpoint.origin } }))).toBe('PLB-1701');
    expect(
      await codeOf(
        client.declareSubscription({ name: 'chat', spec: { url: endpoint.origin, secretFile, after: 1_000_000 } }),
      ),
    ).toBe('PLB-1705');
    expect(await codeOf(client.deleteSubscription('chat'))).toBe('PLB-3110');
    expect(await codeOf(client.replaySubscription('chat', -1))).toBe('PLB-3110');
    expect(await codeOf(clientOf(gateway, await gateway.tokenOf('operator')).subscriptions())).toBe('PLB-2120');
    await client.declareSubscription({ name: 'chat', spec: { url: endpoint.origin, secretFile } });
    expect(await codeOf(client.replaySubscription('chat', 1_000_000))).toBe('PLB-1705');
  });
});
