// SPDX-License-Identifier: Apache-2.0
import { InProcessBus } from '@plumbline/messaging/in-process';
import { Digest, StreamName, uuidv7 } from '@plumbline/core';
import {
  applicationSpec,
  type EventData,
  eventOwners,
  type EventType,
  type NewEvent,
  repositorySpec,
} from '@plumbline/events';
import type { AppendResult, EventLog } from '@plumbline/event-log';
import { connectionConfig, migrateLedger, PostgresEventLog, type PostgresEventLogOptions } from './ledger/index.js';
import { ledgerTemplate } from './testing/test-log.js';
import type { Logger } from '@plumbline/platform';
import { type DatabaseTemplate, sharedDatabase, type TestDatabase } from '@plumbline/testkit';
import pg from 'pg';
import { type AuditOptions, AuditParts } from './audit-parts.js';
import { migrateProjection } from './read-models/migrate.js';

/** The schemas of log and projections. */
export const auditTemplate: DatabaseTemplate = {
  key: `audit-${ledgerTemplate.key}-projection-5`,
  prepare: async (url) => {
    await migrateLedger(url);
    await migrateProjection(url);
  },
};

/** A log that tells nobody. */
export const silent: Logger = {
  error: (): void => undefined,
  warn: (): void => undefined,
  info: (): void => undefined,
  debug: (): void => undefined,
  child: () => silent,
};

/** A real log on a fresh database with the tables of the projections, and connections to it. */
export interface LogAndPool extends AsyncDisposable {
  readonly log: PostgresEventLog;
  readonly pool: pg.Pool;
  readonly database: TestDatabase;
}

export async function openLogAndPool(options: Partial<PostgresEventLogOptions> = {}): Promise<LogAndPool> {
  const database = await sharedDatabase({ template: auditTemplate });
  const log = await PostgresEventLog.open({ url: database.url, migrate: false, ...options });
  await log.whenLeading();
  const pool = new pg.Pool({
    ...connectionConfig({ url: database.url, role: 'plumbline_writer', statementTimeoutMs: 60_000 }),
    max: 4,
  });
  pool.on('error', () => undefined);
  return {
    log,
    pool,
    database,
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await pool.end();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** The whole service, and what is under it. */
export interface OpenedAudit extends AsyncDisposable {
  readonly parts: AuditParts;
  readonly bus: InProcessBus;
  readonly database: TestDatabase;
  /** Rows of a statement, asked as the owner. */
  ask<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>;
}

/** The whole service on a fresh database. */
export async function openAudit(options: Partial<Pick<AuditOptions, 'personalKey'>> = {}): Promise<OpenedAudit> {
  const database = await sharedDatabase({ template: auditTemplate });
  const bus = new InProcessBus();
  const parts = await AuditParts.open({ logUrl: database.url, bus, logger: silent, ...options });
  await parts.log.whenLeading();
  return {
    parts,
    bus,
    database,
    ask: async <Row extends pg.QueryResultRow>(text: string) => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      try {
        return (await client.query<Row>(text)).rows;
      } finally {
        await client.end();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await parts.close();
      await bus.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Appends one event as the service that owns its type. */
export async function put<Type extends EventType>(
  log: EventLog,
  stream: string,
  type: Type,
  data: EventData<Type>,
  correlationId?: string,
): Promise<AppendResult> {
  const event = { type, data } as unknown as NewEvent;
  return log.append({
    requestId: uuidv7(Date.now()),
    actor:
      type === 'TokenIssued'
        ? { kind: 'user', id: 'token-ada', name: 'Ada' }
        : { kind: 'service', id: eventOwners[type], name: eventOwners[type] },
    service: eventOwners[type],
    ...(correlationId === undefined ? {} : { causationId: correlationId, correlationId }),
    items: [{ stream, expected: { type: 'any' }, events: [event] }],
  });
}

const digest = (text: string): string => Digest.of(text);
const person = { name: 'dev', email: 'dev@example.com' };

/** A commit of one application from declaration to a synced, drifting target: events of five services on many streams. */
export async function tellStory(log: EventLog, name: string, cluster = 'east'): Promise<void> {
  const application = `default/${name}`;
  const at = { application, environment: 'staging', cluster };
  const target = StreamName.target(`${application}/staging/${cluster}`);
  const sha = digest(name).slice(7, 47);
  const commit = {
    sha,
    author: person,
    committer: person,
    coAuthors: [],
    message: `change ${name}`,
    authoredAt: '2026-01-01T00:00:00Z',
    committedAt: '2026-01-01T00:00:00Z',
  };
  const correlationId = `way-of-${name}`;
  const changes = { counts: { Created: 1 }, digest: digest('changes'), inline: [], truncated: false };
  await put(log, StreamName.repository('shop'), 'RepositoryDeclared', {
    name: 'shop',
    labels: {},
    spec: repositorySpec.parse({ url: 'https://git.example.com/shop.git' }),
  });
  await put(log, StreamName.cluster(cluster), 'ClusterDeclared', {
    name: cluster,
    labels: { tier: 'staging' },
    spec: { simulated: {} },
  });
  const spec = applicationSpec.parse({
    repository: 'shop',
    environments: [{ name: 'staging', clusters: { names: [cluster] } }],
  });
  await put(log, StreamName.application(application), 'ApplicationDeclared', {
    application,
    labels: { text: 'nul \u0000 and line\nfeed' },
    spec,
  });
  await put(
    log,
    StreamName.repository('shop'),
    'RevisionObserved',
    { repository: 'shop', ref: 'main', revision: sha, forced: false, commit },
    correlationId,
  );
  await put(
    log,
    StreamName.version(application, 1),
    'VersionRendered',
    {
      application,
      environment: 'staging',
      version: 1,
      repository: 'shop',
      revision: sha,
      commit,
      inputDigest: digest('in'),
      renderDigest: digest('out'),
      sourcesDigest: digest('src'),
      renderer: 'plain',
      objectCount: 1,
      createNamespace: true,
    },
    correlationId,
  );
  await put(
    log,
    StreamName.version(application, 1),
    'VersionReleased',
    {
      application,
      environment: 'staging',
      version: 1,
      releaseId: 'r1',
      generation: 1,
      kind: 'Automatic',
      renderDigest: digest('out'),
      clusters: [cluster],
      approvals: [],
      keyId: 'k',
      signature: 's',
    },
    correlationId,
  );
  await put(
    log,
    target,
    'SyncStarted',
    {
      ...at,
      syncId: 's1',
      version: 1,
      releaseId: 'r1',
      generation: 1,
      renderDigest: digest('out'),
      cause: 'Release',
      inventoryDigest: digest('inv'),
      objectCount: 1,
    },
    correlationId,
  );
  await put(
    log,
    target,
    'SyncCompleted',
    {
      ...at,
      syncId: 's1',
      version: 1,
      renderDigest: digest('out'),
      cause: 'Release',
      result: 'Succeeded',
      reason: 'Succeeded',
      message: '',
      changes,
      inventoryDigest: digest('inv'),
      objectCount: 1,
      durationMs: 5,
      retryable: false,
    },
    correlationId,
  );
  await put(
    log,
    target,
    'DriftDetected',
    {
      ...at,
      objects: [{ key: 'apps/Deployment/web/shop', kind: 'Changed', fields: ['spec.replicas'], actors: ['kubectl'] }],
    },
    correlationId,
  );
}
