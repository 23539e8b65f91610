// SPDX-License-Identifier: Apache-2.0
import { uuidv7 } from '@plumbline/core';
import type { BodyPage, ReadOptions } from '@plumbline/event-log';
import { MemoryEventLog } from '@plumbline/event-log/testing';
import { tempDir } from '@plumbline/testkit';
import { expect, it, vi } from 'vitest';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';
import { commit, resources } from '../testing/story.fixture.js';

/** A log whose readers find the name of a person until that is erased. */
class ErasableLog extends MemoryEventLog {
  erased = false;
  failures = 0;

  override async readBodies(options: ReadOptions): Promise<BodyPage> {
    const page = await super.readBodies(options);
    if (!this.erased) return page;
    if (options.from === 0 && (this.failures -= 1) >= 0) throw new Error('the log is away for a moment');
    return {
      ...page,
      bodies: page.bodies.map(({ position, body }) => ({
        position,
        body: body.replaceAll(/Lovelace|ada@example\.com/g, '(erased)'),
      })),
    };
  }
}

async function told(gateway: GatewayUnderTest): Promise<string> {
  const client = clientOf(gateway);
  const [status, history] = [await client.status('web'), await client.history('web')];
  const streamed: unknown[] = [];
  const head = (await client.events()).head;
  for await (const event of client.follow({ after: -1, signal: AbortSignal.timeout(60_000) })) {
    streamed.push(event);
    if (event.position === head) break;
  }
  return JSON.stringify({ status, history, streamed });
}

const person = { name: 'Lovelace', email: 'ada@example.com' };

/** Appends two versions of the application that the person has worked on. */
async function appendVersions(gateway: GatewayUnderTest): Promise<void> {
  const digest = `sha256:${'0'.repeat(64)}`;
  for (const version of [1, 2]) {
    await gateway.append('VersionRendered', `version-default/web/${version}`, {
      application: 'default/web',
      environment: 'staging',
      version,
      repository: 'shop',
      revision: commit.sha,
      commit: { ...commit, author: version === 1 ? person : commit.author, coAuthors: [person] },
      inputDigest: digest,
      renderDigest: digest,
      sourcesDigest: digest,
      renderer: 'plain',
      objectCount: 1,
      createNamespace: true,
    });
  }
}

it('the gateway forgets a person that was erased, in what it answers from memory and in its streams, and loses nothing else', async () => {
  const log = new ErasableLog();
  await using gateway = await startGateway({ log });
  await clientOf(gateway).apply({ resources });
  await appendVersions(gateway);
  const before = await told(gateway);
  expect(before).toContain('Lovelace');
  const views = gateway.access.state;
  log.erased = true;
  log.failures = 2;
  await gateway.append('PersonErased', 'log-persons', {
    subject: 's0',
    erasedAt: '2026-11-20T09:30:00.000000Z',
    events: 2,
  });
  await vi.waitFor(() => expect(gateway.access.state).not.toBe(views), { timeout: 60_000, interval: 10 });
  const after = await told(gateway);
  expect(after).not.toMatch(/Lovelace|ada@/);
  const position = /"position":\d+/g;
  expect(
    after.replaceAll(position, '').startsWith(
      before
        .replaceAll(/Lovelace|ada@example\.com/g, '(erased)')
        .replaceAll(position, '')
        .slice(0, -2),
    ),
  ).toBe(true);
  // The new fold goes on.
  await clientOf(gateway).suspend('web');
  expect(await clientOf(gateway).application('web')).toMatchObject({ suspended: { by: expect.anything() as unknown } });
});

it('a snapshot that was written before a person was erased does not bring the person back', async () => {
  const log = new ErasableLog();
  await using dir = await tempDir('gateway');
  const source = { PLUMBLINE_DATA_DIR: dir.path };
  const memory = (gateway: GatewayUnderTest): string => JSON.stringify(gateway.access.state.snapshot());
  {
    await using gateway = await startGateway({ log, source });
    await clientOf(gateway).apply({ resources });
    await appendVersions(gateway);
    expect(memory(gateway)).toContain('Lovelace');
  }
  {
    // The snapshot is used while nobody is erased.
    await using gateway = await startGateway({ log, source });
    expect(gateway.logLines.join('')).toContain('restored from a snapshot');
    expect(memory(gateway)).toContain('Lovelace');
  }
  log.erased = true;
  await log.append({
    requestId: uuidv7(Date.now()),
    actor: { kind: 'service', id: 'audit', name: 'audit' },
    service: 'audit',
    items: [
      {
        stream: 'log-persons',
        expected: { type: 'any' },
        events: [{ type: 'PersonErased', data: { subject: 's0', erasedAt: '2026-11-20T09:30:00.000000Z', events: 2 } }],
      },
    ],
  });
  for (const start of ['the first start after the erasure', 'the next one']) {
    await using gateway = await startGateway({ log, source });
    expect(memory(gateway), start).not.toMatch(/Lovelace|ada@/);
    expect(gateway.access.state.views.get('application', 'default/web'), start).toBeDefined();
    expect(gateway.access.position, start).toBe((await log.head()) - 1);
  }
});
