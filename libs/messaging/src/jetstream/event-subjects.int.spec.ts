// SPDX-License-Identifier: Apache-2.0
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { type EventFilter, type RecordedEvent, wanted } from '@plumbline/events';
import { startNats } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it } from 'vitest';
import { eventAt } from '../testing/index.js';
import { EVENT_STREAM } from './event-stream.js';
import { SUBJECT_STREAM } from './event-subjects.js';
import { JetStreamBus } from './jetstream-bus.js';
import { NatsLink } from './nats-link.js';

interface Publisher extends AsyncDisposable {
  /** Publishes as the relay does: again until it is taken. */
  publish(events: readonly RecordedEvent[]): Promise<void>;
}

function publisherOn(url: string): Publisher {
  const link = new NatsLink({ url, name: 'relay' });
  const bus = new JetStreamBus({
    link,
    timeoutMs: 2_000 /* time is what this tests: the server goes away */,
    subjects: true,
  });
  return {
    publish: async (events) => {
      const batch = {
        shard: 0,
        firstPosition: events[0]?.position ?? 0,
        lastPosition: events.at(-1)?.position ?? 0,
        events,
      };
      for (let attempt = 1; ; attempt += 1) {
        const failure: unknown = await bus.publish(batch).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure === undefined) return;
        expect(failure).toMatchObject({ code: 'PLB-6010', retry: 'after-delay' });
        if (attempt === 10) throw new Error('it is never taken', { cause: failure });
      }
    },
    [Symbol.asyncDispose]: async () => link.close(),
  };
}

interface Read {
  readonly subject: string;
  readonly position: number;
  readonly cloudEvent: Readonly<Record<string, unknown>>;
}

/** Everything in the stream that fits a subject. */
async function read(url: string, filterSubject = 'pl.out.>'): Promise<readonly Read[]> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    const { name, num_pending: pending } = await manager.consumers.add(SUBJECT_STREAM, {
      filter_subject: filterSubject,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      inactive_threshold: 60e9,
    });
    if (pending === 0) return [];
    const found: Read[] = [];
    for await (const message of await (
      await jetstream(connection).consumers.get(SUBJECT_STREAM, name)
    ).fetch({ max_messages: pending, expires: 10_000 })) {
      found.push({
        subject: message.subject,
        position: Number(message.headers?.get('Pl-Position')),
        cloudEvent: message.json(),
      });
    }
    return found;
  } finally {
    await connection.close();
  }
}

function about(position: number, type: string, raw: object, actor = 'policy'): RecordedEvent {
  return {
    ...eventAt(position),
    stream: 'x-y',
    actor: { kind: 'user', id: actor, name: actor },
    type: 'Unknown',
    data: { originalType: type, raw },
  };
}

const plain = (from: number, to: number): readonly RecordedEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => eventAt(from + index));
const upTo = (last: number): readonly number[] => Array.from({ length: last + 1 }, (_, index) => index);
const positions = (found: readonly Read[]): readonly number[] => found.map(({ position }) => position);

for (const flavour of ['oldest', 'newest'] as const) {
  describeWith(`nats:${flavour}`, `events on subjects, on the ${flavour} nats-server`, () => {
    it('are chosen by the server, by all that other doors choose by', async () => {
      await using server = await startNats({ flavour });
      await using publisher = publisherOn(server.url);
      const all = [
        about(0, 'SyncStarted', { application: 'default/web', environment: 'staging', cluster: 'eu-1' }),
        about(1, 'SyncCompleted', { application: 'default/web', environment: 'staging', cluster: 'eu-1' }),
        about(
          2,
          'SyncStarted',
          { application: 'shop/web.api', environment: 'production', cluster: 'eu-2' },
          'anna smith',
        ),
        about(3, 'VersionReleased', {
          application: 'shop/web.api',
          environment: 'production',
          clusters: ['eu-1', 'eu-2'],
        }),
        about(4, 'VersionReleased', { application: 'shop/web.api', environment: 'production', clusters: ['eu-2'] }),
        about(5, 'ClusterRemoved', { name: 'eu-3' }, '*'),
      ];
      await publisher.publish(all);
      const cases: readonly (readonly [string, EventFilter])[] = [
        ['pl.out.0.*.*.*.*.SyncStarted.*', { types: ['SyncStarted'] }],
        ['pl.out.0.shop.>', { project: 'shop' }],
        ['pl.out.0.shop.web%2Eapi.>', { application: 'shop/web.api' }],
        ['pl.out.0.*.*.staging.>', { environment: 'staging' }],
        ['pl.out.0.*.*.*.*.*.anna%20smith', { actor: 'anna smith' }],
        ['pl.out.0.*.*.*.*.*.%2A', { actor: '*' }],
        [
          'pl.out.0.default.web.*.eu-1.SyncCompleted.*',
          { types: ['SyncCompleted'], application: 'default/web', cluster: 'eu-1' },
        ],
      ];
      for (const [subject, filter] of cases)
        expect([subject, positions(await read(server.url, subject))]).toEqual([
          subject,
          all.filter((event) => wanted(event, filter)).map(({ position }) => position),
        ]);
      // What names several clusters has a sign of its own; what names one has its name.
      expect(positions(await read(server.url, 'pl.out.0.*.*.*.+.>'))).toEqual([3]);
      expect(positions(await read(server.url, 'pl.out.0.*.*.*.eu-2.>'))).toEqual([2, 4]);
      const [first] = await read(server.url);
      expect(first).toMatchObject({
        subject: 'pl.out.0.default.web.staging.eu-1.SyncStarted.policy',
        cloudEvent: {
          specversion: '1.0',
          type: 'dev.plumbline.SyncStarted',
          position: 0,
          data: { application: 'default/web' },
        },
      });
    });

    it('hold nothing that opens doors', async () => {
      await using server = await startNats({ flavour });
      await using publisher = publisherOn(server.url);
      await publisher.publish([
        {
          ...eventAt(0),
          stream: 'access-a',
          type: 'TokenIssued',
          data: { id: 'a', name: 'anna', role: 'viewer', hash: 'sha256:secret', emails: [] },
        } as RecordedEvent,
      ]);
      const found = await read(server.url);
      expect(found).toMatchObject([{ cloudEvent: { data: { id: 'a', name: 'anna' } } }]);
      expect(JSON.stringify(found)).not.toContain('secret');
    });

    it('are there once and in order, whoever publishes, and whatever is published again', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      await one.publish(plain(0, 4));
      await one.publish(plain(0, 4));
      await using two = publisherOn(server.url);
      await two.publish(plain(2, 9));
      // The first one does not know that another has gone on; nothing of it is taken twice.
      await one.publish(plain(5, 9));
      await one.publish(plain(8, 12));
      await Promise.all([one.publish(plain(13, 40)), two.publish(plain(13, 40))]);
      await server.restart();
      await two.publish(plain(30, 60));
      expect(positions(await read(server.url))).toEqual(upTo(60));
    }, 60_000);

    it('have no hole when one publishes that does not know how far another has come', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      await using two = publisherOn(server.url);
      await one.publish(plain(0, 4));
      await two.publish(plain(5, 9));
      await one.publish(plain(10, 12));
      await two.publish(plain(13, 20));
      expect(positions(await read(server.url))).toEqual(upTo(20));
    });

    it('go on after the server was away for longer than it remembers ids of messages', async () => {
      await using server = await startNats({ flavour });
      const connection = await connect({ servers: server.url });
      const { streams } = await jetstreamManager(connection);
      // As the publisher makes it, but with a short memory.
      await streams.add({ name: SUBJECT_STREAM, subjects: ['pl.out.>'], duplicate_window: 200e6 });
      await connection.close();
      await using one = publisherOn(server.url);
      await one.publish(plain(0, 4));
      // time is what this tests: twice what the server remembers
      await new Promise((resolve) => setTimeout(resolve, 400));
      await server.restart();
      await one.publish(plain(5, 9));
      await using two = publisherOn(server.url);
      await two.publish(plain(8, 12));
      expect(positions(await read(server.url))).toEqual(upTo(12));
    });

    it('go on in a new stream when theirs was lost', async () => {
      await using server = await startNats({ flavour });
      await using publisher = publisherOn(server.url);
      await publisher.publish(plain(0, 4));
      const connection = await connect({ servers: server.url });
      await (await jetstreamManager(connection)).streams.delete(SUBJECT_STREAM);
      await connection.close();
      await publisher.publish(plain(5, 9));
      expect(positions(await read(server.url))).toEqual([5, 6, 7, 8, 9]);
    });
  });
}

const erased = (position: number): RecordedEvent =>
  ({
    ...eventAt(position),
    stream: 'log-persons',
    type: 'PersonErased',
    data: { subject: 's0', events: 1 },
  }) as unknown as RecordedEvent;

for (const flavour of ['oldest', 'newest'] as const) {
  describeWith(`nats:${flavour}`, `the erasure of a person, on the ${flavour} nats-server`, () => {
    it.each([true, false])(
      'leaves no message from before it, also when it is published again (with subjects: %s)',
      async (subjects) => {
        await using server = await startNats({ flavour });
        const link = new NatsLink({ url: server.url, name: 'relay' });
        // There once were subjects in any case.
        const before = new JetStreamBus({ link, timeoutMs: 60_000, subjects: true });
        await before.publish({
          shard: 0,
          firstPosition: 0,
          lastPosition: 2,
          events: [0, 1, 2].map((position) => eventAt(position)),
        });
        const bus = new JetStreamBus({ link, timeoutMs: 60_000, subjects });
        const batch = { shard: 0, firstPosition: 3, lastPosition: 5, events: [eventAt(3), erased(4), eventAt(5)] };
        for (let round = 0; round < 2; round += 1) {
          await bus.publish(batch);
          const connection = await connect({ servers: server.url });
          const { streams } = await jetstreamManager(connection);
          const [batches, messages] = [await streams.info(EVENT_STREAM), await streams.info(SUBJECT_STREAM)];
          expect(batches.state).toMatchObject({ messages: 1, first_seq: 2 });
          expect((await streams.getMessage(EVENT_STREAM, { seq: 2 }))?.header.get('Pl-First')).toBe('3');
          expect(messages.state.messages).toBe(subjects ? 3 : 0);
          await connection.close();
          if (subjects) expect((await read(server.url)).map(({ position }) => position)).toEqual([3, 4, 5]);
        }
        await bus.publish({ shard: 0, firstPosition: 6, lastPosition: 6, events: [eventAt(6)] });
        if (subjects) expect((await read(server.url)).map(({ position }) => position)).toEqual([3, 4, 5, 6]);
        await link.close();
      },
    );
  });
}

describeWith('nats:newest', 'a bus without subjects', () => {
  it('makes no stream for them', async () => {
    await using server = await startNats({ flavour: 'newest' });
    const link = new NatsLink({ url: server.url, name: 'relay' });
    await new JetStreamBus({ link }).publish({ shard: 0, firstPosition: 0, lastPosition: 0, events: plain(0, 0) });
    const manager = await jetstreamManager(await link.connection(2_000));
    await expect(manager.streams.info(SUBJECT_STREAM)).rejects.toThrow();
    await link.close();
  });
});
