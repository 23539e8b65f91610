// SPDX-License-Identifier: Apache-2.0
import { InProcessTransport } from '@plumbline/messaging/in-process';
import { RecordingIntake } from '@plumbline/messaging/testing';
import { GrpcEventLog, GrpcLogQueries, LogChannel } from '@plumbline/event-log/client';
import { sharedDatabase } from '@plumbline/testkit';
import { expect, it, vi } from 'vitest';
import { openAudit, tellStory, startAudit, TOKEN } from './audit.fixture.js';
import { connectAsServices } from './testing/test-credentials.js';

/** A loaded machine may take its time; a wrong one never gets there. */
const eventually = async (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 10 });

it('brings an event from a client over the door into the log, the views, the search and to consumers', async () => {
  await using audit = await openAudit();
  const intake = new RecordingIntake();
  new InProcessTransport({ publisher: audit.publisher }).attach(intake);
  const url = audit.url;
  const channel = new LogChannel({ url, token: TOKEN });
  const [log, queries] = [new GrpcEventLog(channel), new GrpcLogQueries(channel)];
  using services = connectAsServices(url);
  await tellStory(services.log, 'web');
  expect(await queries.getView('target', 'default/web/staging/east', await log.head())).toMatchObject({
    version: 1,
    sync: { state: 'OutOfSync' },
  });
  expect((await queries.listView('version')).documents).toHaveLength(1);
  expect((await queries.audit({ application: 'default/web', type: 'SyncCompleted' })).events).toMatchObject([
    { type: 'SyncCompleted', data: { result: 'Succeeded' } },
  ]);
  await eventually(() => expect(intake.positions).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]));
  channel.close();
});

it('sets up an empty database by itself, also when two processes start at once', async () => {
  await using database = await sharedDatabase();
  const [one, two] = await Promise.all([1, 2].map(async () => startAudit(database.url)));
  await Promise.race([one?.log.whenLeading(), two?.log.whenLeading()]);
  expect([one?.log.leads, two?.log.leads].filter(Boolean)).toHaveLength(1);
  await Promise.all([one?.close(), two?.close()]);
});

it('lets a process that does not lead answer from the views of the one that does', async () => {
  await using audit = await openAudit();
  const standby = await startAudit(audit.database.url);
  await tellStory(audit.log, 'web');
  expect(await standby.queries.getView('cluster', 'east', await audit.log.head())).toMatchObject({
    name: 'east',
  });
  expect(await standby.log.head()).toBe(9);
  await standby.close();
});
