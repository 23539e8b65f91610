// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { Clock } from '@plumbline/core';
import { LOG_QUERIES } from '@plumbline/event-log';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import type { DataSource } from 'typeorm';
import { poolOf } from '../database/data-source.js';
import { DERIVED, DURABLE } from '../database/database.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PostgresEventLog } from '../ledger/postgres-event-log.js';
import { PostgresLogQueries } from './postgres-log-queries.js';
import { ProjectionTables } from './projection-tables.js';
import { Projector } from './projector.js';

/** Folds the log into tables, and answers queries from them. */
@Module({
  imports: [LedgerModule],
  providers: [
    {
      provide: Projector,
      inject: [PostgresEventLog, getDataSourceToken(DERIVED), LOGGER, CLOCK],
      useFactory: (log: PostgresEventLog, source: DataSource, logger: Logger, clock: Clock): Projector =>
        new Projector({ log, tables: new ProjectionTables(source), logger: logger.child({ role: 'audit' }), clock }),
    },
    {
      provide: PostgresLogQueries,
      inject: [PostgresEventLog, getDataSourceToken(DURABLE), Projector],
      useFactory: (log: PostgresEventLog, source: DataSource, progress: Projector): PostgresLogQueries =>
        new PostgresLogQueries({ pool: poolOf(source), progress, log }),
    },
    { provide: LOG_QUERIES, useExisting: PostgresLogQueries },
  ],
  exports: [Projector, PostgresLogQueries, LOG_QUERIES],
})
export class ReadModelsModule {}
