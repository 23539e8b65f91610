// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, derivedId, uuidv7 } from '@plumbline/core';
import type { NewEvent } from '@plumbline/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../event-log.port.js';
import { actorOf, projectDeclared, sampleAppend } from './sample-events.js';

/** A log under test, fresh and for this suite alone. */
export interface LogUnderTest extends AsyncDisposable {
  readonly log: EventLog;
}

const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });
const DAY_MS = 24 * 3_600_000;

function appending(subject: () => EventLog): void {
  it('gives positions without gaps and revisions per stream, both from 0, in the order of arrival', async () => {
    const log = subject();
    const start = await log.head();
    const [first, second, third] = await Promise.all([
      log.append(sampleAppend('project-order-a')),
      log.append(sampleAppend('project-order-b')),
      log.append(sampleAppend('project-order-a')),
    ]);
    expect([first.firstPosition, second.firstPosition, third.firstPosition]).toEqual([start, start + 1, start + 2]);
    expect([first.revisions, second.revisions, third.revisions]).toEqual([
      { 'project-order-a': 0 },
      { 'project-order-b': 0 },
      { 'project-order-a': 1 },
    ]);
    expect(await log.head()).toBe(start + 3);
  });

  it('takes events for several streams as one, contiguous', async () => {
    const log = subject();
    const request = sampleAppend('project-many-a');
    const items = [
      {
        stream: 'project-many-a',
        expected: { type: 'noStream' as const },
        events: [projectDeclared('many-a'), projectDeclared('many-a', 'two')],
      },
      { stream: 'project-many-b', expected: { type: 'noStream' as const }, events: [projectDeclared('many-b')] },
    ];
    const result = await log.append({ ...request, items });
    expect(result.lastPosition - result.firstPosition).toBe(2);
    expect(result.revisions).toEqual({ 'project-many-a': 1, 'project-many-b': 0 });
    const { events } = await log.read({ from: result.firstPosition, limit: 3 });
    expect(events.map((event) => [event.stream, event.revision])).toEqual([
      ['project-many-a', 0],
      ['project-many-a', 1],
      ['project-many-b', 0],
    ]);
    expect(new Set(events.map((event) => event.recordedAt)).size).toBe(1);
  });

  it('returns the recorded events in the order of the request, as a reader gets them', async () => {
    const log = subject();
    const request = sampleAppend('project-returned-a');
    const items = ['returned-b', 'returned-a'].map((name) => ({
      stream: `project-${name}`,
      expected: { type: 'any' as const },
      events: [projectDeclared(name), projectDeclared(name, 'again')],
    }));
    const result = await log.append({ ...request, items });
    const { events } = await log.read({ from: result.firstPosition, limit: 4 });
    expect(result.events).toEqual(events);
    expect(
      result.events.map(({ position, stream, revision }) => [position - result.firstPosition, stream, revision]),
    ).toEqual([
      [0, 'project-returned-b', 0],
      [1, 'project-returned-b', 1],
      [2, 'project-returned-a', 0],
      [3, 'project-returned-a', 1],
    ]);
  });

  it('returns the events of the largest request', async () => {
    const log = subject();
    const events = Array.from({ length: 1_000 }, (_, index) => projectDeclared('largest', 'x'.repeat(index)));
    const result = await log.append(sampleAppend('project-largest', { events }));
    expect(result.events.map(({ position }) => position)).toEqual(
      Array.from({ length: 1_000 }, (_, index) => result.firstPosition + index),
    );
  });

  it('appends nothing of a request when one stream is not as expected', async () => {
    const log = subject();
    await log.append(sampleAppend('project-taken'));
    const before = await log.head();
    const request = sampleAppend('project-free', { expected: { type: 'noStream' } });
    const items = [
      ...request.items,
      { stream: 'project-taken', expected: { type: 'noStream' as const }, events: [projectDeclared('taken')] },
    ];
    await expect(log.append({ ...request, items })).rejects.toEqual(code('PLB-4101'));
    expect(await log.head()).toBe(before);
    expect(await log.readStream('project-free')).toEqual([]);
  });

  it('lets exactly one of many appends win that expect the same revision', async () => {
    const log = subject();
    await log.append(sampleAppend('project-race'));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () =>
        log.append(sampleAppend('project-race', { expected: { type: 'exact', revision: 0 } })),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({
          code: 'PLB-4101',
          retry: 'after-reload',
          details: { stream: 'project-race', actual: 1 },
        });
    }
    expect(await log.readStream('project-race')).toHaveLength(2);
  });

  it('tells apart noStream, exists and exact', async () => {
    const log = subject();
    await expect(log.append(sampleAppend('project-exp', { expected: { type: 'exists' } }))).rejects.toEqual(
      code('PLB-4101'),
    );
    await expect(log.append(sampleAppend('project-exp', { expected: { type: 'exact', revision: 0 } }))).rejects.toEqual(
      code('PLB-4101'),
    );
    await log.append(sampleAppend('project-exp', { expected: { type: 'noStream' } }));
    await expect(log.append(sampleAppend('project-exp', { expected: { type: 'noStream' } }))).rejects.toEqual(
      code('PLB-4101'),
    );
    await log.append(sampleAppend('project-exp', { expected: { type: 'exists' } }));
    await log.append(sampleAppend('project-exp', { expected: { type: 'exact', revision: 1 } }));
    expect(await log.readStream('project-exp')).toHaveLength(3);
  });
}

function repeating(subject: () => EventLog): void {
  it('answers a repeated request with the first result and appends nothing', async () => {
    const log = subject();
    const request = sampleAppend('project-repeat', { expected: { type: 'noStream' } });
    const first = await log.append(request);
    await log.append(sampleAppend('project-repeat'));
    const head = await log.head();
    expect(first.duplicate).toBe(false);
    expect(await log.append(request)).toEqual({ ...first, duplicate: true });
    expect(await log.head()).toBe(head);
  });

  it('appends once when the same request comes many times at once', async () => {
    const log = subject();
    const request = sampleAppend('project-burst');
    const results = await Promise.all(Array.from({ length: 6 }, () => log.append(request)));
    expect(new Set(results.map((result) => result.firstPosition)).size).toBe(1);
    expect(results.filter((result) => !result.duplicate)).toHaveLength(1);
    expect(await log.readStream('project-burst')).toHaveLength(1);
  });

  it('refuses a request id that comes with other content', async () => {
    const log = subject();
    const request = sampleAppend('project-reused');
    await log.append(request);
    await expect(
      log.append(
        sampleAppend('project-reused', { requestId: request.requestId, events: [projectDeclared('reused', 'other')] }),
      ),
    ).rejects.toEqual(code('PLB-4102'));
    expect(await log.readStream('project-reused')).toHaveLength(1);
  });

  it('takes an id derived from a cause and gives events ids that follow from the request', async () => {
    const log = subject();
    const requestId = derivedId(Date.now() - DAY_MS, 'a purpose', 'a cause');
    const result = await log.append(sampleAppend('project-derived', { requestId }));
    const [event] = await log.readStream('project-derived');
    expect(event?.id).toBe(derivedId(Number.parseInt(requestId.replace('-', '').slice(0, 12), 16), requestId, '0'));
    expect(event).toMatchObject({ causationId: requestId, correlationId: requestId, position: result.firstPosition });
  });
}

function refusing(subject: () => EventLog): void {
  it.each([
    ['a request id that is no UUID', { requestId: 'abc' }, 'PLB-1151'],
    ['a UUIDv4', { requestId: '7b0c2cb0-6ee0-4a5e-8a5e-2f8f3d1f6c11' }, 'PLB-1151'],
    ['a request id older than 30 days', { requestId: uuidv7(Date.now() - 31 * DAY_MS) }, 'PLB-1152'],
    ['a request id from the future', { requestId: uuidv7(Date.now() + DAY_MS) }, 'PLB-1152'],
    ['no events', { events: [] }, 'PLB-1150'],
    ['an unknown event type', { events: [{ type: 'ProjectUpdated', data: {} } as unknown as NewEvent] }, 'PLB-1101'],
    [
      'data that does not match its schema',
      { events: [{ type: 'ProjectRemoved', data: { name: 7 } } as unknown as NewEvent] },
      'PLB-1102',
    ],
    ['a time that is no RFC 3339', { events: [{ ...projectDeclared('x'), occurredAt: 'yesterday' }] }, 'PLB-1150'],
    ['an event of another service', { service: 'watcher' as const, actor: actorOf('watcher') }, 'PLB-2101'],
    ['a service that appends as a user', { service: 'watcher' as const }, 'PLB-2103'],
    [
      'a service that appends as another service',
      { service: 'policy' as const, actor: actorOf('gateway') },
      'PLB-2103',
    ],
    ['an event about one aggregate on the stream of another', { events: [projectDeclared('other')] }, 'PLB-1154'],
    ['an event above 65,535 bytes', { events: [projectDeclared('refused', 'x'.repeat(65_536))] }, 'PLB-1153'],
    ['an unpaired surrogate', { events: [projectDeclared('refused', 'a\ud800b')] }, 'PLB-1004'],
  ])('refuses %s and appends nothing', async (_what, options, expected) => {
    const log = subject();
    const before = await log.head();
    await expect(log.append(sampleAppend('project-refused', options))).rejects.toEqual(code(expected));
    expect(await log.head()).toBe(before);
  });

  it('refuses a name that is no stream', async () => {
    await expect(subject().append(sampleAppend('no stream'))).rejects.toEqual(code('PLB-1002'));
  });

  it('names every mistake of the data', async () => {
    const bad = { type: 'ProjectDeclared', data: { name: '', labels: { a: 1 }, spec: {} } } as unknown as NewEvent;
    const error: unknown = await subject()
      .append(sampleAppend('project-issues', { events: [bad] }))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      details: {
        issues: expect.arrayContaining([
          expect.objectContaining({ path: 'data.name' }),
          expect.objectContaining({ path: 'data.labels.a' }),
        ]),
      },
    });
  });
}

function reading(subject: () => EventLog): void {
  it('gives back what was appended, with everything the log adds', async () => {
    const log = subject();
    const occurredAt = '2026-02-03T04:05:06.789Z';
    const note = 'tab\t "quoted" \\ back, \u0000 nul, line\nfeed, \u2028, emoji 👩‍🚀, umlaut ä';
    const request = sampleAppend('project-full', { events: [{ ...projectDeclared('full', note), occurredAt }] });
    const result = await log.append({ ...request, causationId: 'cause-1', correlationId: 'way-1' });
    const [event] = (await log.read({ from: result.firstPosition, limit: 1 })).events;
    expect(event).toMatchObject({
      type: 'ProjectDeclared',
      schemaVersion: 1,
      stream: 'project-full',
      revision: 0,
      position: result.firstPosition,
      occurredAt,
      recordedAt: result.recordedAt,
      actor: { kind: 'user', id: 'token-1', name: 'Ada' },
      causationId: 'cause-1',
      correlationId: 'way-1',
      data: { name: 'full', labels: { note } },
    });
    expect(result.recordedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(JSON.parse(canonicalJson(event))).toEqual(event);
  });

  it('takes the time of the append for an event that names none', async () => {
    const log = subject();
    const result = await log.append(sampleAppend('project-when'));
    expect((await log.readStream('project-when'))[0]?.occurredAt).toBe(result.recordedAt);
  });

  it('pages through the whole log and meets every position once', async () => {
    const log = subject();
    await Promise.all(Array.from({ length: 25 }, (_, index) => log.append(sampleAppend(`project-page-${index}`))));
    const head = await log.head();
    const positions: number[] = [];
    for (let from = 0; from < head;) {
      const page = await log.read({ from, limit: 7 });
      positions.push(...page.events.map((event) => event.position));
      expect(page.nextPosition).toBeGreaterThan(from);
      from = page.nextPosition;
    }
    expect(positions).toEqual(Array.from({ length: head }, (_, index) => index));
  });

  it('never lets the time go back as positions rise, and moves it with each commit', async () => {
    const log = subject();
    const results = [];
    for (let index = 0; index < 5; index += 1) results.push(await log.append(sampleAppend('project-time')));
    const times = results.map((result) => result.recordedAt);
    expect(times).toEqual([...new Set(times)].toSorted());
  });

  it('reads only the types that are asked for and still moves on', async () => {
    const log = subject();
    const { firstPosition } = await log.append(
      sampleAppend('project-typed', {
        events: [
          projectDeclared('typed'),
          { type: 'ProjectRemoved', data: { name: 'typed' } },
          projectDeclared('typed'),
        ],
      }),
    );
    const page = await log.read({ from: firstPosition, types: ['ProjectRemoved'] });
    expect(page.events.map((event) => event.position)).toEqual([firstPosition + 1]);
    expect(page).toMatchObject({ nextPosition: firstPosition + 3, headPosition: firstPosition + 3 });
    const none = await log.read({ from: firstPosition, types: ['TokenRevoked'] });
    expect(none).toEqual({ events: [], nextPosition: firstPosition + 3, headPosition: firstPosition + 3 });
  });

  it('answers at and above the head with nothing', async () => {
    const log = subject();
    const head = await log.head();
    expect(await log.read({ from: head })).toEqual({ events: [], nextPosition: head, headPosition: head });
    expect(await log.read({ from: head + 10 })).toEqual({ events: [], nextPosition: head + 10, headPosition: head });
  });

  it('refuses to read from nowhere', async () => {
    await expect(subject().read({ from: -1 })).rejects.toEqual(code('PLB-1155'));
    await expect(subject().read({ from: 0, limit: 0 })).rejects.toEqual(code('PLB-1155'));
  });

  it('reads a stream from a revision on, and nothing of a stream that is not there', async () => {
    const log = subject();
    for (let index = 0; index < 4; index += 1) await log.append(sampleAppend('project-stream'));
    expect((await log.readStream('project-stream', 2)).map((event) => event.revision)).toEqual([2, 3]);
    expect(await log.readStream('project-streamless')).toEqual([]);
  });
}

/** What every event log must do; run it against each implementation. */
export function eventLogContract(title: string, open: () => Promise<LogUnderTest>): void {
  describe(`event log contract: ${title}`, () => {
    let opened: LogUnderTest | undefined;
    const subject = (): EventLog => {
      if (opened === undefined) throw new Error('the log was not opened');
      return opened.log;
    };
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.[Symbol.asyncDispose]();
    });
    describe('append', () => appending(subject));
    describe('repeated requests', () => repeating(subject));
    describe('refusals', () => refusing(subject));
    describe('read', () => reading(subject));
  });
}
