// SPDX-License-Identifier: Apache-2.0
import { type CallOptions, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { systemClock } from '@plumbline/core';
import { type EventType, projectSpec, type RecordedEvent } from '@plumbline/events';
import { EventReactor } from '@plumbline/reactor';
import { recordedMetrics } from '@plumbline/reactor/testing';
import { waitUntil } from '@plumbline/testkit';
import supertest from 'supertest';
import { describe, expect, it } from 'vitest';
import { type GatewayUnderTest, logClientOf, startGateway } from '../testing/gateway.fixture.js';
import { LogClient as GrpcLogClient } from '../testing/grpc-clients.fixture.js';

interface Consumer extends AsyncDisposable {
  readonly reactor: EventReactor;
  /**
   * Projects that the handler processed, in order; the first one is the project that the gateway declares at its
   * start.
   */
  readonly processed: readonly string[];
  fix(): void;
}

/**
 * The engine of a service on the gateway's log, with a handler that throws for declarations of project `web` until it
 * is fixed.
 */
async function startConsumer(gateway: GatewayUnderTest): Promise<Consumer> {
  let isBroken = true;
  const processed: string[] = [];
  const handle = (event: RecordedEvent): void => {
    if (event.type !== 'ProjectDeclared') return;
    if (isBroken && event.data.name === 'web') throw new TypeError('unexpected label');
    processed.push(`${event.data.name} ${event.data.labels['note'] ?? ''}`);
  };
  const reactor = new EventReactor({
    consumer: 'policy',
    service: 'policy',
    log: gateway.log,
    handlers: new Map<EventType, typeof handle>([['ProjectDeclared', handle]]),
    fold: { snapshot: () => processed, restore: () => undefined },
    clock: systemClock,
    logger: { error: () => undefined, warn: () => undefined, info: () => undefined },
    meter: recordedMetrics().meter,
    readiness: { report: () => undefined },
  });
  await reactor.start();
  gateway.log.onCommitted(() => reactor.checkLog());
  return {
    reactor,
    processed,
    fix: () => (isBroken = false),
    [Symbol.asyncDispose]: async () => reactor.stop(),
  };
}

async function declare(gateway: GatewayUnderTest, name: string, note: string): Promise<RecordedEvent> {
  return gateway.append('ProjectDeclared', `project-${name}`, { name, labels: { note }, spec: projectSpec.parse({}) });
}

/** A consumer that has quarantined `project-web`, with a later event behind it. */
async function startQuarantined(gateway: GatewayUnderTest): Promise<Consumer & { readonly position: number }> {
  const consumer = await startConsumer(gateway);
  const { position } = await declare(gateway, 'web', 'first');
  await declare(gateway, 'web', 'second');
  await declare(gateway, 'api', 'first');
  await waitUntil('the report of the consumer', async () =>
    (await gateway.log.readStream('log-quarantine')).some(({ type }) => type === 'StreamQuarantined'),
  );
  return { ...consumer, position };
}

const anyText = expect.any(String) as unknown;
const withTimeout = { timeoutMs: 120_000 };

describe('quarantined streams', () => {
  it('are listed with consumer, stream, position, time and message, and recover by a retry after the fix', async () => {
    await using gateway = await startGateway();
    await using consumer = await startQuarantined(gateway);
    const client = logClientOf(gateway);
    const item = {
      consumer: 'policy',
      stream: 'project-web',
      position: consumer.position,
      message: 'unexpected label',
      attempts: 1,
      since: anyText,
    };
    expect((await logClientOf(gateway, await gateway.tokenOf('viewer')).quarantine()).items).toEqual([item]);

    const failed = await client.retryQuarantine({ consumer: 'policy', ...withTimeout });
    expect(failed).toMatchObject({
      outcome: 'StillQuarantined',
      recovered: 0,
      items: [{ ...item, attempts: 2 }],
      consumers: [{ consumer: 'policy', state: 'Reported' }],
    });

    consumer.fix();
    const retried = await client.retryQuarantine({ consumer: 'policy', stream: 'project-web', ...withTimeout });
    expect(retried).toMatchObject({ outcome: 'Recovered', recovered: 1, items: [] });
    expect(consumer.processed.slice(1)).toEqual(['api first', 'web first', 'web second']);
    expect((await client.quarantine()).items).toEqual([]);
    const [requested] = (await gateway.log.read({ from: retried.position, limit: 1 })).events;
    expect(requested).toMatchObject({
      type: 'StreamRetryRequested',
      stream: 'log-quarantine',
      actor: { kind: 'user' },
      data: { consumer: 'policy', stream: 'project-web' },
    });
  });

  it('are pending while the consumer has not reported the result, and never shown as recovered', async () => {
    await using gateway = await startGateway();
    const consumer = await startQuarantined(gateway);
    await consumer[Symbol.asyncDispose]();
    const client = logClientOf(gateway);
    expect(await client.retryQuarantine({ timeoutMs: 0 })).toMatchObject({
      outcome: 'Pending',
      recovered: 0,
      items: [{ stream: 'project-web', retryRequestedAt: anyText }],
    });
    const { consumers } = await client.quarantine();
    expect(consumers.find((report) => report.consumer === 'policy')).toMatchObject({
      state: 'RetryPending',
      message: expect.stringContaining('policy has not reported the result') as unknown,
    });
  });

  it('of the read models are those of their tables; when these cannot be read, their state is not known', async () => {
    await using gateway = await startGateway();
    gateway.parked.items.push({
      consumer: 'views',
      position: 2,
      key: 'application-default/api',
      error: 'cannot digest this',
      attempts: 1,
      waiting: 3,
      parkedAt: '2026-11-20T09:30:00.000000Z',
    });
    const client = logClientOf(gateway);
    expect(await client.quarantine()).toMatchObject({
      items: [{ consumer: 'audit-read-models', stream: 'application-default/api', position: 2, waiting: 3 }],
      consumers: expect.arrayContaining([
        expect.objectContaining({ consumer: 'audit-read-models', state: 'Reported' }),
        expect.objectContaining({ consumer: 'watcher', state: 'NotReported', message: anyText }),
      ]) as unknown,
    });
    gateway.parked.list = () => Promise.reject(new Error('the log cannot be reached'));
    expect((await client.quarantine()).consumers.at(-1)).toMatchObject({
      consumer: 'audit-read-models',
      state: 'NotReported',
      message: expect.stringContaining('the log cannot be reached') as unknown,
    });
  });

  it('are retried by an admin only, and only when they are listed', async () => {
    await using gateway = await startGateway();
    const post = async (body: object, token: string): Promise<readonly [number, unknown]> => {
      const answer = await supertest(gateway.url)
        .post('/api/v1/log/quarantine:retry')
        .set('authorization', `Bearer ${token}`)
        .send(body);
      return [answer.status, (answer.body as { readonly code?: unknown }).code];
    };
    expect(await post({}, await gateway.tokenOf('operator'))).toEqual([403, 'PLB-2120']);
    expect(await post({ stream: 'project-web' }, gateway.adminToken)).toEqual([404, 'PLB-3156']);
    expect(await post({ consumer: 'others' }, gateway.adminToken)).toEqual([400, 'PLB-1701']);
    expect((await supertest(gateway.url).get('/api/v1/log/quarantine')).status).toBe(401);
    expect((await gateway.log.readStream('log-quarantine')).length).toBe(0);
  });

  it('are the same over gRPC', async () => {
    await using gateway = await startGateway();
    await using consumer = await startQuarantined(gateway);
    const client = new GrpcLogClient(gateway.grpcAddress, credentials.createInsecure());
    const call = async <Request, Response>(
      method: (
        request: Request,
        metadata: Metadata,
        options: Partial<CallOptions>,
        callback: (error: ServiceError | null, response: Response) => void,
      ) => unknown,
      request: Request,
      token = gateway.adminToken,
    ): Promise<Response> => {
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${token}`);
      return new Promise(
        (resolve, reject) =>
          void method.call(client, request, metadata, {}, (error, response) =>
            error === null ? resolve(response) : reject(error),
          ),
      );
    };
    const viewer = await gateway.tokenOf('viewer');
    expect((await call(client.listQuarantine, {}, viewer)).items).toMatchObject([
      { consumer: 'policy', stream: 'project-web', position: consumer.position, message: 'unexpected label' },
    ]);
    const request = { consumer: 'policy', stream: undefined, timeoutMs: 120_000 };
    await expect(call(client.retryQuarantine, request, viewer)).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    consumer.fix();
    expect(await call(client.retryQuarantine, request)).toMatchObject({ outcome: 'Recovered', recovered: 1 });
    client.close();
  });
});
