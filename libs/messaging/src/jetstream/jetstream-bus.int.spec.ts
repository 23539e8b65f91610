// SPDX-License-Identifier: Apache-2.0
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { type EventFilter, type RecordedEvent, wanted } from '@plumbline/events';
import { freePort, type NatsFlavour, type NatsServer, startNats } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it, vi } from 'vitest';
import type { EventEnvelopeBatch } from '../bus.port.js';
import { decodeBatch } from '../codec.js';
import {
  type BatchHandler,
  batchOf,
  busContract,
  type BusUnderTest,
  eventAt,
  type RunningService,
  startNestService,
} from '../testing/index.js';
import { EVENT_STREAM } from './event-stream.js';
import { mayHold } from './facet-headers.js';
import { JetStreamBus } from './jetstream-bus.js';
import { JetStreamServer, type JetStreamServerOptions } from './jetstream-server.js';
import { NatsLink } from './nats-link.js';

const PATIENCE = { timeout: 60_000, interval: 20 } as const;

interface OnNats extends BusUnderTest {
  readonly server: NatsServer;
  startTuned(
    options: Omit<JetStreamServerOptions, 'link'>,
    ...handlers: readonly BatchHandler[]
  ): Promise<RunningService>;
}

async function onNats(flavour: NatsFlavour, config = ''): Promise<OnNats> {
  const server = await startNats({ flavour, config });
  const links: NatsLink[] = [];
  const link = (name: string): NatsLink => {
    const made = new NatsLink({ url: server.url, name });
    links.push(made);
    return made;
  };
  const startTuned: OnNats['startTuned'] = async (options, ...handlers) =>
    startNestService(
      new JetStreamServer({ link: link(options.service), firstDelayMs: 10, longestDelayMs: 50, ...options }),
      ...handlers,
    );
  return {
    server,
    bus: new JetStreamBus({
      link: link('relay'),
      timeoutMs: 2_000 /* time is what this tests: the server goes away */,
    }),
    startTuned,
    startService: async (name, ...handlers) => startTuned({ service: name }, ...handlers),
    restartServer: async () => server.restart(),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(links.map(async (one) => one.close()));
      await server[Symbol.asyncDispose]();
    },
  };
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

/** What the guide tells readers to do: headers of all messages, bodies of those that may hold something. */
async function readFiltered(
  url: string,
  filter: EventFilter,
): Promise<{ readonly positions: readonly number[]; readonly fetched: number }> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    const { name, num_pending: pending } = await manager.consumers.add(EVENT_STREAM, {
      headers_only: true,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      inactive_threshold: 60e9,
    });
    const messages = await (
      await jetstream(connection).consumers.get(EVENT_STREAM, name)
    ).fetch({ max_messages: pending, expires: 10_000 });
    const positions: number[] = [];
    let fetched = 0;
    for await (const message of messages) {
      expect(message.data).toHaveLength(0);
      if (!mayHold((header) => message.headers?.get(header), filter)) continue;
      const whole = await manager.direct.getMessage(EVENT_STREAM, { seq: message.seq });
      fetched += 1;
      positions.push(
        ...decodeBatch(whole?.data ?? new Uint8Array())
          .events.filter((event) => wanted(event, filter))
          .map(({ position }) => position),
      );
    }
    return { positions, fetched };
  } finally {
    await connection.close();
  }
}

for (const flavour of ['oldest', 'newest'] as const) {
  describeWith(`nats:${flavour}`, `JetStream bus on the ${flavour} nats-server`, () => {
    busContract(`JetStream, ${flavour}`, async () => onNats(flavour));

    it('keeps a repeated batch only once', async () => {
      await using subject = await onNats(flavour);
      await subject.bus.publish(batchOf(0, 4));
      await subject.bus.publish(batchOf(0, 4));
      const connection = await connect({ servers: subject.server.url });
      const { state } = await (await jetstreamManager(connection)).streams.info(EVENT_STREAM);
      await connection.close();
      expect(state.messages).toBe(1);
    });

    it('says with each message which positions it has and where the one before ended', async () => {
      await using subject = await onNats(flavour);
      await subject.bus.publish(batchOf(5, 9));
      const connection = await connect({ servers: subject.server.url });
      const message = await (
        await jetstreamManager(connection)
      ).streams.getMessage(EVENT_STREAM, { last_by_subj: 'pl.ev.0' });
      await connection.close();
      const header = (name: string): string | undefined => message?.header.get(name);
      expect([header('Nats-Msg-Id'), header('Pl-First'), header('Pl-Last'), header('Pl-Prev')]).toEqual([
        '0:9',
        '5',
        '9',
        '4',
      ]);
    });

    it('lets a reader filter by the headers alone, and gives the same events as every other door', async () => {
      await using subject = await onNats(flavour);
      const all = [
        about(0, 'SyncStarted', { application: 'default/web', environment: 'staging', cluster: 'eu-1' }),
        about(1, 'SyncCompleted', { application: 'default/web', environment: 'staging', cluster: 'eu-1' }),
        about(2, 'SyncStarted', { application: 'shop/api', environment: 'production', cluster: 'eu-2' }, 'anna'),
        about(3, 'VersionReleased', { application: 'shop/api', environment: 'production', clusters: ['eu-1', 'eu-2'] }),
        about(4, 'ClusterRemoved', { name: 'eu-3' }, 'anna'),
      ];
      for (const events of [all.slice(0, 2), all.slice(2, 3), all.slice(3, 4), all.slice(4)]) {
        await subject.bus.publish({
          shard: 0,
          firstPosition: events[0]?.position ?? 0,
          lastPosition: events.at(-1)?.position ?? 0,
          events,
        });
      }
      for (const [filter, fetched] of [
        [{ types: ['SyncStarted'] }, 2],
        [{ types: ['SyncStarted'], application: 'shop/api' }, 1],
        [{ application: 'default/web' }, 1],
        [{ project: 'shop' }, 2],
        [{ environment: 'staging' }, 1],
        [{ cluster: 'eu-1' }, 2],
        [{ actor: 'anna' }, 2],
        [{ actor: 'anna', environment: 'production' }, 1],
        [{}, 4],
        [{ project: 'nowhere' }, 0],
      ] as const) {
        const found = await readFiltered(subject.server.url, filter);
        expect([JSON.stringify(filter), found.positions, found.fetched]).toEqual([
          JSON.stringify(filter),
          all.filter((event) => wanted(event, filter)).map(({ position }) => position),
          fetched,
        ]);
      }
    });

    it('makes a stream that was lost again and its consumers join in', async () => {
      await using subject = await onNats(flavour);
      const received: number[] = [];
      await using _service = await subject.startService('policy', (batch) => void received.push(batch.firstPosition));
      await subject.bus.publish(batchOf(0, 0));
      await vi.waitFor(() => expect(received).toEqual([0]), PATIENCE);
      const connection = await connect({ servers: subject.server.url });
      await (await jetstreamManager(connection)).streams.delete(EVENT_STREAM);
      await connection.close();
      // What is published before the consumer is back is what the log is for.
      let next = 1;
      await vi.waitFor(
        async () => {
          await subject.bus.publish(batchOf(next, next));
          next += 1;
          expect(received.length).toBeGreaterThan(1);
        },
        { timeout: 60_000, interval: 200 },
      );
    }, 60_000);

    it('refuses a stream of the same name that somebody else made, and leaves it as it is', async () => {
      await using subject = await onNats(flavour);
      const connection = await connect({ servers: subject.server.url });
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: EVENT_STREAM, subjects: ['pl.ev.>'], retention: 'workqueue' });
      await expect(subject.bus.publish(batchOf(0, 0))).rejects.toMatchObject({ code: 'PLB-6011' });
      expect((await manager.streams.info(EVENT_STREAM)).config.retention).toBe('workqueue');
      await connection.close();
    });

    it('does not deliver again while a handler takes longer than the wait for its answer', async () => {
      await using subject = await onNats(flavour);
      const starts: number[] = [];
      const ended: number[] = [];
      await using _service = await subject.startTuned(
        { service: 'applier', ackWaitMs: 600 },
        async (batch: EventEnvelopeBatch) => {
          starts.push(batch.firstPosition);
          // time is what this tests: five times as long as the server waits
          if (batch.firstPosition === 0) await new Promise((resolve) => setTimeout(resolve, 3_000));
          ended.push(batch.firstPosition);
        },
      );
      await subject.bus.publish(batchOf(0, 0));
      await subject.bus.publish(batchOf(1, 1));
      await vi.waitFor(() => expect(ended).toEqual([0, 1]), PATIENCE);
      expect(starts).toEqual([0, 1]);
    });

    it('brings what came while the service was away when it is back', async () => {
      await using subject = await onNats(flavour);
      const received: number[] = [];
      const handler: BatchHandler = (batch) => void received.push(batch.firstPosition);
      const service = await subject.startService('policy', handler);
      await subject.bus.publish(batchOf(0, 0));
      await vi.waitFor(() => expect(received).toEqual([0]), PATIENCE);
      await service.stop();
      await subject.bus.publish(batchOf(1, 1));
      await using _again = await subject.startService('policy', handler);
      await vi.waitFor(() => expect(received).toEqual([0, 1]), PATIENCE);
    });

    it('brings everything to each instance of a service', async () => {
      await using subject = await onNats(flavour);
      const [one, two]: [number[], number[]] = [[], []];
      await using _one = await subject.startTuned(
        { service: 'gateway', instance: 'gateway-0' },
        (batch) => void one.push(batch.firstPosition),
      );
      await using _two = await subject.startTuned(
        { service: 'gateway', instance: 'gateway-1' },
        (batch) => void two.push(batch.firstPosition),
      );
      for (let position = 0; position < 5; position += 1) await subject.bus.publish(batchOf(position, position));
      await vi.waitFor(
        () =>
          expect([one, two]).toEqual([
            [0, 1, 2, 3, 4],
            [0, 1, 2, 3, 4],
          ]),
        PATIENCE,
      );
    });

    it('sends a batch above the payload limit of the server in pieces', async () => {
      await using subject = await onNats(flavour, 'max_payload: 64KB');
      const received: number[] = [];
      await using _service = await subject.startService(
        'policy',
        (batch) => void received.push(...batch.events.map((event) => event.position)),
      );
      await subject.bus.publish(batchOf(0, 99, 'r'.repeat(2_000)));
      await vi.waitFor(() => expect(received.length).toBe(100), PATIENCE);
      expect(received).toEqual(Array.from({ length: 100 }, (_, position) => position));
    });

    it('logs in with the user and the password of the URL', async () => {
      await using subject = await onNats(flavour, 'authorization { user: relay, password: "p@ss:word" }');
      const url = subject.server.url.replace('nats://', 'nats://relay:p%40ss%3Aword@');
      const link = new NatsLink({ url, name: 'relay' });
      const bus = new JetStreamBus({ link, timeoutMs: 60_000 });
      await bus.publish(batchOf(0, 0));
      expect(bus.connected).toBe(true);
      await link.close();
      expect(bus.connected).toBe(false);
    });
  });
}

it('says that the bus is not reachable, without the password of its URL', async () => {
  const link = new NatsLink({ url: `nats://relay:hunter2@127.0.0.1:${await freePort()}`, name: 'relay' });
  // time is what this tests
  const bus = new JetStreamBus({ link, timeoutMs: 200 });
  expect(bus.connected).toBe(false);
  const failure: unknown = await bus.publish(batchOf(0, 0)).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'PLB-6010', retry: 'after-delay' });
  expect(String(failure)).not.toContain('hunter2');
  await link.close();
});

it.each(['kafka://x:1', 'nats:', 'localhost:4222'])('refuses %s as an address', (url) => {
  expect(() => new NatsLink({ url, name: 'relay' })).toThrow(expect.objectContaining({ code: 'PLB-1910' }));
});
