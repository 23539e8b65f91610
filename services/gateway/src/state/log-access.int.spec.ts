// SPDX-License-Identifier: Apache-2.0
import { uuidv7 } from '@plumbline/core';
import type { BodyPage, ReadOptions } from '@plumbline/event-log';
import { MemoryEventLog } from '@plumbline/event-log/testing';
import { projectSpec } from '@plumbline/events';
import { tempDir } from '@plumbline/testkit';
import { expect, it } from 'vitest';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';
import { resources } from '../testing/story.fixture.js';

/** A log that counts what is read from it, and can have texts that cannot be decoded. */
class ObservedLog extends MemoryEventLog {
  readonly positionsRead = new Set<number>();
  readonly broken = new Set<number>();

  override async readBodies(options: ReadOptions): Promise<BodyPage> {
    const page = await super.readBodies(options);
    const bodies = page.bodies.map(({ position, body }) => {
      this.positionsRead.add(position);
      return { position, body: this.broken.has(position) ? '{"type":' : body };
    });
    return { ...page, bodies };
  }
}

async function streamed(gateway: GatewayUnderTest, until: number): Promise<readonly number[]> {
  const positions: number[] = [];
  for await (const { position } of clientOf(gateway).follow({ after: -1, signal: AbortSignal.timeout(60_000) })) {
    positions.push(position);
    if (position >= until) break;
  }
  return positions;
}

/** Declares a project under the name, and returns the position. */
async function declare(gateway: GatewayUnderTest, name: string): Promise<number> {
  const data = { name, labels: {}, spec: projectSpec.parse({}) };
  return (await gateway.append('ProjectDeclared', `project-${name}`, data)).position;
}

it('costs the tail of the log to start, and streams what was before from the log', async () => {
  await using dir = await tempDir('gateway');
  const log = new ObservedLog();
  const source = { PLUMBLINE_DATA_DIR: dir.path };
  let before: string;
  let adminToken: string;
  {
    await using gateway = await startGateway({ log, source });
    ({ adminToken } = gateway);
    await clientOf(gateway).apply({ resources });
    before = JSON.stringify(gateway.access.state.snapshot());
  }
  const head = await log.head();
  expect(head).toBeGreaterThan(3);
  log.positionsRead.clear();
  await using gateway = await startGateway({ log, source });
  // The last event of the snapshot is compared with the log.
  expect([...log.positionsRead]).toEqual([head - 1]);
  expect(JSON.stringify(gateway.access.state.snapshot())).toBe(before);
  const client = clientOf(gateway, adminToken);
  await client.suspend('web');
  expect(await client.application('web')).toMatchObject({ suspended: { by: expect.anything() as unknown } });
  const all: number[] = [];
  const signal = AbortSignal.timeout(60_000);
  for await (const events of gateway.access.feed.batches({ after: -1, signal })) {
    all.push(...events.map(({ position }) => position));
    if ((all.at(-1) ?? -1) >= head) break;
  }
  expect(all).toEqual(Array.from({ length: head + 1 }, (_, position) => position));
});

it('streams every event, also of types that it does not consume, and leaves out what cannot be decoded', async () => {
  const log = new ObservedLog();
  const { lastPosition: broken } = await log.append({
    requestId: uuidv7(Date.now()),
    actor: { kind: 'user', id: 'u', name: 'Ada' },
    service: 'gateway',
    items: [
      {
        stream: 'project-broken',
        expected: { type: 'any' },
        events: [{ type: 'ProjectDeclared', data: { name: 'broken', labels: {}, spec: projectSpec.parse({}) } }],
      },
    ],
  });
  log.broken.add(broken);
  await using gateway = await startGateway({ log });
  await gateway.append('LegalHoldPlaced', 'log-holds', { hold: 'case-7', from: 0, reason: 'asked by counsel' });
  const last = await declare(gateway, 'other');
  const wanted = Array.from({ length: last + 1 }, (_, position) => position).filter((position) => position !== broken);
  expect(await streamed(gateway, last)).toEqual(wanted);
  expect(gateway.access.state.views.get('project', 'other')).toBeDefined();
});

it('answers a wait that takes too long with PLB-5703 and what it is behind with', async () => {
  await using gateway = await startGateway();
  const { position } = gateway.access;
  const waiting = gateway.access.folded(position + 10, { timeoutMs: 50 }); // time is what this tests
  await expect(waiting).rejects.toMatchObject({
    code: 'PLB-5703',
    message: expect.stringContaining(`at position ${position}`) as unknown,
    details: { consumer: 'gateway', position, wanted: position + 10 },
  });
});
