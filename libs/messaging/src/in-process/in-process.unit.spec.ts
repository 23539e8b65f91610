// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import type { DiscardReason } from '../groups/message-verifier.js';
import { messagesOf, messagingContract, RecordingIntake } from '../testing/index.js';
import { InProcessPublisher } from './in-process-publisher.js';
import { InProcessTransport } from './in-process-transport.js';

messagingContract('in process', async (signer) => {
  const publisher = new InProcessPublisher();
  const discarded: DiscardReason[] = [];
  const transport = new InProcessTransport({
    publisher,
    keys: [signer.key],
    onDiscarded: (_consumer, { reason }) => discarded.push(reason),
  });
  return {
    publisher,
    discarded,
    attach: async (intake) => transport.attach(intake),
    inject: async (message) => publisher.publish([message]),
    restartServer: undefined,
    [Symbol.asyncDispose]: async () => publisher.close(),
  };
});

it('delivers without signatures where the log has no key', async () => {
  const publisher = new InProcessPublisher();
  const intake = new RecordingIntake();
  new InProcessTransport({ publisher }).attach(intake);
  await publisher.publish(await messagesOf(0, 2, undefined));
  await vi.waitFor(() => expect(intake.positions).toEqual([0, 1, 2]), { timeout: 60_000 });
  expect(intake.ranges).toHaveLength(1);
});

it('is no longer connected when closed', async () => {
  const publisher = new InProcessPublisher();
  expect(publisher.connected).toBe(true);
  await publisher.close();
  expect(publisher.connected).toBe(false);
});
