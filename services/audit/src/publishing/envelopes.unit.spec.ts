// SPDX-License-Identifier: Apache-2.0
import { MemoryEventLog, projectDeclared, sampleAppend } from '@plumbline/event-log/testing';
import { expect, it } from 'vitest';
import { envelopesOf } from './envelopes.js';

async function bodies(count: number, note = 'x'): Promise<Awaited<ReturnType<MemoryEventLog['readBodies']>>['bodies']> {
  const log = new MemoryEventLog();
  await log.append(
    sampleAppend('project-x', { events: Array.from({ length: count }, () => projectDeclared('x', note)) }),
  );
  return (await log.readBodies({ from: 0 })).bodies;
}

it('keeps a commit together while it fits', async () => {
  const [envelope, ...rest] = envelopesOf(await bodies(200));
  expect(rest).toEqual([]);
  expect(envelope).toMatchObject({ shard: 0, firstPosition: 0, lastPosition: 199 });
  expect(envelope?.events).toHaveLength(200);
});

it('cuts by count, and the same commit is always cut in the same places', async () => {
  const commit = await bodies(450);
  const cuts = envelopesOf(commit).map((envelope) => [envelope.firstPosition, envelope.lastPosition]);
  expect(cuts).toEqual([
    [0, 199],
    [200, 399],
    [400, 449],
  ]);
  expect(envelopesOf(commit)).toEqual(envelopesOf(commit));
});

it('cuts by bytes, and lets a large event go alone', async () => {
  const commit = await bodies(5, 'y'.repeat(1_000));
  const size = Buffer.byteLength(commit[0]?.body ?? '');
  const sizes = (bytes: number): number[] =>
    envelopesOf(commit, { events: 100, bytes }).map((envelope) => envelope.events.length);
  expect(sizes(size * 2 + 10)).toEqual([2, 2, 1]);
  expect(sizes(10)).toEqual([1, 1, 1, 1, 1]);
});

it('makes nothing of nothing', () => {
  expect(envelopesOf([])).toEqual([]);
});
