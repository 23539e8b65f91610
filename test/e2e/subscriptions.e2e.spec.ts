// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer } from 'node:http';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { EventsFilter } from '@plumbline/api-client';
import { decodeEvent, type EventFilter, wanted } from '@plumbline/events';
import { Header } from '@plumbline/messaging';
import { EVENT_STREAM } from '@plumbline/messaging/jetstream';
import { startNats } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it } from 'vitest';
import { applicationResource, sampleFiles } from './fixture/samples.js';
import { type TestEnvironment, startTestEnvironment } from './fixture/test-environment.js';

const API = 'plumbline.dev/v1alpha1';
const SECRET = 'a secret of sixteen characters and more';

/** An endpoint of webhooks: the positions that came, by path. */
class Endpoint implements AsyncDisposable {
  readonly taken = new Map<string, number[]>();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const { position } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly position: number };
        this.taken.set(request.url ?? '', [...(this.taken.get(request.url ?? '') ?? []), position]);
        response.writeHead(204).end();
      });
  });

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/**
 * Positions of the messages on a subject that a reader outside of the installation keeps, and the last position of
 * the stream.
 */
async function onSubject(
  url: string,
  subject: string,
  filter: EventFilter = {},
): Promise<{ readonly positions: readonly number[]; readonly last: number }> {
  const connection = await connect({ servers: url });
  try {
    const manager = await jetstreamManager(connection);
    const end = await manager.streams.getMessage(EVENT_STREAM, { last_by_subj: 'plumbline.events.>' });
    const { name, num_pending: pending } = await manager.consumers.add(EVENT_STREAM, {
      filter_subject: subject,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
      inactive_threshold: 60e9,
    });
    const positions: number[] = [];
    if (pending > 0) {
      const consumer = await jetstream(connection).consumers.get(EVENT_STREAM, name);
      for await (const message of await consumer.fetch({ max_messages: pending, expires: 10_000 })) {
        const event = decodeEvent(message.string());
        if (wanted(event, filter)) positions.push(event.position);
      }
    }
    return { positions, last: Number(end?.header.get(Header.position)) };
  } finally {
    await connection.close();
  }
}

async function byPages(
  { topology: { client } }: TestEnvironment,
  filter: EventsFilter,
  last: number,
): Promise<readonly number[]> {
  const found: number[] = [];
  for (let after = -1, more = true; more;) {
    const page = await client.events({ ...filter, after, limit: 50, asOf: last });
    found.push(...page.events.map(({ position }) => position));
    more = page.after < page.head;
    ({ after } = page);
  }
  return found;
}

async function byStream(
  { topology: { client } }: TestEnvironment,
  filter: EventsFilter,
  count: number,
): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const { position } of client.follow({ ...filter, after: -1, signal: AbortSignal.timeout(60_000) }))
    if (found.push(position) >= count) break;
  return found;
}

describeWith(['postgres:embedded18', 'git', 'nats:newest'], 'the doors of the log', () => {
  it('let the same events through for the same filter, in order and none of them missing, also when processes die on the way', async () => {
    await using nats = await startNats({ flavour: 'newest' });
    await using endpoint = new Endpoint();
    const origin = await endpoint.open();
    await using fixture = await startTestEnvironment({
      shape: 'distributed',
      clusters: 'simulated',
      settings: {
        PLUMBLINE_NATS_URL: nats.url,
        PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS: origin,
        PLUMBLINE_CRED_DOORS: SECRET,
      },
    });
    const {
      topology: { client, observer, processes },
      repository,
      apply,
      healthy,
    } = fixture;
    const filters: readonly {
      readonly name: string;
      readonly filter: EventFilter & EventsFilter;
      readonly subject: string;
    }[] = [
      { name: 'types', filter: { types: ['SyncCompleted'] }, subject: 'plumbline.events.SyncCompleted.>' },
      { name: 'application', filter: { application: 'default/one' }, subject: 'plumbline.events.*.default.one.*' },
      { name: 'project', filter: { project: 'default' }, subject: 'plumbline.events.*.default.>' },
      { name: 'environment', filter: { environment: 'staging' }, subject: 'plumbline.events.*.*.*.staging' },
      {
        name: 'actor',
        filter: { actor: 'applier', types: ['HealthChanged'] },
        subject: 'plumbline.events.HealthChanged.>',
      },
      {
        name: 'cluster',
        filter: { cluster: 'east', types: ['SyncStarted'] },
        subject: 'plumbline.events.SyncStarted.>',
      },
    ];
    await apply(
      ...filters.map(({ name, filter }) => ({
        apiVersion: API,
        kind: 'Subscription',
        metadata: { name },
        spec: { url: `${origin}/${name}`, secretEnv: 'PLUMBLINE_CRED_DOORS', after: -1, filter },
      })),
    );
    for (const [index, name] of ['one', 'two'].entries()) {
      const source = await repository(name, sampleFiles('deploy', name, { greeting: 'one' }));
      await apply(applicationResource(name, { repository: name, path: 'deploy', namespace: name }));
      await healthy(name, { version: 1 });
      const victim = processes.get(index === 0 ? 'audit' : 'gateway');
      await victim?.kill();
      await victim?.start();
      await source.commit({ files: sampleFiles('deploy', name, { greeting: 'two' }) });
      await client.refresh(name);
      await healthy(name, { version: 2 });
    }
    const last = observer.head;
    await observer.until(`position ${last} on its subject`, async () =>
      (await onSubject(nats.url, 'plumbline.events.>')).last >= last ? true : undefined,
    );
    expect((await onSubject(nats.url, 'plumbline.events.>')).positions.slice(0, last + 1)).toEqual(
      Array.from({ length: last + 1 }, (_, position) => position),
    );
    for (const { name, filter, subject } of filters) {
      const expected = await byPages(fixture, filter, last);
      expect(expected.length, name).toBeGreaterThan(0);
      expect(await byStream(fixture, filter, expected.length), name).toEqual(expected);
      expect(
        (await onSubject(nats.url, subject, filter)).positions.filter((position) => position <= last),
        name,
      ).toEqual(expected);
      // At least once: what a gateway that died had not noted yet comes again.
      const delivered = await observer.until(`${name} at its endpoint`, () => {
        const taken = endpoint.taken.get(`/${name}`) ?? [];
        return expected.every((position) => taken.includes(position)) ? taken : undefined;
      });
      expect(
        [...new Set(delivered)].filter((position) => position <= last),
        name,
      ).toEqual(expected);
    }
  });
});
