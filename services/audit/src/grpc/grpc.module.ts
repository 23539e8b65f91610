// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import {
  DELIVERY_CURSORS,
  type DeliveryCursors,
  LEGAL_HOLDS,
  type LegalHolds,
  LOG_TREE,
  type LogTree,
  PARKED_WORK,
  type ParkedWork,
  PERSONAL_DATA,
  type PersonalData,
  WORK_LEASES,
  type WorkLeases,
} from '@plumbline/event-log';
import type { Clock } from '@plumbline/core';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import { AdministrationModule } from '../administration/administration.module.js';
import { AUDIT_CONFIG, type AuditConfig } from '../audit.config.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PostgresEventLog } from '../ledger/postgres-event-log.js';
import { PostgresLogQueries } from '../read-models/postgres-log-queries.js';
import { ReadModelsModule } from '../read-models/read-models.module.js';
import { TransparencyModule } from '../transparency/transparency.module.js';
import { CallerCheck } from './caller-check.js';
import { LogServer } from './log-server.js';

/** Injection token of the {@link LogServer}; undefined when no address is configured. */
export const LOG_SERVER = Symbol('LOG_SERVER');

/** The gRPC endpoint of the log for the services of other processes. */
@Module({
  imports: [LedgerModule, ReadModelsModule, TransparencyModule, AdministrationModule],
  providers: [
    {
      provide: LOG_SERVER,
      inject: [
        AUDIT_CONFIG,
        PostgresEventLog,
        PostgresLogQueries,
        LOG_TREE,
        PARKED_WORK,
        LEGAL_HOLDS,
        PERSONAL_DATA,
        WORK_LEASES,
        DELIVERY_CURSORS,
        LOGGER,
        CLOCK,
      ],
      useFactory: (
        { grpc }: AuditConfig,
        log: PostgresEventLog,
        queries: PostgresLogQueries,
        tree: LogTree,
        parked: ParkedWork,
        holds: LegalHolds,
        persons: PersonalData,
        leases: WorkLeases,
        cursors: DeliveryCursors,
        logger: Logger,
        clock: Clock,
      ): LogServer | undefined =>
        grpc === undefined
          ? undefined
          : new LogServer({
              log,
              queries,
              tree,
              parked,
              holds,
              persons,
              leases,
              cursors,
              refusals: log.refusals,
              logger: logger.child({ role: 'audit' }),
              callers: new CallerCheck({ verifier: grpc.verifier, clock }),
              ...(grpc.tls === undefined ? {} : { tls: grpc.tls }),
            }),
    },
  ],
  exports: [LOG_SERVER],
})
export class GrpcModule {}
