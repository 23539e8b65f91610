// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { InputError, UpstreamError } from '@plumbline/core';
import { projectDeclared, sampleAppend } from '@plumbline/event-log/testing';
import type { NoteSigner, VerifierKey } from '@plumbline/merkle';
import { type EventMessage, type EventPublisher, Header, MessageVerifier } from '@plumbline/messaging';
import { testLogKey } from '@plumbline/messaging/testing';
import { expect, it, vi } from 'vitest';
import { type LogAndPool, openLogAndPool, silent } from '../audit.fixture.js';
import { RelayCursor } from './relay-cursor.js';
import { Relay } from './relay.js';

const eventually = async (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 10 });
const signer = testLogKey();

/** Records what is published; can be down. */
class RecordingPublisher implements EventPublisher {
  readonly trustedKeys: readonly VerifierKey[] = [signer.key];
  readonly published: EventMessage[] = [];
  connected = true;
  attempts = 0;

  async publish(messages: readonly EventMessage[]): Promise<void> {
    this.attempts += 1;
    if (!this.connected) throw new UpstreamError('PLB-6010', 'NATS is down');
    this.published.push(...messages);
  }

  async close(): Promise<void> {
    this.connected = false;
  }

  get positions(): number[] {
    return this.published.map(({ position }) => position);
  }
}

function startRelay(test: LogAndPool, publisher: EventPublisher): Relay & AsyncDisposable {
  const relay = new Relay({
    log: test.log,
    publisher,
    signer,
    cursor: new RelayCursor(test.source),
    logger: silent,
    saveEveryMs: 20,
    firstPauseMs: 5,
    longestPauseMs: 20,
  });
  relay.start();
  return Object.assign(relay, { [Symbol.asyncDispose]: async () => relay.stop() });
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

it('publishes every event as it is stored, in order, with the signature of the log for each commit', async () => {
  await using test = await openLogAndPool();
  await test.log.append(sampleAppend('project-before'));
  const publisher = new RecordingPublisher();
  await using _relay = startRelay(test, publisher);
  await test.log.append(
    sampleAppend('project-big', { events: Array.from({ length: 250 }, () => projectDeclared('big')) }),
  );
  await test.log.append(sampleAppend('project-after'));
  await eventually(() => expect(publisher.positions).toEqual(upTo(252)));
  const groups = publisher.published.map(({ headers }) => headers[Header.group]);
  expect([...new Set(groups)]).toEqual(['0-0', '1-250', '251-251']);
  const { bodies } = await test.log.readBodies({ from: 0 });
  expect(publisher.published.map(({ body }) => body.toString('utf8'))).toEqual(bodies.map(({ body }) => body));
  const verifier = new MessageVerifier([signer.key]);
  for (const { subject, headers, body, position } of publisher.published)
    expect(verifier.check({ subject, header: (name) => headers[name], body })).toMatchObject({ position });
});

it('publishes sealed text as it is stored, not what a reader may see', async () => {
  await using test = await openLogAndPool({ personalKey: randomBytes(32) });
  const publisher = new RecordingPublisher();
  await using _relay = startRelay(test, publisher);
  await test.log.append(sampleAppend('project-by-ada'));
  await eventually(() => expect(publisher.positions).toEqual([0]));
  const [message] = publisher.published;
  expect(message?.body.toString('utf8')).not.toContain('Ada');
  const verifier = new MessageVerifier([signer.key]);
  expect(
    verifier.check({
      subject: message?.subject ?? '',
      header: (name) => message?.headers[name],
      body: message?.body ?? Buffer.alloc(0),
    }),
  ).toEqual({ position: 0, type: 'ProjectDeclared', event: undefined });
});

it.each([
  ['no key', undefined, /PLUMBLINE_LOG_SIGNING_KEY_FILE/],
  ['a key that consumers do not accept', testLogKey('log.test/other'), /PLUMBLINE_LOG_PUBLIC_KEY_FILE/],
] as const)(
  'does not start with %s where others can publish too',
  async (_what, other: NoteSigner | undefined, remedy) => {
    await using test = await openLogAndPool();
    const make = (): Relay =>
      new Relay({
        log: test.log,
        publisher: new RecordingPublisher(),
        signer: other,
        cursor: new RelayCursor(test.source),
        logger: silent,
      });
    expect(make).toThrow(InputError);
    expect(make).toThrow(remedy);
  },
);

it('lets appends go on while NATS is down, and catches up when it is back', async () => {
  await using test = await openLogAndPool();
  const publisher = new RecordingPublisher();
  await using _relay = startRelay(test, publisher);
  await test.log.append(sampleAppend('project-up'));
  await eventually(() => expect(publisher.positions).toEqual([0]));
  publisher.connected = false;
  for (let index = 0; index < 5; index += 1) await test.log.append(sampleAppend('project-down'));
  await eventually(() => expect(publisher.attempts).toBeGreaterThan(3));
  publisher.connected = true;
  await eventually(() => expect(publisher.positions).toEqual(upTo(6)));
});

it('continues from its position after a stop', async () => {
  await using test = await openLogAndPool();
  const publisher = new RecordingPublisher();
  const first = startRelay(test, publisher);
  await test.log.append(sampleAppend('project-a'));
  await eventually(() => expect(publisher.positions).toEqual([0]));
  await first.stop();
  await test.log.append(sampleAppend('project-b'));
  await using _second = startRelay(test, publisher);
  await eventually(() => expect(publisher.positions).toEqual([0, 1]));
});

it('repeats identical messages after a crash before its position was kept, also within a commit, and skips nothing', async () => {
  await using test = await openLogAndPool();
  const publisher = new RecordingPublisher();
  const cursor = new RelayCursor(test.source);
  const lost = { load: async (): Promise<number> => cursor.load(), save: async (): Promise<void> => undefined };
  const crashed = new Relay({ log: test.log, publisher, signer, cursor: lost, logger: silent });
  crashed.start();
  await test.log.append(
    sampleAppend('project-big', { events: Array.from({ length: 210 }, () => projectDeclared('big')) }),
  );
  await test.log.append(sampleAppend('project-a'));
  await eventually(() => expect(publisher.positions).toEqual(upTo(211)));
  await crashed.stop();
  const inside = { load: async (): Promise<number> => 100, save: async (): Promise<void> => undefined };
  const second = new Relay({ log: test.log, publisher, signer, cursor: inside, logger: silent });
  second.start();
  await eventually(() => expect(publisher.published).toHaveLength(211 + 111));
  await second.stop();
  expect(publisher.published.slice(211)).toEqual(publisher.published.slice(100, 211));
});
