// SPDX-License-Identifier: Apache-2.0
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import type { RecordedEvent } from '@plumbline/events';
import { expect, it, vi } from 'vitest';
import { Follower, type FollowerOptions } from './follower.js';
import { MemoryEventLog } from './memory/memory-event-log.js';
import { projectDeclared, sampleAppend } from './testing/sample-events.js';

/** A loaded machine may take its time; a wrong one never gets there. */
const eventually = async (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 10 });

const HOUR_MS = 3_600_000;

class Setting {
  readonly log = new MemoryEventLog();
  readonly positions: number[] = [];
  readonly calls: number[] = [];
  readonly errors: string[] = [];
  reads = 0;
  beforeRead: () => void | Promise<void> = () => undefined;
  beforeFold: (events: readonly RecordedEvent[]) => void | Promise<void> = () => undefined;

  async fill(count: number): Promise<void> {
    await this.log.append(
      sampleAppend('project-x', { events: Array.from({ length: count }, () => projectDeclared('x')) }),
    );
  }

  async batch(first: number, last: number): Promise<EventEnvelopeBatch> {
    const { events } = await this.log.read({ from: first, limit: last - first + 1 });
    return { shard: 0, firstPosition: first, lastPosition: last, events };
  }

  /** A follower that hears nothing unless told: its own polling is an hour away. */
  follow(options: Partial<FollowerOptions> = {}): Follower & AsyncDisposable {
    const follower = new Follower({
      log: {
        read: async (how) => {
          this.reads += 1;
          await this.beforeRead();
          return this.log.read(how);
        },
      },
      from: 0,
      onEvents: async (events) => {
        await this.beforeFold(events);
        this.calls.push(events.length);
        this.positions.push(...events.map((event) => event.position));
      },
      onError: (message) => this.errors.push(message),
      idlePollMs: HOUR_MS,
      firstRetryMs: 1,
      ...options,
    });
    return Object.assign(follower, { [Symbol.asyncDispose]: async () => follower.stop() });
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

it('hands over what is there, page by page, before it says that it has caught up', async () => {
  const setting = new Setting();
  await setting.fill(25);
  await using follower = setting.follow({ pageSize: 10 });
  await follower.start();
  expect(setting.positions).toEqual(upTo(25));
  expect(setting.calls).toEqual([10, 10, 5]);
  expect(follower.nextPosition).toBe(25);
});

it('starts in the middle when asked to', async () => {
  const setting = new Setting();
  await setting.fill(5);
  await using follower = setting.follow({ from: 3 });
  await follower.start();
  expect(setting.positions).toEqual([3, 4]);
});

it('catches up with an empty log at once', async () => {
  const setting = new Setting();
  await using follower = setting.follow();
  await follower.start();
  expect(follower.nextPosition).toBe(0);
});

it('lives on the batches of the bus without reading the log', async () => {
  const setting = new Setting();
  await using follower = setting.follow();
  await follower.start();
  const readsBefore = setting.reads;
  await setting.fill(6);
  follower.offer(await setting.batch(0, 2));
  follower.offer(await setting.batch(3, 5));
  await eventually(() => expect(setting.positions).toEqual(upTo(6)));
  expect(setting.reads).toBe(readsBefore);
});

it('drops repeats and takes the new part of a batch that overlaps', async () => {
  const setting = new Setting();
  await using follower = setting.follow();
  await follower.start();
  await setting.fill(6);
  for (const [first, last] of [
    [0, 3],
    [0, 3],
    [1, 2],
    [2, 5],
    [0, 5],
  ] as const)
    follower.offer(await setting.batch(first, last));
  await follower.whenProcessed(5);
  expect(setting.positions).toEqual(upTo(6));
});

it('refills from the log when a batch is missing', async () => {
  const setting = new Setting();
  await using follower = setting.follow();
  await follower.start();
  await setting.fill(9);
  follower.offer(await setting.batch(6, 8));
  await eventually(() => expect(setting.positions).toEqual(upTo(9)));
});

it('refills from the log when a batch has a hole', async () => {
  const setting = new Setting();
  await using follower = setting.follow();
  await follower.start();
  await setting.fill(3);
  const whole = await setting.batch(0, 2);
  follower.offer({ ...whole, events: whole.events.filter((event) => event.position !== 1) });
  await eventually(() => expect(setting.positions).toEqual(upTo(3)));
});

it('refills from the log when more batches came than it keeps', async () => {
  const setting = new Setting();
  await setting.fill(400);
  const gate = Promise.withResolvers<void>();
  setting.beforeRead = () => gate.promise;
  await using follower = setting.follow();
  const caughtUp = follower.start();
  for (let position = 0; position < 400; position += 1) follower.offer(await setting.batch(position, position));
  gate.resolve();
  await caughtUp;
  await follower.whenProcessed(399);
  expect(setting.positions).toEqual(upTo(400));
});

it('finds by itself what the bus never brought', async () => {
  const setting = new Setting();
  await using follower = setting.follow({ idlePollMs: 5 });
  await follower.start();
  await setting.fill(2);
  await eventually(() => expect(setting.positions).toEqual(upTo(2)));
});

it('does not lose a nudge that comes while a read is on its way', async () => {
  const setting = new Setting();
  await setting.fill(1);
  await using follower = setting.follow();
  // The page in hand was cut before the second append, and the nudge comes before it is folded.
  setting.beforeFold = async () => {
    if (setting.positions.length === 0) {
      await setting.fill(1);
      follower.nudge();
    }
  };
  await follower.start();
  await eventually(() => expect(setting.positions).toEqual([0, 1]));
});

it('tells when a position has been folded', async () => {
  const setting = new Setting();
  await using follower = setting.follow();
  await follower.start();
  await setting.fill(3);
  await follower.whenProcessed(2);
  expect(setting.positions).toEqual(upTo(3));
  await follower.whenProcessed(0);
});

it('gives the same events again after a fold that failed, and folds them once', async () => {
  const setting = new Setting();
  await setting.fill(3);
  let failures = 2;
  setting.beforeFold = () => {
    failures -= 1;
    if (failures >= 0) throw new Error('not yet');
  };
  await using follower = setting.follow();
  await follower.start();
  expect(setting.errors).toEqual(['not yet', 'not yet']);
  expect(setting.positions).toEqual(upTo(3));
});

it('waits between failures, however many batches come meanwhile', async () => {
  const setting = new Setting();
  await setting.fill(20);
  setting.beforeFold = () => {
    throw new Error('never');
  };
  await using follower = setting.follow({ firstRetryMs: HOUR_MS });
  const caughtUp = follower.start().catch(() => undefined);
  await eventually(() => expect(setting.errors).toHaveLength(1));
  for (let position = 0; position < 20; position += 1) follower.offer(await setting.batch(position, position));
  follower.nudge();
  await Promise.resolve();
  expect(setting.errors).toHaveLength(1);
  await follower.stop();
  await caughtUp;
});

it('goes on when the log was not reachable for a while', async () => {
  const setting = new Setting();
  await setting.fill(2);
  setting.beforeRead = () => {
    if (setting.reads < 3) throw new Error('connection refused');
  };
  await using follower = setting.follow();
  await follower.start();
  expect(setting.errors).toEqual(['connection refused', 'connection refused']);
  expect(setting.positions).toEqual([0, 1]);
});

it('says so when the log ends before what was folded', async () => {
  const setting = new Setting();
  await using follower = setting.follow({ from: 7 });
  void follower.start().catch(() => undefined);
  await eventually(() => expect(setting.errors[0]).toMatch(/the log ends at 0, but events up to 7 were folded/));
});

it('never folds two batches at once', async () => {
  const setting = new Setting();
  await setting.fill(30);
  let running = 0;
  setting.beforeFold = async () => {
    running += 1;
    expect(running).toBe(1);
    await Promise.resolve();
    running -= 1;
  };
  await using follower = setting.follow({ pageSize: 3 });
  const caughtUp = follower.start();
  follower.offer(await setting.batch(0, 9));
  follower.offer(await setting.batch(10, 29));
  await caughtUp;
  await follower.whenProcessed(29);
  expect(setting.errors).toEqual([]);
  expect(setting.positions).toEqual(upTo(30));
});

it('ends the waits of others when it is stopped', async () => {
  const setting = new Setting();
  setting.beforeRead = () => {
    throw new Error('down');
  };
  const follower = setting.follow({ firstRetryMs: HOUR_MS });
  const started = follower.start().catch((error: unknown) => error);
  const processed = follower.whenProcessed(5).catch((error: unknown) => error);
  await follower.stop();
  expect(await started).toMatchObject({ code: 'PLB-5103' });
  expect(await processed).toMatchObject({ code: 'PLB-5103' });
  await expect(follower.whenProcessed(5)).rejects.toMatchObject({ code: 'PLB-5103' });
});

it('can be stopped without having been started, and twice', async () => {
  const follower = new Setting().follow();
  await follower.stop();
  await follower.stop();
});
