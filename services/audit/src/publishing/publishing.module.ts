// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { EVENT_BUS, type EventBus } from '@plumbline/messaging';
import { type Logger, LOGGER } from '@plumbline/platform';
import type { DataSource } from 'typeorm';
import { DERIVED } from '../database/database.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PostgresEventLog } from '../ledger/postgres-event-log.js';
import { RelayCursor } from './relay-cursor.js';
import { Relay } from './relay.js';

/** Publishes every commit of the log. */
@Module({
  imports: [LedgerModule],
  providers: [
    {
      provide: Relay,
      inject: [PostgresEventLog, EVENT_BUS, getDataSourceToken(DERIVED), LOGGER],
      useFactory: (log: PostgresEventLog, bus: EventBus, source: DataSource, logger: Logger): Relay =>
        new Relay({ log, bus, cursor: new RelayCursor(source), logger: logger.child({ role: 'audit' }) }),
    },
  ],
  exports: [Relay],
})
export class PublishingModule {}
