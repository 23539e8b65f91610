// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { EVENT_PUBLISHER, type EventPublisher } from '@plumbline/messaging';
import { type Logger, LOGGER } from '@plumbline/platform';
import type { DataSource } from 'typeorm';
import { DERIVED } from '../database/database.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PostgresEventLog } from '../ledger/postgres-event-log.js';
import { TREE_CONFIG, type TreeConfig, treeConfigProvider } from '../transparency/tree.config.js';
import { RelayCursor } from './relay-cursor.js';
import { Relay } from './relay.js';

/** Publishes every commit of the log, signed by the key of the checkpoints. */
@Module({
  imports: [LedgerModule],
  providers: [
    treeConfigProvider,
    {
      provide: Relay,
      inject: [PostgresEventLog, EVENT_PUBLISHER, TREE_CONFIG, getDataSourceToken(DERIVED), LOGGER],
      useFactory: (
        log: PostgresEventLog,
        publisher: EventPublisher,
        { signer }: TreeConfig,
        source: DataSource,
        logger: Logger,
      ): Relay =>
        new Relay({ log, publisher, signer, cursor: new RelayCursor(source), logger: logger.child({ role: 'audit' }) }),
    },
  ],
  exports: [Relay],
})
export class PublishingModule {}
