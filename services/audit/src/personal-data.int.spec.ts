// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { Digest, StreamName, uuidv7 } from '@plumbline/core';
import type { ErasureReport } from '@plumbline/event-log';
import { leafHash } from '@plumbline/merkle';
import { sampleAppend } from '@plumbline/event-log/testing';
import { expect, it } from 'vitest';
import { openAudit, put, tellStory } from './audit.fixture.js';

const ada = { name: 'Ada Lovelace', email: 'ada@example.com' };
const bob = { name: 'Bob', email: 'bob@example.com' };

type Opened = Awaited<ReturnType<typeof openAudit>>;

async function observe(opened: Opened, sha: string): Promise<void> {
  const commit = {
    sha,
    author: ada,
    committer: bob,
    coAuthors: [ada],
    message: 'change',
    authoredAt: '2026-01-01T00:00:00Z',
    committedAt: '2026-01-01T00:00:00Z',
  };
  await put(opened.log, StreamName.repository('shop'), 'RevisionObserved', {
    repository: 'shop',
    ref: 'main',
    revision: sha,
    forced: false,
    commit,
  });
}

async function erase(opened: Opened, knownAs: string): Promise<ErasureReport> {
  return opened.persons.erase(knownAs, {
    by: { kind: 'user', id: 'token-eve', name: 'Eve' },
    requestId: uuidv7(Date.now()),
    waitMs: 20_000,
  });
}

async function stored(opened: Opened): Promise<readonly { readonly body: string; readonly leaf: Buffer }[]> {
  return opened.ask<{ body: string; leaf: Buffer }>('select body, leaf from ledger.event order by pos');
}

it('is not in the tables of the log, and readers see it as it was given', async () => {
  await using opened = await openAudit({ personalKey: randomBytes(32) });
  await tellStory(opened.log, 'web');
  await observe(opened, 'a'.repeat(40));
  const request = {
    ...sampleAppend('project-by-ada'),
    actor: { kind: 'user', id: 'token-ada', name: 'Ada Lovelace' },
  } as const;
  const appended = await opened.log.append(request);
  expect(appended.events.map(({ actor }) => actor)).toEqual([request.actor]);
  expect(JSON.stringify((await stored(opened)).map(({ body }) => body))).not.toMatch(/Lovelace|@example\.com/);
  const { events } = await opened.log.read({ from: 0 });
  expect(events.findLast((event) => event.type === 'RevisionObserved')?.data).toMatchObject({
    commit: { author: ada, committer: bob, coAuthors: [ada] },
  });
  expect(events.at(-1)?.actor).toEqual(request.actor);
  expect((await opened.log.readStream('project-by-ada'))[0]?.actor).toEqual(request.actor);
  await opened.projector.waitFor(await opened.log.head(), 20_000);
  expect(
    (await opened.queries.audit({ actor: 'token-ada' })).events.some((event) => event.actor.name === 'Ada Lovelace'),
  ).toBe(true);
  // A repeat is the same request, although it is sealed again.
  expect(await opened.log.append(request)).toEqual({ ...appended, duplicate: true });
});

it('takes names as long as they may be, which sealed are longer than that', async () => {
  await using opened = await openAudit({ personalKey: randomBytes(32) });
  const named = (name: string): ReturnType<typeof sampleAppend> => ({
    ...sampleAppend('project-by-somebody'),
    actor: { kind: 'user', id: 'token-somebody', name },
  });
  const name = '名'.repeat(300);
  await opened.log.append(named(name));
  expect((await opened.log.read({ from: 0 })).events.at(-1)?.actor.name).toBe(name);
  await expect(opened.log.append(named('名'.repeat(301)))).rejects.toMatchObject({ code: 'PLB-1150' });
});

it('is gone from events, views and search when a person is erased; hashes and root stay, others stay', async () => {
  await using opened = await openAudit({ personalKey: randomBytes(32) });
  await tellStory(opened.log, 'web');
  await observe(opened, 'b'.repeat(40));
  const before = { head: await opened.ask('select next_pos, root from ledger.head'), events: await stored(opened) };
  const report = await erase(opened, 'Ada@example.com');
  expect(report).toMatchObject({
    outcome: 'Erased',
    subject: expect.stringMatching(/^s[0-9a-f]{24}$/) as unknown,
    events: 1,
    erasedAt: expect.any(String) as unknown,
  });
  expect(await erase(opened, 'ada@example.com')).toEqual({ ...report, outcome: 'AlreadyErased' });
  const { events } = await opened.log.read({ from: 0 });
  const erased = { name: '(erased)', email: '(erased)' };
  expect(events.findLast((event) => event.type === 'RevisionObserved')?.data).toMatchObject({
    commit: { author: erased, committer: bob, coAuthors: [erased] },
  });
  expect((await stored(opened)).slice(0, before.events.length)).toEqual(before.events);
  const [{ root } = { root: undefined }] = await opened.ask<{ root: Buffer }>(
    `select root from ledger.commit where last_pos = ${before.events.length - 1}`,
  );
  expect(before.head).toMatchObject([{ root }]);
  for (const { body, leaf } of await stored(opened)) expect(leafHash(body).equals(leaf)).toBe(true);
  const shown = await opened.ask<{ all: string }>(
    "select (select coalesce(string_agg(document::text, ''), '') from projection.document) || (select coalesce(string_agg(actor_name, ''), '') from projection.audit_event) as all",
  );
  expect(shown[0]?.all).not.toContain('Lovelace');
  // Comes back: nothing of this person is kept.
  await observe(opened, 'c'.repeat(40));
  expect(JSON.stringify(await stored(opened))).not.toContain('Lovelace');
  expect((await opened.log.read({ from: 0 })).events.at(-1)?.data).toMatchObject({
    commit: { author: erased, committer: bob },
  });
});

it('is sealed in what tells of tokens and approvals too, and goes with the person', async () => {
  await using opened = await openAudit({ personalKey: randomBytes(32) });
  const { log } = opened;
  const grace = {
    id: 'token-grace',
    name: 'Grace Brewster Murray Hopper, \u4e2d'.padEnd(100, '\u4e2d'),
    email: 'Grace@example.com',
  };
  const digest = Digest.of('any');
  const at = { application: 'default/web', environment: 'production', version: 1, renderDigest: digest };
  await put(log, StreamName.access(grace.id), 'TokenIssued', {
    id: grace.id,
    name: grace.name,
    role: 'operator',
    hash: digest,
    emails: [grace.email, 'other@example.com'],
  });
  await put(log, StreamName.version('default/web', 1), 'ApprovalRequested', {
    ...at,
    required: 1,
    excluded: ['grace@example.com', 'ada@example.com'],
  });
  await put(log, StreamName.version('default/web', 1), 'ApprovalGranted', {
    ...at,
    approver: grace.id,
    approverName: grace.name,
    granted: 1,
    required: 1,
  });
  expect(JSON.stringify((await stored(opened)).map(({ body }) => body))).not.toMatch(/Hopper|@example\.com/i);
  const read = async (): Promise<readonly unknown[]> =>
    (await log.read({ from: 0, types: ['TokenIssued', 'ApprovalRequested', 'ApprovalGranted'] })).events.map(
      ({ data }) => data,
    );
  expect(await read()).toMatchObject([
    { name: grace.name, emails: [grace.email, 'other@example.com'] },
    { excluded: ['grace@example.com', 'ada@example.com'] },
    { approver: grace.id, approverName: grace.name },
  ]);
  expect(await erase(opened, grace.email)).toMatchObject({ outcome: 'Erased', events: 2 });
  expect(await read()).toMatchObject([
    { name: grace.name, emails: ['(erased)', 'other@example.com'] },
    { excluded: ['(erased)', 'ada@example.com'] },
    { approverName: grace.name },
  ]);
  expect(await erase(opened, grace.id)).toMatchObject({ outcome: 'Erased', events: 2 });
  expect(await read()).toMatchObject([
    { id: grace.id, name: '(erased)' },
    {},
    { approver: grace.id, approverName: '(erased)' },
  ]);
});

it('is stored as it is without the key, and events from before the key are read as they are', async () => {
  await using opened = await openAudit();
  await observe(opened, 'd'.repeat(40));
  expect((await stored(opened))[0]?.body).toContain('Ada Lovelace');
  await expect(erase(opened, 'ada@example.com')).rejects.toMatchObject({ code: 'PLB-4109' });
});
