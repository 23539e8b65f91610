// SPDX-License-Identifier: Apache-2.0
import { Metadata } from '@grpc/grpc-js';
import { derivedId, uuidv7 } from '@plumbline/core';
import type { NewEvent } from '@plumbline/events';
import type { AppendRequest } from '@plumbline/event-log';
import { GrpcEventLog, LogChannel } from '@plumbline/event-log/client';
import { actorOf, projectDeclared, sampleAppend } from '@plumbline/event-log/testing';
import { createTestLog, type TestLog } from '../testing/test-log.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noQueries, silent } from './grpc.fixture.js';
import { LogServer } from './log-server.js';
import { callers, TOKEN } from '../testing/test-credentials.js';

const DAY_MS = 24 * 3_600_000;
const event = (type: string, data: unknown): NewEvent => ({ type, data }) as unknown as NewEvent;

/** What is wrong, the request, and the code that says so. */
const refused: readonly (readonly [string, () => AppendRequest, string])[] = [
  [
    'an event above 65,535 bytes',
    () => sampleAppend('project-big', { events: [projectDeclared('big', 'x'.repeat(65_536))] }),
    'PLB-1153',
  ],
  [
    'a request above 4 MiB',
    () =>
      sampleAppend('project-big', {
        events: Array.from({ length: 80 }, () => projectDeclared('big', 'x'.repeat(60_000))),
      }),
    'PLB-1150',
  ],
  [
    'more than 1,000 events',
    () => sampleAppend('project-many', { events: Array.from({ length: 1_001 }, () => projectDeclared('many')) }),
    'PLB-1150',
  ],
  ['a request without events', () => sampleAppend('project-none', { events: [] }), 'PLB-1150'],
  [
    'a type that nobody knows',
    () => sampleAppend('project-alien', { events: [event('CometSighted', {})] }),
    'PLB-1101',
  ],
  [
    'data that does not match its schema',
    () => sampleAppend('project-odd', { events: [event('ProjectRemoved', { name: 7 })] }),
    'PLB-1102',
  ],
  [
    'text that is not Unicode',
    () => sampleAppend('project-odd', { events: [projectDeclared('odd', 'a\ud800b')] }),
    'PLB-1004',
  ],
  ['a name that is no stream', () => sampleAppend('project odd'), 'PLB-1002'],
  ['a request id that is none', () => sampleAppend('project-id', { requestId: 'again and again' }), 'PLB-1151'],
  [
    'a request id of last quarter, whose first answer nobody remembers',
    () => sampleAppend('project-id', { requestId: derivedId(Date.now() - 60 * DAY_MS, 'old') }),
    'PLB-1152',
  ],
  [
    'a request id of tomorrow',
    () => sampleAppend('project-id', { requestId: uuidv7(Date.now() + DAY_MS) }),
    'PLB-1152',
  ],
  [
    'an event of another service',
    () =>
      sampleAppend('repository-forged', {
        events: [{ type: 'RepositoryRecovered', data: { repository: 'forged' } }],
      }),
    'PLB-2101',
  ],
  [
    'an actor of a kind that there is not',
    () => ({ ...sampleAppend('project-forged'), actor: { kind: 'root' as 'system', id: 'root', name: 'root' } }),
    'PLB-1150',
  ],
  [
    'an actor with a line feed in the name',
    () => ({ ...sampleAppend('project-forged'), actor: { kind: 'user', id: 'x', name: 'Ada\nlevel=error' } }),
    'PLB-1150',
  ],
  [
    'a revision that the stream is not at',
    () => sampleAppend('project-there', { expected: { type: 'exact', revision: 7 } }),
    'PLB-4101',
  ],
  [
    'a stream that should not be there',
    () => sampleAppend('project-there', { expected: { type: 'noStream' } }),
    'PLB-4101',
  ],
  ['a stream that should be there', () => sampleAppend('project-absent', { expected: { type: 'exists' } }), 'PLB-4101'],
];

describe('the log takes nothing that is wrong', () => {
  let test: TestLog;
  let door: LogServer;
  let channel: LogChannel;
  let log: GrpcEventLog;
  beforeAll(async () => {
    test = await createTestLog();
    door = new LogServer({ log: test.log, queries: noQueries, callers, logger: silent, refusals: test.log.refusals });
    channel = new LogChannel({ url: await door.listen('127.0.0.1:0'), token: TOKEN });
    log = new GrpcEventLog(channel);
    await log.append(sampleAppend('project-there'));
  });
  afterAll(async () => {
    channel.close();
    await door.close();
    await test[Symbol.asyncDispose]();
  });

  /** Runs what must be refused: the code is told, counted once, and nothing is written. */
  async function refuses(code: string, work: () => Promise<unknown>): Promise<void> {
    const before = { head: await test.log.head(), count: test.log.refusals.counts.get(code) ?? 0 };
    await expect(work()).rejects.toMatchObject({ code });
    expect({ head: await test.log.head(), count: test.log.refusals.counts.get(code) }).toEqual({
      head: before.head,
      count: before.count + 1,
    });
  }

  it.each(refused)('%s', async (_what, request, code) => {
    await refuses(code, async () => log.append(request()));
    await refuses(code, async () => test.log.append(request()));
  });

  it('an append in the name of another service than that of the credential', async () => {
    const forged = sampleAppend('project-forged', { service: 'watcher', actor: actorOf('watcher') });
    await refuses('PLB-2104', async () => log.append(forged));
  });

  it('a good append beside a bad one stays good', async () => {
    const [good, bad] = await Promise.allSettled([
      log.append(sampleAppend('project-good')),
      log.append(sampleAppend('project-bad', { service: 'watcher' })),
    ]);
    expect([good.status, bad.status]).toEqual(['fulfilled', 'rejected']);
  });

  it('a request id that comes again with other content; with the same content it answers as before', async () => {
    const request = sampleAppend('project-replayed');
    const first = await log.append(request);
    await refuses('PLB-4102', async () => log.append({ ...request, items: sampleAppend('project-other').items }));
    const head = await test.log.head();
    expect(await log.append(request)).toEqual({ ...first, duplicate: true });
    expect(await test.log.head()).toBe(head);
  });

  it('a caller without the token of the services', async () => {
    const stranger = new LogChannel({ url: channelUrl(), token: `${TOKEN}!` });
    await refuses('PLB-2102', async () => new GrpcEventLog(stranger).append(sampleAppend('project-stranger')));
    stranger.close();
  });

  it('a message above what the door takes at once, which no handler ever sees', async () => {
    const head = await test.log.head();
    const huge = sampleAppend('project-huge', {
      events: Array.from({ length: 900 }, () => projectDeclared('huge', 'x'.repeat(20_000))),
    });
    await expect(log.append(huge)).rejects.toMatchObject({
      code: expect.stringMatching(/^PLB-11(50|71)$/),
      retry: 'never',
    });
    expect(await test.log.head()).toBe(head);
  });

  const raw = (items: readonly unknown[], actor: unknown): Promise<unknown> => {
    const message = { requestId: uuidv7(Date.now()), actor, service: 'gateway', items } as unknown as Parameters<
      typeof channel.client.append
    >[0];
    return channel.unary(
      (request: typeof message, _metadata, options, callback) =>
        channel.client.append(request, bearer(), options, callback),
      message,
    );
  };
  const bearer = (): Metadata => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${TOKEN}`);
    return metadata;
  };
  const channelUrl = (): string => `grpc://${channel.client.getChannel().getTarget().replace(/^dns:/, '')}`;

  it.each([
    [
      'data that is no JSON',
      [
        {
          stream: 'project-raw',
          expected: { $case: 'any', value: {} },
          events: [{ type: 'ProjectRemoved', data: Buffer.from('{"name":') }],
        },
      ],
      { kind: 'user', id: 'x', name: 'x' },
    ],
    [
      'no actor',
      [
        {
          stream: 'project-raw',
          expected: { $case: 'any', value: {} },
          events: [{ type: 'ProjectRemoved', data: Buffer.from('{"name":"raw"}') }],
        },
      ],
      undefined,
    ],
    [
      'no word on the revision',
      [
        {
          stream: 'project-raw',
          expected: undefined,
          events: [{ type: 'ProjectRemoved', data: Buffer.from('{"name":"raw"}') }],
        },
      ],
      { kind: 'user', id: 'x', name: 'x' },
    ],
  ])('a message with %s', async (_what, items, actor) => {
    await refuses('PLB-1156', async () => raw(items, actor));
  });
});
