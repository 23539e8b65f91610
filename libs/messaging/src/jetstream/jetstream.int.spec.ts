// SPDX-License-Identifier: Apache-2.0
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { freePort, type NatsFlavour, type NatsServer, startNats } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import type { NoteSigner } from '@plumbline/merkle';
import { expect, it, vi } from 'vitest';
import type { EventMessage } from '../event-publisher.port.js';
import { Header } from '../groups/headers.js';
import type { DiscardReason } from '../groups/message-verifier.js';
import {
  eventOf,
  groupOf,
  messagesOf,
  messagingContract,
  type MessagingUnderTest,
  RecordingIntake,
  testLogKey,
} from '../testing/index.js';
import { EVENT_STREAM } from './event-stream.js';
import { JetStreamPublisher } from './jetstream-publisher.js';
import { JetStreamTransport } from './jetstream-transport.js';
import { NatsLink } from './nats-link.js';

const UNTIL = { timeout: 60_000, interval: 20 } as const;
const signer = testLogKey();
const upTo = (last: number, first = 0): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

async function withConnection<Result>(
  url: string,
  work: (connection: NatsConnection) => Promise<Result>,
): Promise<Result> {
  const connection = await connect({ servers: url });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

interface Publisher extends AsyncDisposable {
  readonly publisher: JetStreamPublisher;
  /** Publishes as the relay does: again until it is accepted. */
  publish(messages: readonly EventMessage[]): Promise<void>;
}

function publisherOn(url: string, key: NoteSigner = signer): Publisher {
  const link = new NatsLink({ url, name: 'relay' });
  // A message that is lost with the server is published again after this: time is what this tests
  const publisher = new JetStreamPublisher({ link, keys: [key.key], timeoutMs: 5_000 });
  return {
    publisher,
    publish: async (messages) => {
      for (let attempt = 1; ; attempt += 1) {
        const failure: unknown = await publisher.publish(messages).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure === undefined) return;
        expect(failure).toMatchObject({ code: 'PLB-6010', retry: 'after-delay' });
        if (attempt === 10) throw new Error('it is never accepted', { cause: failure });
      }
    },
    [Symbol.asyncDispose]: async () => link.close(),
  };
}

interface Read {
  readonly subject: string;
  readonly position: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Everything in the stream that fits a subject. */
async function read(url: string, filterSubject = 'plumbline.events.>'): Promise<readonly Read[]> {
  return withConnection(url, async (connection) => {
    const manager = await jetstreamManager(connection);
    const { name, num_pending: pending } = await manager.consumers.add(EVENT_STREAM, {
      filter_subject: filterSubject,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      inactive_threshold: 60e9,
    });
    if (pending === 0) return [];
    const found: Read[] = [];
    const consumer = await jetstream(connection).consumers.get(EVENT_STREAM, name);
    for await (const message of await consumer.fetch({ max_messages: pending, expires: 10_000 })) {
      const head = Object.fromEntries([...(message.headers ?? [])].map(([key, [value = '']]) => [key, value]));
      found.push({
        subject: message.subject,
        position: Number(head[Header.position]),
        headers: head,
        text: message.string(),
      });
    }
    return found;
  });
}

const positions = (found: readonly Read[]): readonly number[] => found.map(({ position }) => position);

async function inject(url: string, message: EventMessage): Promise<void> {
  await withConnection(url, async (connection) => {
    const head = headers();
    for (const [name, value] of Object.entries(message.headers)) head.set(name, value);
    await jetstream(connection).publish(message.subject, message.body, { headers: head, msgID: message.id });
  });
}

interface OnNats extends MessagingUnderTest {
  readonly server: NatsServer;
}

async function onNats(flavour: NatsFlavour, key: NoteSigner): Promise<OnNats> {
  const server = await startNats({ flavour });
  const stack = new AsyncDisposableStack();
  stack.use(server);
  const discarded: DiscardReason[] = [];
  const publisher = publisherOn(server.url, key);
  stack.use(publisher);
  // A service that starts before the first event finds the stream.
  await publisher.publisher.prepare();
  return {
    server,
    publisher: { trustedKeys: [key.key], connected: true, publish: publisher.publish, close: async () => undefined },
    discarded,
    attach: async (intake) => {
      const link = new NatsLink({ url: server.url, name: intake.consumer });
      stack.defer(async () => link.close());
      const transport = new JetStreamTransport({
        link,
        keys: [key.key],
        service: 'test',
        onDiscarded: (_consumer, { reason }) => discarded.push(reason),
      });
      stack.defer(async () => transport.close());
      const following = Promise.withResolvers<void>();
      transport.status.subscribe((status) => {
        if (status === 'connected') following.resolve();
      });
      const detach = transport.attach(intake);
      await following.promise;
      return detach;
    },
    inject: async (message) => inject(server.url, message),
    restartServer: async () => server.restart(),
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  };
}

for (const flavour of ['oldest', 'newest'] as const) {
  describeWith(`nats:${flavour}`, `JetStream on the ${flavour} nats-server`, () => {
    messagingContract(`JetStream, ${flavour}`, async (key) => onNats(flavour, key));

    it('has the stored bytes on a subject that says what the event is about, with its trace', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      const about = { application: 'shop/web.api', environment: 'production' };
      const messages = await groupOf(
        [eventOf(0, 'SyncStarted', about), eventOf(1, 'SyncCompleted', { ...about, application: 'default/*' })],
        signer,
      );
      await one.publish(messages);
      const [first] = await read(server.url, 'plumbline.events.SyncStarted.shop.>');
      expect(first).toMatchObject({ subject: 'plumbline.events.SyncStarted.shop.web%2Eapi.production', position: 0 });
      expect(first?.text).toBe(messages[0]?.body.toString('utf8'));
      const { correlationId } = JSON.parse(first?.text ?? '{}') as { correlationId: string };
      expect(first?.headers['traceparent']).toMatch(
        new RegExp(`^00-${correlationId.replaceAll('-', '')}-[0-9a-f]{16}-01$`),
      );
      expect(positions(await read(server.url, 'plumbline.events.*.default.%2A.production'))).toEqual([1]);
    });

    it('has every event once and in order, whoever publishes, and whatever is published again', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      await one.publish(await messagesOf(0, 4, signer));
      await one.publish(await messagesOf(0, 4, signer));
      await using two = publisherOn(server.url);
      await two.publish(await messagesOf(2, 9, signer));
      // The first one does not know that another has gone on; nothing of it is taken twice.
      await one.publish(await messagesOf(5, 9, signer));
      await one.publish(await messagesOf(8, 12, signer));
      const next = await messagesOf(13, 40, signer);
      await Promise.all([one.publish(next), two.publish(next)]);
      await server.restart();
      await two.publish(await messagesOf(30, 60, signer));
      expect(positions(await read(server.url))).toEqual(upTo(60));
    }, 120_000);

    it('has no hole when one publishes that does not know how far another has come', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      await using two = publisherOn(server.url);
      for (const [publisher, first, last] of [
        [one, 0, 4],
        [two, 5, 9],
        [one, 10, 12],
        [two, 13, 20],
      ] as const)
        await publisher.publish(await messagesOf(first, last, signer));
      expect(positions(await read(server.url))).toEqual(upTo(20));
    });

    it('has everything of more messages than are under way at once', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      await one.publish(await messagesOf(0, 2_499, signer));
      expect(positions(await read(server.url))).toEqual(upTo(2_499));
    });

    it('goes on after the server was away for longer than it keeps ids of messages', async () => {
      await using server = await startNats({ flavour });
      await withConnection(server.url, async (connection) => {
        // As the publisher makes it, but ids are kept for a short time.
        const { streams } = await jetstreamManager(connection);
        await streams.add({ name: EVENT_STREAM, subjects: ['plumbline.events.>'], duplicate_window: 200e6 });
      });
      await using one = publisherOn(server.url);
      await one.publish(await messagesOf(0, 4, signer));
      await new Promise((resolve) => setTimeout(resolve, 400)); // time is what this tests
      await server.restart();
      await one.publish(await messagesOf(5, 9, signer));
      await using two = publisherOn(server.url);
      await two.publish(await messagesOf(8, 12, signer));
      expect(positions(await read(server.url))).toEqual(upTo(12));
    });

    it('goes on in a new stream when the stream was lost, and so do the consumers', async () => {
      await using subject = await onNats(flavour, signer);
      const intake = new RecordingIntake();
      await subject.attach(intake);
      await subject.publisher.publish(await messagesOf(0, 4, signer));
      await vi.waitFor(() => expect(intake.positions).toEqual(upTo(4)), UNTIL);
      const checks = intake.checks;
      await withConnection(subject.server.url, async (connection) =>
        (await jetstreamManager(connection)).streams.delete(EVENT_STREAM),
      );
      await subject.publisher.publish(await messagesOf(5, 9, signer));
      expect(positions(await read(subject.server.url))).toEqual(upTo(9, 5));
      let next = 10;
      await vi.waitFor(async () => {
        const position = next;
        await subject.publisher.publish(await messagesOf(position, position, signer));
        next = position + 1;
        expect(intake.positions.length).toBeGreaterThan(5);
      }, UNTIL);
      expect(intake.checks).toBeGreaterThan(checks);
    }, 120_000);

    it('is published completely, whatever others have put into the stream', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      await one.publish(await messagesOf(0, 4, signer));
      const [far] = await messagesOf(1_000_000, 1_000_000, testLogKey());
      const [old] = await messagesOf(0, 4, signer);
      const [next] = await messagesOf(5, 5, testLogKey());
      if (far === undefined || old === undefined || next === undefined) throw new Error('no group');
      await inject(server.url, far);
      await one.publish(await messagesOf(5, 6, signer));
      await inject(server.url, { ...next, id: '7' });
      await using two = publisherOn(server.url);
      await two.publish(await messagesOf(7, 9, signer));
      await inject(server.url, { ...old, id: 'again' });
      await one.publish(await messagesOf(10, 12, signer));
      const genuine = (await read(server.url)).filter(
        ({ headers }) => headers['Nats-Expected-Last-Sequence'] !== undefined,
      );
      expect(positions(genuine)).toEqual(upTo(12));
    });

    it('rejects a stream of the same name that has another purpose, and leaves it as it is', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      await withConnection(server.url, async (connection) => {
        const manager = await jetstreamManager(connection);
        await manager.streams.add({ name: EVENT_STREAM, subjects: ['plumbline.events.>'], retention: 'workqueue' });
        await expect(one.publisher.publish(await messagesOf(0, 0, signer))).rejects.toMatchObject({ code: 'PLB-6011' });
        expect((await manager.streams.info(EVENT_STREAM)).config.retention).toBe('workqueue');
      });
    });

    it('names the setting of the server when an event is too large for it', async () => {
      await using server = await startNats({ flavour, config: 'max_payload: 4KB' });
      await using one = publisherOn(server.url);
      const [event] = [eventOf(0, 'RepositoryRecovered', { repository: 'r'.repeat(2_000) })];
      await expect(one.publisher.publish(await groupOf([event], signer))).rejects.toThrow(/max_payload/);
    });

    it('removes what earlier versions have published in clear when a person is erased', async () => {
      await using server = await startNats({ flavour });
      await using one = publisherOn(server.url);
      await withConnection(server.url, async (connection) => {
        const manager = await jetstreamManager(connection);
        await manager.streams.add({ name: 'PL_EV', subjects: ['pl.ev.>'] });
        await jetstream(connection).publish('pl.ev.0', 'Ada Lovelace');
        await one.publish(await groupOf([eventOf(0, 'PersonErased', { subject: 's0', events: 1 })], signer));
        expect((await manager.streams.info('PL_EV')).state.messages).toBe(0);
      });
    });
  });
}

it('says that NATS is not reachable, without the password of its URL', async () => {
  const link = new NatsLink({ url: `nats://relay:hunter2@127.0.0.1:${await freePort()}`, name: 'relay' });
  const publisher = new JetStreamPublisher({ link, keys: [signer.key], timeoutMs: 200 }); // time is what this tests
  expect(publisher.connected).toBe(false);
  const failure: unknown = await publisher.publish(await messagesOf(0, 0, signer)).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'PLB-6010', retry: 'after-delay' });
  expect(String(failure)).not.toContain('hunter2');
  await link.close();
});

it.each(['kafka://x:1', 'nats:', 'localhost:4222'])('rejects %s as an address', (url) => {
  expect(() => new NatsLink({ url, name: 'relay' })).toThrow(expect.objectContaining({ code: 'PLB-1910' }));
});
