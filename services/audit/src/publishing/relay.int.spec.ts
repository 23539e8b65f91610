// SPDX-License-Identifier: Apache-2.0
import type { EventBus, EventEnvelopeBatch } from '@plumbline/messaging';
import { UpstreamError } from '@plumbline/core';
import { projectDeclared, sampleAppend } from '@plumbline/event-log/testing';
import { expect, it, vi } from 'vitest';
import { type LogAndPool, openLogAndPool, silent } from '../audit.fixture.js';
import { RelayCursor } from './relay-cursor.js';
import { Relay } from './relay.js';

/** A loaded machine may take its time; a wrong one never gets there. */
const eventually = async (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 10 });

/** Records what is published; can be down. */
class RecordingBus implements EventBus {
  readonly published: EventEnvelopeBatch[] = [];
  connected = true;
  attempts = 0;

  async publish(batch: EventEnvelopeBatch): Promise<void> {
    this.attempts += 1;
    if (!this.connected) throw new UpstreamError('PLB-6010', 'the bus is down');
    this.published.push(batch);
  }

  async close(): Promise<void> {
    this.connected = false;
  }

  get positions(): number[] {
    return this.published.flatMap((batch) => batch.events.map((event) => event.position));
  }
}

function startRelay(test: LogAndPool, bus: EventBus): Relay & AsyncDisposable {
  const relay = new Relay({
    log: test.log,
    bus,
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

it('publishes each commit in order, cut at the borders of commits', async () => {
  await using test = await openLogAndPool();
  await test.log.append(sampleAppend('project-before'));
  const bus = new RecordingBus();
  await using _relay = startRelay(test, bus);
  await test.log.append(
    sampleAppend('project-big', { events: Array.from({ length: 250 }, () => projectDeclared('big')) }),
  );
  await test.log.append(sampleAppend('project-after'));
  await eventually(() => expect(bus.positions).toEqual(upTo(252)));
  expect(bus.published.map((batch) => [batch.firstPosition, batch.lastPosition])).toEqual([
    [0, 0],
    [1, 200],
    [201, 250],
    [251, 251],
  ]);
});

it('lets appends go on while the bus is down, and catches up when it is back', async () => {
  await using test = await openLogAndPool();
  const bus = new RecordingBus();
  await using _relay = startRelay(test, bus);
  await test.log.append(sampleAppend('project-up'));
  await eventually(() => expect(bus.positions).toEqual([0]));
  bus.connected = false;
  for (let index = 0; index < 5; index += 1) await test.log.append(sampleAppend('project-down'));
  await eventually(() => expect(bus.attempts).toBeGreaterThan(3));
  bus.connected = true;
  await eventually(() => expect(bus.positions).toEqual(upTo(6)));
});

it('goes on from its position after a stop', async () => {
  await using test = await openLogAndPool();
  const bus = new RecordingBus();
  const first = startRelay(test, bus);
  await test.log.append(sampleAppend('project-a'));
  await eventually(() => expect(bus.positions).toEqual([0]));
  await first.stop();
  await test.log.append(sampleAppend('project-b'));
  await using _second = startRelay(test, bus);
  await eventually(() => expect(bus.positions).toEqual([0, 1]));
});

it('repeats identical messages after a crash before its position was kept, and skips nothing', async () => {
  await using test = await openLogAndPool();
  const bus = new RecordingBus();
  const cursor = new RelayCursor(test.source);
  const forgetful = { load: async (): Promise<number> => cursor.load(), save: async (): Promise<void> => undefined };
  const crashed = new Relay({ log: test.log, bus, cursor: forgetful, logger: silent });
  crashed.start();
  await test.log.append(
    sampleAppend('project-big', { events: Array.from({ length: 210 }, () => projectDeclared('big')) }),
  );
  await test.log.append(sampleAppend('project-a'));
  await eventually(() => expect(bus.published).toHaveLength(3));
  await crashed.stop();
  await using _relay = startRelay(test, bus);
  await eventually(() => expect(bus.published).toHaveLength(6));
  expect(bus.published.slice(3)).toEqual(bus.published.slice(0, 3));
});
