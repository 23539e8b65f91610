// SPDX-License-Identifier: Apache-2.0
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { canonicalJson, Digest, uuidv7 } from '@plumbline/core';
import { generateSigningKeyPem, pemSigner } from '@plumbline/merkle';
import { type EventMessage, groupMessages, Header } from '@plumbline/messaging';
import { EVENT_STREAM } from '@plumbline/messaging/jetstream';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it } from 'vitest';
import { applicationResource, sampleFiles } from './fixture/samples.js';
import { startTestEnvironment, type TestEnvironment } from './fixture/test-environment.js';

const FORGED_TOKEN = 'plumb_forged_token_that_nobody_has_issued';
const consumers = ['gateway'] as const;

/** A client that may publish on the subjects of events: what a leaked NATS credential is good for. */
class Intruder implements AsyncDisposable {
  readonly #connection: NatsConnection;
  #sent = 0;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  async publish(message: Omit<EventMessage, 'id'>): Promise<void> {
    const head = headers();
    for (const [name, value] of Object.entries(message.headers)) head.set(name, value);
    this.#sent += 1;
    await jetstream(this.#connection).publish(message.subject, message.body, {
      headers: head,
      msgID: `intruder-${this.#sent}`,
    });
  }

  /** Every message of the stream. */
  async messages(): Promise<readonly EventMessage[]> {
    const { streams } = await jetstreamManager(this.#connection);
    const { state } = await streams.info(EVENT_STREAM);
    const found: EventMessage[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
      const message = await streams.getMessage(EVENT_STREAM, { seq });
      if (message === null) continue;
      const own = [...message.header].filter(([name]) => !name.startsWith('Nats-'));
      found.push({
        subject: message.subject,
        position: Number(message.header.get(Header.position)),
        id: '',
        headers: Object.fromEntries(own.map(([name, [value = '']]) => [name, value])),
        body: Buffer.from(message.data),
      });
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.drain();
  }
}

/** The events that would be worth forging, as the log would store them at these positions. */
function forgeries(
  from: number,
  renderDigest: string,
): readonly { readonly position: number; readonly body: string }[] {
  const time = new Date().toISOString();
  const target = { application: 'default/web', environment: 'staging', version: 1, renderDigest };
  const events: readonly (readonly [service: string, stream: string, type: string, data: object])[] = [
    [
      'gateway',
      'access-forged',
      'TokenIssued',
      { id: 'forged', name: 'eve', role: 'admin', hash: Digest.of(FORGED_TOKEN), emails: [] },
    ],
    ['gateway', 'application-default/web', 'ApprovalSubmitted', { ...target, verdict: 'Approve' }],
    [
      'policy',
      'application-default/web',
      'VersionReleased',
      {
        ...target,
        version: 7,
        releaseId: uuidv7(Date.now()),
        generation: 99,
        kind: 'Approved',
        clusters: ['east'],
        approvals: [],
        keyId: 'forged',
        signature: 'forged',
      },
    ],
    ['gateway', 'application-default/web', 'ApplicationRemoved', { application: 'default/web', mode: 'Delete' }],
  ];
  return events.map(([service, stream, type, data], index) => ({
    position: from + index,
    body: canonicalJson({
      id: uuidv7(Date.now()),
      type,
      schemaVersion: 1,
      stream,
      revision: 1_000 + index,
      position: from + index,
      occurredAt: time,
      recordedAt: time,
      actor: { kind: service === 'gateway' ? 'user' : 'service', id: service, name: service },
      causationId: uuidv7(Date.now()),
      correlationId: uuidv7(Date.now()),
      data,
    }),
  }));
}

/** Messages discarded by each service, for one reason or for all. */
async function discarded({ topology }: TestEnvironment, service: string): Promise<ReadonlyMap<string, number>> {
  const text = await topology.services.find(({ name }) => name === service)?.metrics();
  const found = new Map<string, number>();
  for (const [, reason = '', value = ''] of (text ?? '').matchAll(
    /^plumbline_messaging_discarded_total\{[^}]*reason="([a-z_]+)"[^}]*\} (\d+)/gm,
  ))
    found.set(reason, (found.get(reason) ?? 0) + Number(value));
  return found;
}

async function attack(intruder: Intruder, fixture: TestEnvironment, renderDigest: string): Promise<void> {
  const genuine = await intruder.messages();
  const [early, ...rest] = genuine;
  const group = rest.find(({ headers: head }) => /^(\d+)-(?!\1$)/.test(head[Header.group] ?? ''));
  if (early === undefined) throw new Error('the stream is empty');
  const eve = pemSigner(generateSigningKeyPem(), 'log.example/forged');
  const head = fixture.topology.observer.head + 1;
  // Right behind the last event, where a consumer waits for the next one: by another key, without any, and beyond the
  // head.
  for (const signer of [eve, undefined])
    for (const message of await groupMessages(forgeries(head, renderDigest), signer)) await intruder.publish(message);
  for (const message of await groupMessages(forgeries(head + 10_000, renderDigest), eve))
    await intruder.publish(message);
  // Another text under headers of the log.
  for (const { position, body } of forgeries(early.position, renderDigest))
    await intruder.publish({ ...early, position, body: Buffer.from(body) });
  // What the log has recorded, again, in another order, and only a part of a group.
  for (const message of genuine.toReversed().slice(0, 20)) await intruder.publish(message);
  if (group !== undefined) await intruder.publish(group);
  await intruder.publish({ ...early, headers: {}, body: Buffer.from('garbage') });
  await intruder.publish({ ...early, headers: { ...early.headers, [Header.position]: '-1' } });
}

describeWith(['postgres:embedded18', 'git', 'nats:newest'], 'an event that the log did not record', () => {
  it('has no effect, whatever is published on NATS, and genuine events go on', async () => {
    await using fixture = await startTestEnvironment({ shape: 'distributed', clusters: 'simulated' });
    const { topology, repository, apply, healthy } = fixture;
    const { client, observer, natsUrl = '' } = topology;
    const source = await repository('web', sampleFiles('deploy', 'web', { greeting: 'one' }));
    await apply(applicationResource('web', { repository: 'web', path: 'deploy', namespace: 'web' }));
    const before = await healthy('web', { version: 1 });
    await observer.caughtUp();
    await using intruder = new Intruder(await connect({ servers: natsUrl }));
    await observer.until('every event is in the stream', async () =>
      (await intruder.messages()).at(-1)?.position === observer.head ? true : undefined,
    );
    await attack(intruder, fixture, Digest.of('forged'));
    for (const service of consumers) {
      await observer.until(`${service} has discarded the messages`, async () => {
        const counts = await discarded(fixture, service);
        // The gateway receives every type; the server delivers to the others only the types that they consume.
        const reasons = ['forged', 'altered', 'beyond_head', 'replayed', 'malformed'];
        return reasons.every((reason) => counts.has(reason)) ? true : undefined;
      });
      expect(await topology.services.find(({ name }) => name === service)?.metrics()).toMatch(
        /^plumbline_messaging_alarm(\{[^}]*\})? 1$/m,
      );
    }
    await expect(topology.clientWith(FORGED_TOKEN).status('web')).rejects.toMatchObject({ httpStatus: 401 });
    const after = (await client.status('web')).environments.find(({ name }) => name === 'staging');
    expect(after?.released).toEqual(before.released);
    await source.commit({ files: sampleFiles('deploy', 'web', { greeting: 'two' }) });
    await client.refresh('web');
    await healthy('web', { version: 2 });
    const page = await client.events({ types: ['ApplicationRemoved', 'ApprovalSubmitted'], after: -1, limit: 50 });
    expect(page.events).toEqual([]);
    await expect(topology.clientWith(FORGED_TOKEN).status('web')).rejects.toMatchObject({ httpStatus: 401 });
    await topology.processes.get('gateway')?.kill();
    await topology.processes.get('gateway')?.start();
    await expect(topology.clientWith(FORGED_TOKEN).status('web')).rejects.toMatchObject({ httpStatus: 401 });
  });
});
