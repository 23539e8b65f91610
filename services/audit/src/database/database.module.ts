// SPDX-License-Identifier: Apache-2.0
import { type DynamicModule, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { type Logger, LOGGER } from '@plumbline/platform';
import type { DataSource } from 'typeorm';
import { AUDIT_CONFIG, type AuditConfig } from '../audit.config.js';
import { type Entity, openDataSource } from './data-source.js';

/** Injection token that resolves when the schemas are up to date: inject it before the first statement. */
export const SCHEMAS = Symbol('SCHEMAS');
/** Name of the data source whose commits are durable when they return. */
export const DURABLE = 'audit';
/**
 * Name of the data source for data that is made again from the log: a crash of the database may lose the last
 * commits.
 */
export const DERIVED = 'audit-derived';

const DURABLE_CONNECTIONS = 6;
const DERIVED_CONNECTIONS = 3;

/** What the modules of the service keep in the database. */
export interface DatabaseContents {
  /** Bring a schema up to date each; run in this order. */
  readonly migrations: readonly ((url: string) => Promise<void>)[];
  readonly entities: readonly Entity[];
}

/** Migrated schemas and the two data sources of the audit service. The lifecycle of the service closes them last. */
@Module({})
export class DatabaseModule {
  static with({ migrations, entities }: DatabaseContents): DynamicModule {
    const open =
      (max: number, relaxedDurability: boolean) =>
      ({ logUrl: url, role }: AuditConfig, logger: Logger): Promise<DataSource> =>
        openDataSource({ url, role: role === 'none' ? undefined : role, max, relaxedDurability, entities, logger });
    const tokens = [SCHEMAS, getDataSourceToken(DURABLE), getDataSourceToken(DERIVED)];
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        {
          provide: SCHEMAS,
          inject: [AUDIT_CONFIG],
          useFactory: async ({ migrateUrl }: AuditConfig): Promise<true> => {
            for (const migrate of migrations) await migrate(migrateUrl);
            return true;
          },
        },
        {
          provide: getDataSourceToken(DURABLE),
          inject: [AUDIT_CONFIG, LOGGER, SCHEMAS],
          useFactory: open(DURABLE_CONNECTIONS, false),
        },
        {
          provide: getDataSourceToken(DERIVED),
          inject: [AUDIT_CONFIG, LOGGER, SCHEMAS],
          useFactory: open(DERIVED_CONNECTIONS, true),
        },
      ],
      exports: tokens,
    };
  }
}
