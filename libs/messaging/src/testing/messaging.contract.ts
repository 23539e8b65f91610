// SPDX-License-Identifier: Apache-2.0
import { canonicalJson } from '@plumbline/core';
import { decodeEvent, type RecordedEvent } from '@plumbline/events';
import type { NoteSigner } from '@plumbline/merkle';
import { describe, expect, it, vi } from 'vitest';
import type { EventIntake } from '../event-intake.js';
import type { EventMessage, EventPublisher } from '../event-publisher.port.js';
import { Header } from '../groups/headers.js';
import type { DiscardReason } from '../groups/message-verifier.js';
import { eventAt, eventOf, groupOf, messagesOf, testLogKey } from './messages.js';
import { RecordingIntake } from './recording-intake.js';

/** A publisher and a transport that belong together. */
export interface MessagingUnderTest extends AsyncDisposable {
  readonly publisher: EventPublisher;
  /**
   * Attaches a consumer in a process of its own, as far as there are any; resolves when it gets what is published
   * from now on.
   */
  attach(intake: EventIntake): Promise<() => void>;
  /** Puts a message where those of the log are, as anybody who may publish can. */
  inject(message: EventMessage): Promise<void>;
  /** Why messages were discarded, in order. */
  readonly discarded: readonly DiscardReason[];
  /** Stops and starts the server in between; undefined where there is none. */
  readonly restartServer: (() => Promise<void>) | undefined;
}

const UNTIL = { timeout: 120_000, interval: 10 } as const;
const upTo = (last: number, first = 0): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

interface Fixture {
  readonly signer: NoteSigner;
  readonly setUp: (signer: NoteSigner) => Promise<MessagingUnderTest>;
}

function delivering({ signer, setUp }: Fixture): void {
  it('delivers every event once and in order to every consumer, as ranges without gaps', async () => {
    await using subject = await setUp(signer);
    const [policy, applier] = [new RecordingIntake(), new RecordingIntake()];
    await subject.attach(policy);
    await subject.attach(applier);
    for (let first = 0; first < 60; first += 3)
      await subject.publisher.publish(await messagesOf(first, first + 2, signer));
    for (const intake of [policy, applier]) {
      await vi.waitFor(() => expect(intake.positions).toEqual(upTo(59)), UNTIL);
      for (const [index, range] of intake.ranges.entries())
        expect(range.from).toBe(index === 0 ? 0 : intake.ranges[index - 1]?.next);
    }
    expect(subject.discarded).toEqual([]);
  });

  it('carries stored bytes: a consumer gets the event that the log has stored, and not an object of the publisher', async () => {
    await using subject = await setUp(signer);
    const intake = new RecordingIntake();
    await subject.attach(intake);
    const [first, newer] = [eventAt(0), eventOf(1, 'OrbitReached', { altitudeKm: 400 })];
    await subject.publisher.publish(await groupOf([first, newer], signer));
    await vi.waitFor(() => expect(intake.positions).toEqual([0, 1]), UNTIL);
    expect(intake.events).toEqual([first, newer].map((event) => decodeEvent(canonicalJson(event))));
    expect(intake.events[1]).toMatchObject({ type: 'Unknown', data: { originalType: 'OrbitReached' } });
  });

  it('delivers only the types that a consumer asks for, in ranges that cover the others', async () => {
    await using subject = await setUp(signer);
    const intake = new RecordingIntake(['TokenRevoked', 'ClusterRemoved']);
    await subject.attach(intake);
    const removed = (position: number): RecordedEvent => eventOf(position, 'ClusterRemoved', { name: 'eu-1' });
    await subject.publisher.publish(await groupOf([removed(0), eventAt(1), eventAt(2), removed(3)], signer));
    await subject.publisher.publish(await groupOf([eventAt(4)], signer));
    await subject.publisher.publish(await groupOf([removed(5)], signer));
    await vi.waitFor(() => expect(intake.positions).toEqual([0, 3, 5]), UNTIL);
    let next = 0;
    for (const range of intake.ranges) {
      expect(range.from).toBe(next);
      next = range.next;
    }
    expect(next).toBe(6);
  });

  it('hands over nothing in the turn of the publisher, and waits for no consumer', async () => {
    await using subject = await setUp(signer);
    const intake = new RecordingIntake();
    await subject.attach(intake);
    const published = subject.publisher.publish(await messagesOf(0, 0, signer));
    expect(intake.ranges).toEqual([]);
    await published;
    await vi.waitFor(() => expect(intake.positions).toEqual([0]), UNTIL);
  });

  it('ends the delivery to a consumer that detaches, and to no other', async () => {
    await using subject = await setUp(signer);
    const [leaving, staying] = [new RecordingIntake(), new RecordingIntake()];
    const detach = await subject.attach(leaving);
    await subject.attach(staying);
    await subject.publisher.publish(await messagesOf(0, 0, signer));
    await vi.waitFor(() => expect(leaving.positions).toEqual([0]), UNTIL);
    detach();
    await subject.publisher.publish(await messagesOf(1, 1, signer));
    await vi.waitFor(() => expect(staying.positions).toEqual([0, 1]), UNTIL);
    expect(leaving.positions).toEqual([0]);
  });

  it('asks a consumer to read the log for an event with sealed fields, and for one that cannot be decoded', async () => {
    await using subject = await setUp(signer);
    const intake = new RecordingIntake();
    await subject.attach(intake);
    const before = intake.checks;
    const sealed = { ...eventAt(1), actor: { kind: 'user', id: 'a', name: 'plumbline.personal.v1:s0:abc' } };
    const undecodable = { ...eventAt(3), actor: 'nobody' };
    const stored = [eventAt(0), sealed, eventAt(2), undecodable, eventAt(4)] as readonly RecordedEvent[];
    await subject.publisher.publish(await groupOf(stored, signer));
    await vi.waitFor(() => expect(intake.positions).toEqual([0, 2, 4]), UNTIL);
    expect(intake.checks - before).toBe(2);
    expect(subject.discarded).toEqual([]);
  });

  it('continues after the server in between was restarted, where there is one', async () => {
    await using subject = await setUp(signer);
    const intake = new RecordingIntake();
    await subject.attach(intake);
    await subject.publisher.publish(await messagesOf(0, 0, signer));
    await vi.waitFor(() => expect(intake.positions).toEqual([0]), UNTIL);
    await subject.restartServer?.();
    let next = 1;
    await vi.waitFor(async () => {
      const position = next;
      await subject.publisher.publish(await messagesOf(position, position, signer));
      next = position + 1;
      expect(intake.positions.length).toBeGreaterThan(1);
    }, UNTIL);
    const seen = intake.positions;
    expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b));
  }, 300_000);
}

function withHeader(message: EventMessage, name: string, value: string): EventMessage {
  return { ...message, id: `${message.id}-${name}-${value}`, headers: { ...message.headers, [name]: value } };
}

/**
 * Messages that are none of the log, after the events 0 to 3 were published as one group and 4 to 6 as another; the
 * reasons follow.
 */
async function attacks(
  signer: NoteSigner,
): Promise<readonly (readonly [what: string, message: EventMessage, reason: DiscardReason])[]> {
  const genuine = await messagesOf(0, 3, signer);
  const [, one] = genuine;
  const [other] = await groupOf([eventOf(4, 'VersionReleased', { application: 'default/web' })], testLogKey());
  const [far] = await messagesOf(1_000, 1_000, testLogKey());
  const [unsigned] = await messagesOf(7, 7, undefined);
  if (one === undefined || other === undefined || far === undefined || unsigned === undefined)
    throw new Error('no group');
  const body = Buffer.from(one.body.toString('utf8').replace('"shop"', '"evil"'));
  return [
    ['an event that another key has signed', other, 'forged'],
    ['an event without a signature', unsigned, 'forged'],
    ['an event beyond the head', far, 'beyond_head'],
    ['another text under genuine headers', { ...one, id: 'x1', body }, 'altered'],
    [
      'a genuine event under another type',
      { ...one, id: 'x2', subject: 'plumbline.events.TokenIssued._._._' },
      'altered',
    ],
    ['a genuine event with another revision', withHeader(one, Header.revision, '99'), 'altered'],
    ['a genuine event at another position', withHeader(one, Header.position, '2'), 'altered'],
    ['a group of another size', withHeader(one, Header.group, '0-4'), 'forged'],
    ['a genuine event again', { ...one, id: 'x3' }, 'replayed'],
    ['a position that is no number', withHeader(one, Header.position, '-1'), 'malformed'],
    ['a proof that is none', withHeader(one, Header.proof, 'abc'), 'malformed'],
    ['no headers at all', { ...one, id: 'x4', headers: {}, body: Buffer.from('garbage') }, 'malformed'],
  ];
}

function refusing({ signer, setUp }: Fixture): void {
  it('never hands over what the log has not recorded, says why, asks to read the log, and goes on with genuine events', async () => {
    await using subject = await setUp(signer);
    const intake = new RecordingIntake();
    await subject.attach(intake);
    await subject.publisher.publish(await messagesOf(0, 3, signer));
    await subject.publisher.publish(await messagesOf(4, 6, signer));
    await vi.waitFor(() => expect(intake.positions).toEqual(upTo(6)), UNTIL);
    const expected: DiscardReason[] = [];
    for (const [what, message, reason] of await attacks(signer)) {
      const checks = intake.checks;
      await subject.inject(message);
      expected.push(reason);
      await vi.waitFor(() => expect([what, ...subject.discarded]).toEqual([what, ...expected]), UNTIL);
      expect(intake.checks).toBeGreaterThan(checks);
    }
    expect(intake.positions).toEqual(upTo(6));
    await subject.publisher.publish(await messagesOf(7, 9, signer));
    await vi.waitFor(() => expect(intake.positions).toEqual(upTo(9)), UNTIL);
  }, 300_000);

  it('does not take a part of a group, or a group in another order, for the whole', async () => {
    await using subject = await setUp(signer);
    const intake = new RecordingIntake();
    await subject.attach(intake);
    const [zero, one, two, three] = await messagesOf(0, 3, signer);
    if (zero === undefined || one === undefined || two === undefined || three === undefined)
      throw new Error('no group');
    // Without 1, then 3 before 2: what is missing is not covered by any range.
    for (const message of [zero, three, two]) await subject.inject(message);
    await vi.waitFor(() => expect(subject.discarded).toEqual(['replayed']), UNTIL);
    await vi.waitFor(() => expect(intake.positions).toEqual([0, 3]), UNTIL);
    expect(intake.ranges.map(({ from, next }) => [from, next])).toEqual([
      [0, 1],
      [3, 4],
    ]);
    expect(intake.checks).toBeGreaterThan(0);
  });
}

/** What every pair of publisher and transport must do. One that skips this suite is none. */
export function messagingContract(title: string, setUp: Fixture['setUp']): void {
  const fixture = { signer: testLogKey(), setUp };
  describe(`messaging contract: ${title}`, () => {
    describe('delivery', () => delivering(fixture));
    describe('verification', () => refusing(fixture));
  });
}
