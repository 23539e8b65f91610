// SPDX-License-Identifier: Apache-2.0
import { Digest, StreamName, uuidv7 } from '@plumbline/core';
import type { AppendResult, EventLog } from '@plumbline/event-log';
import {
  applicationSpec,
  type EventData,
  eventOwners,
  type EventType,
  type NewEvent,
  repositorySpec,
} from '@plumbline/events';
import { type DatabaseTemplate, sharedDatabase, type TestDatabase } from '@plumbline/testkit';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { administrationEntities } from './administration/entities.js';
import { ConsumerCursorEntity } from './database/consumer-cursor.entity.js';
import { openDataSource, poolOf } from './database/data-source.js';
import { migrateLedger, PostgresEventLog, type PostgresEventLogOptions } from './ledger/index.js';
import { readModelEntities } from './read-models/entities.js';
import { migrateProjection } from './read-models/migrate.js';
import { type AuditOptions, type RunningAudit, silent, startAudit } from './testing/test-audit.js';
import { ledgerTemplate } from './testing/test-log.js';
import { transparencyEntities } from './transparency/entities.js';

export { type RunningAudit, silent, startAudit } from './testing/test-audit.js';
export { TOKEN } from './testing/test-credentials.js';

/** The schemas of log and projections. */
export const auditTemplate: DatabaseTemplate = {
  key: `audit-${ledgerTemplate.key}-projection-5`,
  prepare: async (url) => {
    await migrateLedger(url);
    await migrateProjection(url);
  },
};

/** A data source with all entities of the service, as the writer role. */
export function openSource(url: string): Promise<DataSource> {
  return openDataSource({
    url,
    role: 'plumbline_writer',
    max: 4,
    entities: [ConsumerCursorEntity, ...readModelEntities, ...transparencyEntities, ...administrationEntities],
    logger: silent,
  });
}

/** A real log on a new database with the tables of the read models, and connections to it. */
export interface LogAndPool extends AsyncDisposable {
  readonly log: PostgresEventLog;
  readonly source: DataSource;
  readonly pool: pg.Pool;
  readonly database: TestDatabase;
}

export async function openLogAndPool(options: Partial<PostgresEventLogOptions> = {}): Promise<LogAndPool> {
  const database = await sharedDatabase({ template: auditTemplate });
  const log = await PostgresEventLog.open({ url: database.url, migrate: false, ...options });
  await log.whenLeading();
  const source = await openSource(database.url);
  return {
    log,
    source,
    pool: poolOf(source),
    database,
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await source.destroy();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** The whole service on a database of its own. */
export interface OpenedAudit extends RunningAudit {
  readonly database: TestDatabase;
  /** Rows of a statement, run as the owner. */
  ask<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>;
}

/** Starts the whole service on a new database, and waits until it leads. */
export async function openAudit(options: AuditOptions = {}): Promise<OpenedAudit> {
  const database = await sharedDatabase({ template: auditTemplate });
  const audit = await startAudit(database.url, options);
  await audit.log.whenLeading();
  return {
    ...audit,
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
      await audit.close();
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

/**
 * A commit of one application from declaration to a synced, drifting target: events of five services on many streams.
 */
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
