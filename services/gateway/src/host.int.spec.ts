// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Module } from '@nestjs/common';
import { ApiError, PlumblineClient } from '@plumbline/api-client';
import { AuditModule } from '@plumbline/audit';
import { createLogger, startHost } from '@plumbline/platform';
import type { Host } from '@plumbline/platform';
import { sharedDatabase, tempDir } from '@plumbline/testkit';
import { describe, expect, it } from 'vitest';
import { GatewayModule } from './index.js';
import { resources } from './testing/story.fixture.js';

const silent = createLogger({ service: 'gateway', level: 'silent' });
const token = 'a service token of the test';

/** What the gateway answers from the audit service's views, in whichever shape they run. */
async function exercise(host: Host, tokenFile: string): Promise<void> {
  const client = new PlumblineClient({ server: host.endpoints.get('http') ?? '', token: (await readFile(tokenFile, 'utf8')).trim() });
  const { position } = await client.apply({ resources });
  // Read your writes, without saying so.
  expect((await client.clusters()).items.map(({ name }) => name)).toEqual(['eu-1', 'eu-2']);
  const first = await client.clusters({ limit: 1 });
  expect((await client.clusters({ limit: 1, cursor: first.cursor ?? '', minPosition: position })).items).toMatchObject([{ name: 'eu-2' }]);
  expect(await client.application('web')).toMatchObject({ id: 'default/web', summary: { sync: { reason: 'NotRenderedYet' } } });
  expect((await client.status('web', { minPosition: position })).position).toBeGreaterThanOrEqual(position);
  const refused: unknown = await client.cluster('none').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ApiError);
  expect(refused).toMatchObject({ code: 'PLB-3104', httpStatus: 404 });
  expect((await client.audit({ type: 'ClusterDeclared', order: 'asc' })).events).toMatchObject([{ data: { name: 'eu-1' } }, { data: { name: 'eu-2' } }]);
  await client.suspend('web', 'a reason');
  expect((await client.audit({ application: 'web', limit: 1 })).events).toMatchObject([{ type: 'ApplicationSuspended', actor: { id: 'bootstrap', name: 'admin' } }]);
  const following = client.follow({ after: position });
  expect((await following.next()).value).toMatchObject({ type: 'ApplicationSuspended', position: position + 1 });
  await following.return(undefined);
}

function gatewaySettings(tokenFile: string): Record<string, string> {
  return {
    PLUMBLINE_GATEWAY_LISTEN: '127.0.0.1:0', PLUMBLINE_GATEWAY_GRPC_LISTEN: '127.0.0.1:0', PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: tokenFile, PLUMBLINE_BUS_URL: 'inproc:',
  };
}

describe('the gateway in a real host', () => {
  it('runs in one process with the audit service, and stops cleanly', async () => {
    await using database = await sharedDatabase();
    await using dir = await tempDir('gateway');
    const tokenFile = path.join(dir.path, 'admin.token');
    @Module({ imports: [AuditModule, GatewayModule] })
    class Together {}
    const source = { ...gatewaySettings(tokenFile), PLUMBLINE_LOG_URL: database.url, PLUMBLINE_OBJECT_STORE_URL: database.url };
    const host = await startHost({ module: Together, name: 'standalone', source, logger: silent });
    expect(host.readiness.ready).toBe(true);
    expect(host.endpoints.get('grpc')).toMatch(/^grpc:\/\/127\.0\.0\.1:\d+$/);
    await exercise(host, tokenFile);
    expect(await host.stop()).toEqual([]);
  });

  it('runs as a process of its own, with the log behind its door', async () => {
    await using database = await sharedDatabase();
    await using dir = await tempDir('gateway');
    const tokenFile = path.join(dir.path, 'admin.token');
    const common = { PLUMBLINE_LOG_TOKEN: token, PLUMBLINE_OBJECT_STORE_URL: database.url };
    await using audit = await startHost({ module: AuditModule, name: 'audit', source: { ...common, PLUMBLINE_LOG_URL: database.url, PLUMBLINE_AUDIT_GRPC_LISTEN: '127.0.0.1:0' }, logger: silent });
    const source = { ...gatewaySettings(tokenFile), ...common, PLUMBLINE_LOG_URL: audit.endpoints.get('log') ?? '' };
    const gateway = await startHost({ module: GatewayModule, name: 'gateway', source, logger: silent });
    await exercise(gateway, tokenFile);
    expect(await gateway.stop()).toEqual([]);
  });
});
