// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from 'vitest';
import type { EventBus, EventEnvelopeBatch } from '../bus.port.js';
import { batchOf, eventAt } from './batches.js';
import type { BatchHandler, RunningService } from './nest-service.js';

/** A bus and the way to run services on it. */
export interface BusUnderTest extends AsyncDisposable {
  readonly bus: EventBus;
  /** Starts a service of that name; resolves when it receives what is published from now on. */
  startService(name: string, ...handlers: readonly BatchHandler[]): Promise<RunningService>;
  /** Stops and starts the server in between; undefined where there is none. */
  readonly restartServer: (() => Promise<void>) | undefined;
}

const PATIENCE = { timeout: 60_000, interval: 10 } as const;
const positionsOf = (batches: readonly EventEnvelopeBatch[]): readonly number[] =>
  batches.flatMap((batch) => batch.events.map((event) => event.position));

/** Collects what arrives. */
function inbox(): {
  readonly batches: EventEnvelopeBatch[];
  readonly handler: BatchHandler;
  until(lastPosition: number): Promise<void>;
} {
  const batches: EventEnvelopeBatch[] = [];
  return {
    batches,
    handler: (batch) => void batches.push(batch),
    until: async (lastPosition) =>
      vi.waitFor(() => expect(batches.at(-1)?.lastPosition ?? -1).toBeGreaterThanOrEqual(lastPosition), PATIENCE),
  };
}

/** What every bus must do. A bus that skips this suite is not a bus. */
export function busContract(title: string, setUp: () => Promise<BusUnderTest>): void {
  describe(`bus contract: ${title}`, () => {
    it('delivers every batch to every service once, in order', async () => {
      await using subject = await setUp();
      const [policy, applier] = [inbox(), inbox()];
      await using _policy = await subject.startService('policy', policy.handler);
      await using _applier = await subject.startService('applier', applier.handler);
      for (let first = 0; first < 60; first += 3) await subject.bus.publish(batchOf(first, first + 2));
      await Promise.all([policy.until(59), applier.until(59)]);
      const all = Array.from({ length: 60 }, (_, position) => position);
      expect(positionsOf(policy.batches)).toEqual(all);
      expect(positionsOf(applier.batches)).toEqual(all);
    });

    it('carries encoded bytes: a receiver gets equal events that are not those of the sender', async () => {
      await using subject = await setUp();
      const [first, second] = [inbox(), inbox()];
      await using _one = await subject.startService('policy', first.handler);
      await using _two = await subject.startService('applier', second.handler);
      const sent = batchOf(0, 1);
      await subject.bus.publish(sent);
      await Promise.all([first.until(1), second.until(1)]);
      expect(first.batches[0]).toEqual(sent);
      expect(first.batches[0]?.events[0]).not.toBe(sent.events[0]);
    });

    it('brings an event of a newer writer through as it came', async () => {
      await using subject = await setUp();
      const received = inbox();
      await using _service = await subject.startService('policy', received.handler);
      const known = eventAt(0);
      const unknown = {
        ...known,
        type: 'Unknown',
        schemaVersion: 4,
        data: { originalType: 'OrbitReached', raw: { altitudeKm: 400 } },
      } as const;
      await subject.bus.publish({ shard: 0, firstPosition: 0, lastPosition: 0, events: [unknown] });
      await received.until(0);
      expect(received.batches[0]?.events[0]).toEqual(unknown);
    });

    it('publishes without waiting for any handler', async () => {
      await using subject = await setUp();
      const gate = Promise.withResolvers<void>();
      const received = inbox();
      await using _service = await subject.startService('policy', async (batch) => {
        await gate.promise;
        await received.handler(batch);
      });
      await subject.bus.publish(batchOf(0, 0));
      await subject.bus.publish(batchOf(1, 1));
      expect(received.batches).toEqual([]);
      gate.resolve();
      await received.until(1);
    });

    it('delivers again after a throw, keeps the order, and does not bother the other services', async () => {
      await using subject = await setUp();
      const attempts: number[] = [];
      const [failing, healthy] = [inbox(), inbox()];
      await using _failing = await subject.startService('policy', async (batch) => {
        attempts.push(batch.firstPosition);
        if (batch.firstPosition === 1 && attempts.filter((position) => position === 1).length < 3)
          throw new Error('not now');
        await failing.handler(batch);
      });
      await using _healthy = await subject.startService('applier', healthy.handler);
      for (let position = 0; position < 4; position += 1) await subject.bus.publish(batchOf(position, position));
      await Promise.all([failing.until(3), healthy.until(3)]);
      expect(attempts).toEqual([0, 1, 1, 1, 2, 3]);
      expect(positionsOf(failing.batches)).toEqual([0, 1, 2, 3]);
      expect(positionsOf(healthy.batches)).toEqual([0, 1, 2, 3]);
    });

    it('does not repeat a handler that was done because another one of the process threw', async () => {
      await using subject = await setUp();
      const done = inbox();
      const failing = inbox();
      let failures = 2;
      await using _service = await subject.startService('gateway', done.handler, (batch) => {
        failures -= 1;
        if (failures >= 0) throw new Error('not now');
        return failing.handler(batch);
      });
      await subject.bus.publish(batchOf(0, 0));
      await failing.until(0);
      await subject.bus.publish(batchOf(1, 1));
      await Promise.all([done.until(1), failing.until(1)]);
      expect(positionsOf(done.batches)).toEqual([0, 1]);
    });

    it('makes a repeated batch harmless to a receiver that drops by position', async () => {
      await using subject = await setUp();
      const received = inbox();
      const folded: number[] = [];
      await using _service = await subject.startService('policy', async (batch) => {
        await received.handler(batch);
        for (const event of batch.events) if (event.position === folded.length) folded.push(event.position);
      });
      await subject.bus.publish(batchOf(0, 2));
      await subject.bus.publish(batchOf(0, 2));
      await subject.bus.publish(batchOf(3, 4));
      await received.until(4);
      expect(folded).toEqual([0, 1, 2, 3, 4]);
    });

    it('lets the handler that runs finish when the service stops, and starts no other', async () => {
      await using subject = await setUp();
      const started = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      const finished: number[] = [];
      await using service = await subject.startService('policy', async (batch) => {
        started.resolve();
        await gate.promise;
        finished.push(batch.firstPosition);
      });
      await subject.bus.publish(batchOf(0, 0));
      await subject.bus.publish(batchOf(1, 1));
      await started.promise;
      const stopping = service.stop();
      gate.resolve();
      await stopping;
      expect(finished).toEqual([0]);
    });

    it('goes on after the server between was restarted, where there is one', async () => {
      await using subject = await setUp();
      const received = inbox();
      await using _service = await subject.startService('policy', received.handler);
      await subject.bus.publish(batchOf(0, 0));
      await received.until(0);
      await subject.restartServer?.();
      await vi.waitFor(async () => subject.bus.publish(batchOf(1, 1)), PATIENCE);
      await subject.bus.publish(batchOf(2, 2));
      await received.until(2);
      expect(positionsOf(received.batches)).toEqual([0, 1, 2]);
    }, 60_000);
  });
}
