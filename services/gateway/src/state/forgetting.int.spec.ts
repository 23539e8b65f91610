// SPDX-License-Identifier: Apache-2.0
import type { BodyPage, ReadOptions } from '@plumbline/event-log';
import { MemoryEventLog } from '@plumbline/event-log/testing';
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

it('the gateway forgets a person that was erased, in what it answers from memory and in its streams, and loses nothing else', async () => {
  const log = new ErasableLog();
  await using gateway = await startGateway({ log });
  await clientOf(gateway).apply({ resources });
  const person = { name: 'Lovelace', email: 'ada@example.com' };
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
