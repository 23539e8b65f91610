// SPDX-License-Identifier: Apache-2.0
import { generateServicesKeys, issueServiceCredential } from '@plumbline/events';
import { execFileSync } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { Digest, InputError } from '@plumbline/core';
import type { RawEventLog } from '@plumbline/event-log';
import { GrpcEventLog, GrpcLogQueries, LogChannel } from '@plumbline/event-log/client';
import { eventLogContract, MemoryEventLog, projectDeclared, sampleAppend } from '@plumbline/event-log/testing';
import { createTestLog } from '../testing/test-log.js';
import { tempDir } from '@plumbline/testkit';
import { describe, expect, it } from 'vitest';
import { noQueries as stub } from './grpc.fixture.js';
import { type ServedQueries, LogServer } from './log-server.js';
import { callers, connectAsServices, TOKEN } from '../testing/test-credentials.js';

const silent = { error: (): void => undefined, info: (): void => undefined };
const noQueries: ServedQueries = {
  ...stub,
  getView: async (view) => (view === 'broken' ? Promise.reject(new TypeError('row 7 of secret_table')) : undefined),
  listView: async () => ({ documents: [{ key: 'web', document: { name: 'web' } }], position: 3, cursor: 'next' }),
  auditBodies: async () => ({ bodies: [] }),
};

interface Opened extends AsyncDisposable {
  readonly url: string;
  readonly channel: LogChannel;
  readonly log: GrpcEventLog;
}

async function openDoor(log: RawEventLog, options: { readonly token?: string } = {}): Promise<Opened> {
  const door = new LogServer({ log, queries: noQueries, callers, logger: silent });
  const url = await door.listen('127.0.0.1:0');
  const channel = new LogChannel({ url, token: options.token ?? TOKEN });
  return {
    url,
    channel,
    log: new GrpcEventLog(channel),
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await door.close();
    },
  };
}

eventLogContract('gRPC client over PostgreSQL', async () => {
  const test = await createTestLog();
  const opened = await openDoor(test.log);
  const client = connectAsServices(opened.url);
  return {
    log: client.log,
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      await opened[Symbol.asyncDispose]();
      await test[Symbol.asyncDispose]();
    },
  };
});

describe('the door of the log', () => {
  it.each([
    ['text that is no credential', 'not-a-credential'],
    ['a credential that was cut', TOKEN.slice(0, -1)],
    [
      'a credential of another installation',
      issueServiceCredential(generateServicesKeys().privateKeyPem, { service: 'gateway', nowMs: Date.now() }),
    ],
  ])('refuses %s', async (_what, wrong) => {
    await using opened = await openDoor(new MemoryEventLog(), { token: wrong });
    await expect(opened.log.head()).rejects.toMatchObject({ code: 'PLB-2102', httpStatus: 401, retry: 'never' });
    await expect(opened.log.readStream('project-web')).rejects.toMatchObject({ code: 'PLB-2102' });
  });

  it('speaks TLS, to clients that know its authority', async () => {
    await using dir = await tempDir('door');
    const [certFile, keyFile] = [path.join(dir.path, 'cert.pem'), path.join(dir.path, 'key.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost',
        '-keyout',
        keyFile,
        '-out',
        certFile,
      ],
      { stdio: 'ignore' },
    );
    const door = new LogServer({
      log: new MemoryEventLog(),
      queries: noQueries,
      callers,
      logger: silent,
      tls: { certFile, keyFile },
    });
    const url = await door.listen('localhost:0');
    expect(url).toMatch(/^grpcs:\/\/localhost:/);
    const channel = new LogChannel({ url, token: TOKEN, caFile: certFile });
    expect(await new GrpcEventLog(channel).head()).toBe(0);
    // time is what this tests: the channel gives up
    const stranger = new LogChannel({ url, token: TOKEN, timeoutMs: 200 });
    await expect(new GrpcEventLog(stranger).head()).rejects.toMatchObject({ code: 'PLB-6001' });
    channel.close();
    stranger.close();
    await door.close();
  });

  it('carries errors with class, code, advice and details', async () => {
    await using opened = await openDoor(new MemoryEventLog());
    const error: unknown = await opened.log
      .append(sampleAppend('project-web', { events: [{ type: 'ProjectRemoved', data: { name: '' } }] }))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code: 'PLB-1102', details: { issues: [{ path: 'data.name' }] } });
  });

  it('masks what is not one of our errors', async () => {
    await using opened = await openDoor(new MemoryEventLog());
    const error: unknown = await new GrpcLogQueries(opened.channel)
      .getView('broken', 'x')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'PLB-9120', httpStatus: 500 });
    expect(String(error)).not.toContain('secret_table');
  });

  it('answers queries', async () => {
    await using opened = await openDoor(new MemoryEventLog());
    const queries = new GrpcLogQueries(opened.channel);
    expect(await queries.listView('project', { keyPrefix: 'w' })).toEqual({
      documents: [{ key: 'web', document: { name: 'web' } }],
      position: 3,
      cursor: 'next',
    });
    expect(await queries.getView('project', 'none')).toBeUndefined();
  });

  it('cuts pages by size, so that a log of large events can be read through', async () => {
    const log = new MemoryEventLog();
    for (let index = 0; index < 60; index += 1)
      await log.append(sampleAppend('project-big', { events: [projectDeclared('big', String(index).repeat(30_000))] }));
    await using opened = await openDoor(log);
    const first = await opened.log.read({ from: 0, limit: 1_000 });
    expect(first.events.length).toBeLessThan(60);
    const rest = await opened.log.read({ from: first.nextPosition, limit: 1_000 });
    expect([...first.events, ...rest.events].map((event) => event.position)).toEqual(
      Array.from({ length: 60 }, (_, index) => index),
    );
    expect(await opened.log.readStream('project-big')).toHaveLength(60);
  });

  it('subscribes: first what is there, then what comes, until the reader leaves', async () => {
    const log = new MemoryEventLog();
    await log.append(sampleAppend('project-a'));
    await using opened = await openDoor(log);
    const leave = new AbortController();
    const seen: string[] = [];
    for await (const page of opened.log.subscribe({ from: 0, signal: leave.signal })) {
      seen.push(...page.events.map((event) => event.stream));
      if (seen.length === 1) await log.append(sampleAppend('project-b'));
      if (seen.length === 2) leave.abort();
    }
    expect(seen).toEqual(['project-a', 'project-b']);
  });
});

/** Forwards bytes both ways; cuts the line instead of passing the next answer on, when told. */
async function startProxy(target: string): Promise<{ readonly url: string; cutNextAnswer(): void; close(): void }> {
  const sockets = new Set<Socket>();
  let cut = false;
  const { hostname, port } = new URL(target);
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => (near.destroy(), far.destroy()));
    }
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => {
      if (cut) near.destroy();
      else near.write(chunk);
      cut = false;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `grpc://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    cutNextAnswer: () => (cut = true),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('the client of the log', () => {
  it('appends once when the answer is lost, because it sends the same request again', async () => {
    const log = new MemoryEventLog();
    await using opened = await openDoor(log);
    const proxy = await startProxy(opened.url);
    const channel = new LogChannel({ url: proxy.url, token: TOKEN });
    const client = new GrpcEventLog(channel);
    await client.head();
    let commits = 0;
    log.onCommitted(() => {
      commits += 1;
      if (commits === 1) proxy.cutNextAnswer();
    });
    const result = await client.append(sampleAppend('project-lost'));
    expect(result).toMatchObject({ duplicate: true, firstPosition: 0 });
    expect(await log.head()).toBe(1);
    channel.close();
    proxy.close();
  });

  it('waits for a log that is not there yet, and says so when its time is over', async () => {
    // time is what this tests
    const channel = new LogChannel({ url: 'grpc://127.0.0.1:9', token: TOKEN, timeoutMs: 300 });
    await expect(new GrpcEventLog(channel).head()).rejects.toMatchObject({ code: 'PLB-6001', retry: 'after-delay' });
    channel.close();
  });

  it('never repeats the token in an error', async () => {
    // time is what this tests: the channel gives up
    const channel = new LogChannel({ url: 'grpc://127.0.0.1:9', token: TOKEN, timeoutMs: 50 });
    const error: unknown = await new GrpcEventLog(channel).head().catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(TOKEN);
    channel.close();
  });

  it.each(['http://127.0.0.1:80', 'grpc://127.0.0.1'])('refuses the URL %s', (url) => {
    expect(() => new LogChannel({ url, token: Digest.of('x') })).toThrow(expect.objectContaining({ code: 'PLB-1157' }));
  });
});
