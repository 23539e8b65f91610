// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { EVENT_LOG, type EventLog, LOG_QUERIES, type LogQueries } from '@plumbline/event-log';
import { GrpcEventLog, LogChannel } from '@plumbline/event-log/client';
import { sampleAppend } from '@plumbline/event-log/testing';
import { startHost } from '@plumbline/platform';
import { sharedDatabase } from '@plumbline/testkit';
import { expect, it, vi } from 'vitest';
import { silent } from './audit.fixture.js';
import { AuditModule } from './index.js';
import { SERVICES_KEY, TOKEN } from './testing/test-credentials.js';

const settings = (url: string): Record<string, string> => ({ PLUMBLINE_LOG_URL: url, PLUMBLINE_OBJECT_STORE_URL: url });

it('runs as a process of its own: door open, ready, and everything kept over a restart', async () => {
  await using database = await sharedDatabase();
  const source = {
    ...settings(database.url),
    PLUMBLINE_AUDIT_GRPC_LISTEN: '127.0.0.1:0',
    PLUMBLINE_LOG_SERVICES_KEY: SERVICES_KEY,
  };
  const request = sampleAppend('project-web');
  for (const duplicate of [false, true]) {
    await using host = await startHost({ module: AuditModule, name: 'audit', source, logger: silent });
    expect(host.readiness.ready).toBe(true);
    const channel = new LogChannel({ url: host.endpoints.get('log') ?? '', token: TOKEN });
    expect(await new GrpcEventLog(channel).append(request)).toMatchObject({ duplicate, firstPosition: 0 });
    channel.close();
    const scrape = async (): Promise<string> => (await fetch(`${host.endpoints.get('health') ?? ''}/metrics`)).text();
    await vi.waitFor(async () => expect(await scrape()).toMatch(/^plumbline_read_models_lag_events.* 0$/m), {
      timeout: 60_000,
      interval: 20,
    });
    const metrics = await scrape();
    expect(metrics).toMatch(/^plumbline_log_next_position.* 1$/m);
    if (!duplicate) {
      expect(metrics).toMatch(/^plumbline_log_appended_events_total.* 1$/m);
      expect(metrics).toMatch(/^plumbline_log_commit_seconds_count.* 1$/m);
    }
    expect(await host.stop()).toEqual([]);
  }
});

it('gives the log and its queries to the other modules of the process, to the last of their hooks', async () => {
  await using database = await sharedDatabase();
  const appended: number[] = [];
  @Module({
    imports: [AuditModule],
    providers: [
      {
        provide: 'LATE',
        inject: [EVENT_LOG, LOG_QUERIES],
        useFactory: (log: EventLog, queries: LogQueries) => ({
          onApplicationBootstrap: async (): Promise<void> => void (await queries.listView('project')),
          beforeApplicationShutdown: async (): Promise<void> =>
            void appended.push((await log.append(sampleAppend('project-late'))).firstPosition),
        }),
      },
    ],
  })
  class TogetherModule {}
  const host = await startHost({
    module: TogetherModule,
    name: 'standalone',
    source: settings(database.url),
    logger: silent,
  });
  expect(await host.stop()).toEqual([]);
  expect(appended).toEqual([0]);
});

it('does not open its door without a token', async () => {
  await using database = await sharedDatabase();
  const source = { ...settings(database.url), PLUMBLINE_AUDIT_GRPC_LISTEN: '127.0.0.1:0' };
  await expect(startHost({ module: AuditModule, name: 'audit', source, logger: silent })).rejects.toMatchObject({
    code: 'PLB-1159',
  });
});

it('says what is wrong with its database instead of starting half', async () => {
  const source = settings('postgres://me:s3cret@127.0.0.1:1/none');
  const error: unknown = await startHost({ module: AuditModule, name: 'audit', source, logger: silent }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'PLB-6003' });
  expect(String(error)).not.toContain('s3cret');
});
