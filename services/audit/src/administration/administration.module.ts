// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { Clock } from '@plumbline/core';
import {
  DELIVERY_CURSORS,
  type DeliveryCursors,
  LEGAL_HOLDS,
  PARKED_WORK,
  PERSONAL_DATA,
  WORK_LEASES,
  type WorkLeases,
} from '@plumbline/event-log';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import type { DataSource } from 'typeorm';
import { AUDIT_CONFIG, type AuditConfig } from '../audit.config.js';
import { DURABLE } from '../database/database.module.js';
import { ArchiveFiles } from '../ledger/index.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PostgresEventLog } from '../ledger/postgres-event-log.js';
import { Projector } from '../read-models/projector.js';
import { ReadModelsModule } from '../read-models/read-models.module.js';
import { Archiver } from './archiver.js';
import { PostgresDeliveryCursors } from './delivery-cursors.js';
import { PostgresLegalHolds } from './legal-holds.js';
import { PersonErasure } from './person-erasure.js';
import { RecordedParkedWork } from './recorded-parked-work.js';
import { PostgresWorkLeases } from './work-leases.js';
import { RetentionLoop } from './retention-loop.js';
import { RETENTION_CONFIG, type RetentionConfig } from '../ledger/archive/retention.config.js';

/** Injection token of the {@link RetentionLoop}; undefined when events never leave the database. */
export const RETENTION = Symbol('RETENTION');

function retention(
  log: PostgresEventLog,
  audit: AuditConfig,
  config: RetentionConfig,
  logger: Logger,
  clock: Clock,
): RetentionLoop | undefined {
  if (config.directory === undefined) return undefined;
  const archiver = new Archiver({ ownerUrl: audit.migrateUrl, files: new ArchiveFiles(config.directory), logger });
  return new RetentionLoop({ archiver, config, clock, leads: () => log.leads, logger });
}

/**
 * Log administration: legal holds, erasure of persons, retries of quarantined streams, retention, leases and delivery
 * cursors.
 */
@Module({
  imports: [LedgerModule, ReadModelsModule],
  providers: [
    {
      provide: PostgresLegalHolds,
      inject: [PostgresEventLog, getDataSourceToken(DURABLE), CLOCK],
      useFactory: (log: PostgresEventLog, source: DataSource, clock: Clock): PostgresLegalHolds =>
        new PostgresLegalHolds({ source, log, clock }),
    },
    {
      provide: RecordedParkedWork,
      inject: [PostgresEventLog, Projector],
      useFactory: (log: PostgresEventLog, projector: Projector): RecordedParkedWork =>
        new RecordedParkedWork({ log, projector }),
    },
    {
      provide: PersonErasure,
      inject: [PostgresEventLog, PostgresLegalHolds, Projector, LOGGER, CLOCK],
      useFactory: (
        log: PostgresEventLog,
        holds: PostgresLegalHolds,
        projector: Projector,
        logger: Logger,
        clock: Clock,
      ): PersonErasure =>
        new PersonErasure({
          log,
          clock,
          logger: logger.child({ role: 'audit' }),
          holdsOver: (positions) => holds.over(positions),
          rebuild: () => projector.rebuild(),
        }),
    },
    {
      provide: RETENTION,
      inject: [PostgresEventLog, AUDIT_CONFIG, RETENTION_CONFIG, LOGGER, CLOCK],
      useFactory: retention,
    },
    {
      provide: WORK_LEASES,
      inject: [getDataSourceToken(DURABLE)],
      useFactory: (source: DataSource): WorkLeases => new PostgresWorkLeases(source),
    },
    {
      provide: DELIVERY_CURSORS,
      inject: [getDataSourceToken(DURABLE)],
      useFactory: (source: DataSource): DeliveryCursors => new PostgresDeliveryCursors(source),
    },
    { provide: LEGAL_HOLDS, useExisting: PostgresLegalHolds },
    { provide: PARKED_WORK, useExisting: RecordedParkedWork },
    { provide: PERSONAL_DATA, useExisting: PersonErasure },
  ],
  exports: [
    RecordedParkedWork,
    PersonErasure,
    RETENTION,
    LEGAL_HOLDS,
    PARKED_WORK,
    PERSONAL_DATA,
    WORK_LEASES,
    DELIVERY_CURSORS,
  ],
})
export class AdministrationModule {}
