// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { StreamName, systemClock, uuidv7 } from '@plumbline/core';
import type { AskedWork, PersonalData } from '@plumbline/event-log';
import { GrpcPersonalData, LogChannel } from '@plumbline/event-log/client';
import { inclusionProof, leafHash, verifyInclusion } from '@plumbline/merkle';
import { expect, it, vi } from 'vitest';
import { openAudit, type OpenedAudit, put, silent, tellStory, startAudit } from '../audit.fixture.js';
import { PersonErasure } from './person-erasure.js';
import { TOKEN } from '../testing/test-credentials.js';

const eve = { kind: 'user', id: 'token-eve', name: 'Eve' } as const;
const ada = { name: 'Ada Lovelace', email: 'ada@example.com' };

const asked = (waitMs = 20_000): AskedWork => ({ by: eve, requestId: uuidv7(Date.now()), waitMs });

async function observe(audit: OpenedAudit, digit: string): Promise<number> {
  const commit = {
    sha: digit.repeat(40),
    author: ada,
    committer: ada,
    coAuthors: [],
    message: 'change',
    authoredAt: '2026-01-01T00:00:00Z',
    committedAt: '2026-01-01T00:00:00Z',
  };
  return (
    await put(audit.log, StreamName.repository('shop'), 'RevisionObserved', {
      repository: 'shop',
      ref: 'main',
      revision: commit.sha,
      forced: false,
      commit,
    })
  ).lastPosition;
}

/** The erasure of the service with a rebuild that the test ends. */
function erasureOf(audit: OpenedAudit, rebuild: () => Promise<unknown>): PersonErasure {
  return new PersonErasure({
    log: audit.log,
    clock: systemClock,
    logger: silent,
    holdsOver: async (positions) => audit.holds.over(positions),
    rebuild,
  });
}

async function overTheDoor(audit: OpenedAudit): Promise<AsyncDisposable & { readonly persons: PersonalData }> {
  const channel = new LogChannel({
    url: audit.url,
    token: TOKEN,
    timeoutMs: 60_000,
  });
  return {
    persons: new GrpcPersonalData(channel),
    [Symbol.asyncDispose]: async () => Promise.resolve(channel.close()),
  };
}

it('is told in the log by who asked for it, once, and without a word about the person; proofs from before stay valid', async () => {
  await using audit = await openAudit({ personalKey: randomBytes(32) });
  await using door = await overTheDoor(audit);
  const position = await observe(audit, 'a');
  const tiles = audit.transparency.tree;
  const size = await audit.log.head();
  const { root } = (await audit.ask<{ root: Buffer }>('select root from ledger.head'))[0] ?? { root: Buffer.alloc(0) };
  const first = asked();
  const report = await door.persons.erase(' ADA@example.com', first);
  expect(report).toEqual({
    outcome: 'Erased',
    subject: expect.stringMatching(/^s[0-9a-f]{24}$/) as unknown,
    events: 1,
    erasedAt: expect.stringMatching(/Z$/) as unknown,
    position: 2,
  });
  // The same request again is told what became of it; another one that it was done before.
  expect(await door.persons.erase('ada@example.com', first)).toEqual(report);
  expect(await door.persons.erase('ada@example.com', asked())).toEqual({ ...report, outcome: 'AlreadyErased' });
  const { events } = await audit.log.read({ from: 0 });
  expect(events.slice(1)).toMatchObject([
    { type: 'PersonErasureRequested', actor: eve, data: { subject: report.subject } },
    {
      type: 'PersonErased',
      actor: { kind: 'system' },
      data: { subject: report.subject, events: 1, erasedAt: report.erasedAt },
      causationId: events[1]?.id,
      correlationId: first.requestId,
    },
  ]);
  expect(JSON.stringify([report, events])).not.toMatch(/ada@|Lovelace/i);
  const [{ body } = { body: '' }] = await audit.ask<{ body: string }>(
    `select body from ledger.event where pos = ${position}`,
  );
  expect(
    verifyInclusion({
      position,
      size,
      leaf: leafHash(body),
      root,
      proof: await inclusionProof(position, size, async (tile) => tiles.tile(tile)),
    }),
  ).toBe(true);
});

it('is refused for somebody that the log does not know, without saying who', async () => {
  await using audit = await openAudit({ personalKey: randomBytes(32) });
  await using door = await overTheDoor(audit);
  const refused: unknown = await door.persons.erase('nobody@example.com', asked()).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'PLB-3155' });
  expect(JSON.stringify([String(refused), refused])).not.toContain('nobody@');
  expect(await audit.log.head()).toBe(0);
});

it('is refused while a legal hold covers an event of the person, and not for a hold on others', async () => {
  await using audit = await openAudit({ personalKey: randomBytes(32) });
  const position = await observe(audit, 'a');
  await audit.holds.place({ id: 'other', from: position + 1, reason: 'asked by counsel' }, eve);
  await audit.holds.place({ id: 'case-7', from: 0, to: position + 1, reason: 'asked by counsel' }, eve);
  await expect(audit.persons.erase(ada.email, asked())).rejects.toMatchObject({
    code: 'PLB-4110',
    details: { holds: ['case-7'] },
  });
  expect(JSON.stringify((await audit.log.read({ from: 0 })).events)).toContain(ada.email);
  await audit.holds.lift('case-7', eve);
  expect(await audit.persons.erase(ada.email, asked())).toMatchObject({ outcome: 'Erased' });
});

it('goes on after the time to wait is over: pending until the views are built, unreadable in events at once', async () => {
  await using audit = await openAudit({ personalKey: randomBytes(32) });
  await observe(audit, 'a');
  const gate = Promise.withResolvers<void>();
  const persons = erasureOf(audit, () => gate.promise);
  const request = asked(0);
  await vi.waitFor(
    async () =>
      expect(await persons.erase(ada.email, request)).toMatchObject({
        outcome: 'Pending',
        erasedAt: expect.any(String) as unknown,
      }),
    { timeout: 60_000, interval: 10 },
  );
  expect(JSON.stringify((await audit.log.read({ from: 0 })).events)).not.toContain(ada.email);
  gate.resolve();
  expect(await persons.erase(ada.email, { ...request, waitMs: 20_000 })).toMatchObject({
    outcome: 'Erased',
    events: 1,
  });
});

const key = randomBytes(32);

it('is known at once to a process that only reads', async () => {
  await using audit = await openAudit({ personalKey: key });
  await observe(audit, 'a');
  const reader = await startAudit(audit.database.url, { personalKey: key });
  const read = async (): Promise<string> => JSON.stringify((await reader.log.read({ from: 0 })).events);
  try {
    expect(await read()).toContain(ada.email);
    expect(await audit.persons.erase(ada.email, asked())).toMatchObject({ outcome: 'Erased' });
    expect(await read()).not.toContain(ada.email);
    await expect(reader.persons.erase(ada.email, asked())).rejects.toMatchObject({ code: 'PLB-6002' });
  } finally {
    await reader.close();
  }
});

it('is finished by the next process that leads when the one that was asked died', async () => {
  await using audit = await openAudit({ personalKey: key });
  await tellStory(audit.log, 'web');
  await audit.projector.waitFor(await audit.log.head(), 20_000);
  const dying = erasureOf(audit, async () => Promise.reject(new Error('the process dies here')));
  await expect(dying.erase('dev@example.com', asked())).rejects.toThrow('dies here');
  expect(JSON.stringify(await audit.ask('select document from projection.document'))).toContain('dev@example.com');
  await audit.close();
  const next = await startAudit(audit.database.url, { personalKey: key });
  try {
    await vi.waitFor(
      async () => expect((await next.log.read({ from: 0 })).events.at(-1)).toMatchObject({ type: 'PersonErased' }),
      { timeout: 60_000, interval: 10 },
    );
    expect(JSON.stringify(await audit.ask('select document from projection.document'))).not.toContain(
      'dev@example.com',
    );
    expect(await next.persons.erase('dev@example.com', asked())).toMatchObject({ outcome: 'AlreadyErased' });
  } finally {
    await next.close();
  }
});
