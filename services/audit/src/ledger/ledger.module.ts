// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import type { Clock } from '@plumbline/core';
import { EVENT_LOG } from '@plumbline/event-log';
import { CLOCK, type Logger, LOGGER } from '@plumbline/platform';
import { AUDIT_CONFIG, type AuditConfig } from '../audit.config.js';
import { SCHEMAS } from '../database/database.module.js';
import { RETENTION_CONFIG, type RetentionConfig, retentionConfigProvider } from './archive/retention.config.js';
import { PostgresEventLog } from './postgres-event-log.js';

/** The log with its writer: one process leads and writes, the others read. */
@Module({
  providers: [
    retentionConfigProvider,
    {
      provide: PostgresEventLog,
      inject: [AUDIT_CONFIG, RETENTION_CONFIG, LOGGER, CLOCK, SCHEMAS],
      useFactory: (
        config: AuditConfig,
        retention: RetentionConfig,
        logger: Logger,
        clock: Clock,
      ): Promise<PostgresEventLog> =>
        PostgresEventLog.open({
          url: config.logUrl,
          role: config.role,
          notices: logger.child({ role: 'audit' }),
          clock,
          migrate: false,
          limits: { leaseMs: config.leaseMs, heartbeatMs: Math.floor(config.leaseMs / 3) },
          ...(config.personalKey === undefined ? {} : { personalKey: config.personalKey }),
          ...(retention.directory === undefined ? {} : { archiveDirectory: retention.directory }),
        }),
    },
    { provide: EVENT_LOG, useExisting: PostgresEventLog },
  ],
  exports: [PostgresEventLog, EVENT_LOG, RETENTION_CONFIG],
})
export class LedgerModule {}
