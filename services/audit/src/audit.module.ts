// SPDX-License-Identifier: Apache-2.0
import { Global, Module } from '@nestjs/common';
import { AdministrationModule } from './administration/administration.module.js';
import { administrationEntities } from './administration/entities.js';
import { AuditConfigModule } from './audit-config.module.js';
import { AuditLifecycle } from './audit-lifecycle.js';
import { ConsumerCursorEntity } from './database/consumer-cursor.entity.js';
import { DatabaseModule } from './database/database.module.js';
import { GrpcModule } from './grpc/grpc.module.js';
import { migrateLedger } from './ledger/index.js';
import { LedgerModule } from './ledger/ledger.module.js';
import { PublishingModule } from './publishing/publishing.module.js';
import { readModelEntities } from './read-models/entities.js';
import { migrateProjection } from './read-models/migrate.js';
import { ReadModelsModule } from './read-models/read-models.module.js';
import { transparencyEntities } from './transparency/entities.js';
import { TransparencyModule } from './transparency/transparency.module.js';

/**
 * The audit service: the writer of the log, read models, queries and log administration. Provides the ports of the
 * log to every module of the process.
 */
@Global()
@Module({
  imports: [
    AuditConfigModule,
    DatabaseModule.with({
      migrations: [migrateLedger, migrateProjection],
      entities: [ConsumerCursorEntity, ...readModelEntities, ...transparencyEntities, ...administrationEntities],
    }),
    LedgerModule,
    ReadModelsModule,
    PublishingModule,
    TransparencyModule,
    AdministrationModule,
    GrpcModule,
  ],
  providers: [AuditLifecycle],
  exports: [LedgerModule, ReadModelsModule, TransparencyModule, AdministrationModule],
})
export class AuditModule {}
