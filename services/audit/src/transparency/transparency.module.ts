// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { Clock } from '@plumbline/core';
import { LOG_TREE, type LogTree } from '@plumbline/event-log';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import type { DataSource } from 'typeorm';
import { DURABLE } from '../database/database.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { PostgresEventLog } from '../ledger/postgres-event-log.js';
import { Transparency } from './transparency.js';
import { TREE_CONFIG, type TreeConfig, treeConfigProvider } from './tree.config.js';

/** The signed Merkle tree of the log: tiles, checkpoints, cosigners, anchor. */
@Module({
  imports: [LedgerModule],
  providers: [
    treeConfigProvider,
    {
      provide: Transparency,
      inject: [PostgresEventLog, getDataSourceToken(DURABLE), TREE_CONFIG, LOGGER, CLOCK],
      useFactory: (
        log: PostgresEventLog,
        source: DataSource,
        config: TreeConfig,
        logger: Logger,
        clock: Clock,
      ): Transparency => new Transparency({ log, source, config, logger: logger.child({ role: 'audit' }), clock }),
    },
    { provide: LOG_TREE, inject: [Transparency], useFactory: ({ tree }: Transparency): LogTree => tree },
  ],
  exports: [Transparency, LOG_TREE],
})
export class TransparencyModule {}
