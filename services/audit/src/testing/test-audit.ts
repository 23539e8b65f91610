// SPDX-License-Identifier: Apache-2.0
import 'reflect-metadata';
import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { metrics } from '@opentelemetry/api';
import { type Clock, systemClock } from '@plumbline/core';
import { EVENT_PUBLISHER } from '@plumbline/messaging';
import { InProcessPublisher } from '@plumbline/messaging/in-process';
import {
  CLOCK,
  CONFIG_SOURCE,
  Endpoints,
  ENDPOINTS,
  type Logger,
  LOGGER,
  METER,
  Readiness,
  READINESS,
} from '@plumbline/platform';
import { PostgresLegalHolds } from '../administration/legal-holds.js';
import { PersonErasure } from '../administration/person-erasure.js';
import { AUDIT_CONFIG, auditSchema, compileAuditConfig } from '../audit.config.js';
import { AuditModule } from '../audit.module.js';
import { LOG_SERVER } from '../grpc/grpc.module.js';
import type { LogServer } from '../grpc/log-server.js';
import { PostgresEventLog } from '../ledger/postgres-event-log.js';
import { Relay } from '../publishing/relay.js';
import { PostgresLogQueries } from '../read-models/postgres-log-queries.js';
import { Projector } from '../read-models/projector.js';
import { Transparency } from '../transparency/transparency.js';
import { TREE_CONFIG, type TreeConfig } from '../transparency/tree.config.js';
import { SERVICES_KEY } from './test-credentials.js';

/** A logger that discards its lines. */
export const silent: Logger = {
  error: (): void => undefined,
  warn: (): void => undefined,
  info: (): void => undefined,
  debug: (): void => undefined,
  child: () => silent,
};

/** How an audit service under test differs from the default. */
export interface AuditOptions {
  /** Settings of the process. */
  readonly source?: Readonly<Record<string, string>>;
  readonly tree?: TreeConfig;
  readonly publisher?: InProcessPublisher;
  readonly personalKey?: Uint8Array;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** The parts of the service, out of its Nest module. */
export interface ComposedAudit extends AsyncDisposable {
  readonly app: INestApplicationContext;
  readonly server: LogServer;
  readonly log: PostgresEventLog;
  readonly queries: PostgresLogQueries;
  readonly projector: Projector;
  readonly relay: Relay;
  readonly transparency: Transparency;
  readonly persons: PersonErasure;
  readonly holds: PostgresLegalHolds;
  readonly publisher: InProcessPublisher;
  /** URL of the gRPC endpoint, once it listens. */
  url(): string;
  close(): Promise<void>;
}

/** Composes the audit service over a database without starting it: benchmarks start its parts one by one. */
export async function composeAudit(databaseUrl: string, options: AuditOptions = {}): Promise<ComposedAudit> {
  const publisher = options.publisher ?? new InProcessPublisher();
  const endpoints = new Endpoints();
  const source = {
    PLUMBLINE_LOG_URL: databaseUrl,
    PLUMBLINE_LOG_SERVICES_KEY: SERVICES_KEY,
    PLUMBLINE_AUDIT_GRPC_LISTEN: '127.0.0.1:0',
    ...options.source,
  };
  const values = new Map<symbol, unknown>([
    [EVENT_PUBLISHER, publisher],
    [LOGGER, options.logger ?? silent],
    [CLOCK, options.clock ?? systemClock],
    [METER, metrics.getMeter('audit')],
    [READINESS, new Readiness()],
    [ENDPOINTS, endpoints],
    [CONFIG_SOURCE, source],
  ]);
  @Module({})
  class ProcessModule {}
  const process: DynamicModule = {
    module: ProcessModule,
    global: true,
    providers: [...values].map(([provide, useValue]) => ({ provide, useValue })),
    exports: [...values.keys()],
  };
  const builder = Test.createTestingModule({ imports: [process, AuditModule] });
  if (options.tree !== undefined) builder.overrideProvider(TREE_CONFIG).useValue(options.tree);
  if (options.personalKey !== undefined) {
    const config = compileAuditConfig(auditSchema.parse(source));
    builder.overrideProvider(AUDIT_CONFIG).useValue({ ...config, personalKey: options.personalKey });
  }
  const app = await builder.compile();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= app.close().then(() => publisher.close()));
  return {
    app,
    server: app.get<LogServer>(LOG_SERVER, { strict: false }),
    log: app.get(PostgresEventLog, { strict: false }),
    queries: app.get(PostgresLogQueries, { strict: false }),
    projector: app.get(Projector, { strict: false }),
    relay: app.get(Relay, { strict: false }),
    transparency: app.get(Transparency, { strict: false }),
    persons: app.get(PersonErasure, { strict: false }),
    holds: app.get(PostgresLegalHolds, { strict: false }),
    publisher,
    url: () => endpoints.get('log') ?? '',
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A running audit service with its gRPC endpoint on a free port. */
export interface RunningAudit extends Omit<ComposedAudit, 'url'> {
  /** URL of the gRPC endpoint. */
  readonly url: string;
}

/** Starts the audit service over a database, as a process does. */
export async function startAudit(databaseUrl: string, options: AuditOptions = {}): Promise<RunningAudit> {
  const audit = await composeAudit(databaseUrl, options);
  await audit.app.init();
  return { ...audit, url: audit.url() };
}
