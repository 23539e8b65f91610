// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import { batchOf, busContract, startNestService } from '../testing/index.js';
import { InProcessBus } from './in-process-bus.js';
import { InProcessServer } from './in-process-server.js';

busContract('in process', async () => {
  const bus = new InProcessBus();
  return {
    bus,
    restartServer: undefined,
    startService: async (_name, ...handlers) =>
      startNestService(new InProcessServer({ bus, firstDelayMs: 1, longestDelayMs: 5 }), ...handlers),
    [Symbol.asyncDispose]: async () => bus.close(),
  };
});

it('leaves out what a stuck subscriber has no room for, and counts it', async () => {
  const bus = new InProcessBus({ queueCapacity: 2 });
  const gate = Promise.withResolvers<void>();
  const received: number[] = [];
  await using _service = await startNestService(new InProcessServer({ bus }), async (batch) => {
    await gate.promise;
    received.push(batch.firstPosition);
  });
  for (let position = 0; position < 6; position += 1) await bus.publish(batchOf(position, position));
  expect(bus.dropped).toBeGreaterThanOrEqual(3);
  gate.resolve();
  await vi.waitFor(() => expect(received.length).toBe(6 - bus.dropped));
  await bus.close();
});

it('is no longer connected when closed', async () => {
  const bus = new InProcessBus();
  expect(bus.connected).toBe(true);
  await bus.close();
  expect(bus.connected).toBe(false);
});
