// SPDX-License-Identifier: Apache-2.0
import { type CallOptions, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { LogClient as GrpcLogClient } from '../testing/grpc-clients.fixture.js';
import { type GatewayUnderTest, logClientOf, startGateway } from '../testing/gateway.fixture.js';
import supertest from 'supertest';

const parked = (
  name: string,
): {
  consumer: string;
  position: number;
  key: string;
  error: string;
  attempts: number;
  waiting: number;
  parkedAt: string;
} => ({
  consumer: 'views',
  position: 2,
  key: `application-default/${name}`,
  error: 'cannot digest this',
  attempts: 1,
  waiting: 3,
  parkedAt: '2026-11-20T09:30:00.000000Z',
});

function post(gateway: GatewayUnderTest, path: string, body: object): supertest.Test {
  return supertest(gateway.url)
    .post(`/api/v1/log/${path}`)
    .set('authorization', `Bearer ${gateway.adminToken}`)
    .send(body);
}

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

interface Grpc extends Disposable {
  readonly client: GrpcLogClient;
  call<Request, Response>(method: Method<Request, Response>, request: Request, token?: string): Promise<Response>;
}

function grpcOf(gateway: GatewayUnderTest): Grpc {
  const client = new GrpcLogClient(gateway.grpcAddress, credentials.createInsecure());
  return {
    client,
    call: async (method, request, token = gateway.adminToken) => {
      const metadata = new Metadata();
      if (token !== '') metadata.set('authorization', `Bearer ${token}`);
      return new Promise(
        (resolve, reject) =>
          void method.call(client, request, metadata, {}, (error, response) =>
            error === null ? resolve(response) : reject(error),
          ),
      );
    },
    [Symbol.dispose]: () => client.close(),
  };
}

const refused = (code: status, plumbline: string): unknown =>
  expect.objectContaining({ code, details: expect.stringContaining(plumbline) as unknown });

describe('parked work', () => {
  it('is listed for a viewer and released by an admin, in whose name the log tells of it', async () => {
    await using gateway = await startGateway();
    gateway.parked.items.push(parked('api'), parked('web'));
    expect(await logClientOf(gateway, await gateway.tokenOf('viewer')).parked()).toEqual([
      parked('api'),
      parked('web'),
    ]);
    const client = logClientOf(gateway);
    const request = { consumer: 'views', key: 'application-default/api' };
    expect(await client.release(request)).toEqual({
      ...request,
      outcome: 'StillParked',
      released: 0,
      item: parked('api'),
    });
    gateway.parked.mended.add(request.key);
    const head = await gateway.log.head();
    expect(await client.release(request)).toEqual({ ...request, outcome: 'Released', released: 1, position: head });
    const { events } = await gateway.log.read({ from: head });
    expect(events).toMatchObject([
      { type: 'WorkReleased', actor: { kind: 'user' }, data: { consumer: 'views', key: request.key, position: 2 } },
    ]);
    expect(await client.parked()).toEqual([parked('web')]);
  });

  it('is answered with what is so when it takes too long, and with 404 when nothing is parked there', async () => {
    await using gateway = await startGateway();
    gateway.parked.items.push(parked('api'));
    gateway.parked.slow = true;
    expect(
      (await post(gateway, 'parked:release', { consumer: 'views', key: 'application-default/api', timeoutMs: 0 })).body,
    ).toMatchObject({ outcome: 'Pending', item: parked('api') });
    for (const wrong of [
      { consumer: 'others', key: 'application-default/api' },
      { consumer: 'views', key: 'application-default/nothing' },
    ]) {
      const { status: code, body } = await post(gateway, 'parked:release', wrong);
      expect([code, body.code]).toEqual([404, 'PLB-3156']);
    }
    expect((await post(gateway, 'parked:release', { key: 'application-default/api' })).status).toBe(400);
  });
});

describe('legal holds', () => {
  it('are placed, listed and lifted, each with an event by who did it', async () => {
    await using gateway = await startGateway();
    const client = logClientOf(gateway);
    const head = await gateway.log.head();
    const placed = await client.placeHold({ id: 'case-7', from: 0, to: 5, reason: 'asked by counsel' });
    expect(placed).toMatchObject({
      action: 'placed',
      hold: { id: 'case-7', from: 0, to: 5, reason: 'asked by counsel' },
      position: head,
    });
    expect(await client.placeHold({ id: 'case-7', from: 0, to: 5, reason: 'asked by counsel' })).toEqual({
      ...placed,
      action: 'unchanged',
    });
    await client.placeHold({ id: 'case-8', from: 3, reason: 'another' });
    expect((await client.holds()).map(({ id }) => id)).toEqual(['case-7', 'case-8']);
    expect(await client.liftHold('case-7')).toMatchObject({
      action: 'lifted',
      hold: { liftedBy: placed.hold.placedBy },
    });
    expect(await client.liftHold('case-7')).toMatchObject({ action: 'unchanged' });
    expect((await client.holds()).map(({ id }) => id)).toEqual(['case-8']);
    expect((await client.holds({ lifted: true })).map(({ id }) => id)).toEqual(['case-7', 'case-8']);
    const { events } = await gateway.log.read({ from: head });
    expect(events.map(({ type, actor }) => [type, actor.id])).toEqual([
      ['LegalHoldPlaced', placed.hold.placedBy],
      ['LegalHoldPlaced', placed.hold.placedBy],
      ['LegalHoldLifted', placed.hold.placedBy],
    ]);
    expect([...gateway.access.state.views.all('token')].map(({ id }) => id)).toEqual([placed.hold.placedBy]);
  });

  it('are refused when they are none, are another, or are not there', async () => {
    await using gateway = await startGateway();
    for (const body of [
      { id: 'Case 7', from: 0, reason: 'r' },
      { id: 'a', from: -1, reason: 'r' },
      { id: 'a', from: 5, to: 5, reason: 'r' },
      { id: 'a', from: 0, reason: '  ' },
      { id: 'a', from: 0 },
      { id: 'a', from: 0, reason: 'r', until: 9 },
    ]) {
      const answer = await post(gateway, 'holds', body);
      expect([answer.status, answer.body.code], JSON.stringify(body)).toEqual([400, 'PLB-1701']);
    }
    await logClientOf(gateway).placeHold({ id: 'a', from: 0, reason: 'r' });
    const other = await post(gateway, 'holds', { id: 'a', from: 1, reason: 'r' });
    expect([other.status, other.body.code]).toEqual([409, 'PLB-4108']);
    await expect(logClientOf(gateway).liftHold('b')).rejects.toMatchObject({ httpStatus: 404, code: 'PLB-3154' });
  });
});

describe('the erasure of a person', () => {
  it('tells what was erased, the same again, and never who it was', async () => {
    await using gateway = await startGateway();
    gateway.persons.known.add('ada@example.com');
    const client = logClientOf(gateway);
    const report = await client.erasePerson({ person: ' ada@example.com ' });
    expect(report).toMatchObject({
      outcome: 'Erased',
      subject: expect.stringMatching(/^s[0-9a-f]{24}$/) as unknown,
      events: 1,
    });
    expect(await client.erasePerson({ person: 'ada@example.com' })).toEqual({ ...report, outcome: 'AlreadyErased' });
    const unknown = await post(gateway, 'persons:erase', { person: 'nobody@example.com' });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'PLB-3155']);
    const tooLong = await post(gateway, 'persons:erase', { person: `${'very.'.repeat(80)}long@example.com` });
    expect([tooLong.status, tooLong.body.code]).toEqual([400, 'PLB-1701']);
    const { events } = await gateway.log.read({ from: 0 });
    expect(events.slice(-2)).toMatchObject([
      { type: 'PersonErasureRequested', actor: { kind: 'user' } },
      { type: 'PersonErased', data: { subject: report.subject } },
    ]);
    expect(JSON.stringify([report, unknown.body, tooLong.body, events, gateway.logLines])).not.toMatch(
      /ada@|nobody@|very\./,
    );
  });

  it('is pending when the time to wait is over', async () => {
    await using gateway = await startGateway();
    gateway.persons.known.add('ada@example.com');
    gateway.persons.slow = true;
    expect((await post(gateway, 'persons:erase', { person: 'ada@example.com', timeoutMs: 0 })).body).toEqual({
      outcome: 'Pending',
      subject: expect.any(String) as unknown,
    });
  });
});

describe('over gRPC', () => {
  it('parked work, legal holds and erasure are what they are over REST', async () => {
    await using gateway = await startGateway();
    using grpc = grpcOf(gateway);
    const { client, call } = grpc;
    gateway.parked.items.push(parked('api'));
    gateway.parked.mended.add('application-default/api');
    gateway.persons.known.add('ada@example.com');
    const viewer = await gateway.tokenOf('viewer');
    expect((await call(client.listParkedWork, {}, viewer)).items).toEqual([parked('api')]);
    const release = { consumer: 'views', key: 'application-default/api', timeoutMs: undefined };
    expect(await call(client.releaseParkedWork, release)).toMatchObject({
      outcome: 'Released',
      released: 1,
      item: undefined,
    });
    await expect(call(client.releaseParkedWork, release)).rejects.toEqual(refused(status.NOT_FOUND, 'PLB-3156'));
    const hold = { id: 'case-7', from: 0, to: undefined, reason: 'asked by counsel' };
    expect(await call(client.placeLegalHold, hold)).toMatchObject({ action: 'placed', hold });
    expect(await call(client.placeLegalHold, hold)).toMatchObject({ action: 'unchanged' });
    await expect(call(client.placeLegalHold, { ...hold, to: 9 })).rejects.toEqual(refused(status.ABORTED, 'PLB-4108'));
    await expect(call(client.placeLegalHold, { ...hold, to: 0 })).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, 'PLB-1701'),
    );
    expect(await call(client.liftLegalHold, { id: 'case-7' })).toMatchObject({ action: 'lifted' });
    expect((await call(client.listLegalHolds, { lifted: false })).items).toEqual([]);
    expect((await call(client.listLegalHolds, { lifted: true })).items).toMatchObject([
      { id: 'case-7', liftedAt: expect.any(String) as unknown },
    ]);
    expect(await call(client.erasePerson, { person: 'ada@example.com', timeoutMs: undefined })).toMatchObject({
      outcome: 'Erased',
      events: 1,
    });
    await expect(call(client.erasePerson, { person: 'nobody@example.com', timeoutMs: 0 })).rejects.toEqual(
      refused(status.NOT_FOUND, 'PLB-3155'),
    );
    for (const denied of [
      call(client.releaseParkedWork, release, viewer),
      call(client.listLegalHolds, { lifted: false }, viewer),
      call(client.placeLegalHold, hold, viewer),
      call(client.liftLegalHold, { id: 'case-7' }, viewer),
      call(client.erasePerson, { person: 'ada@example.com', timeoutMs: 0 }, viewer),
    ])
      await expect(denied).rejects.toEqual(refused(status.PERMISSION_DENIED, 'PLB-2120'));
    await expect(call(client.listParkedWork, {}, '')).rejects.toEqual(refused(status.UNAUTHENTICATED, 'PLB-2001'));
  });
});
