// SPDX-License-Identifier: Apache-2.0
import { messageOf, UpstreamError } from '@plumbline/core';
import pg from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';

/** A family of migrations in a schema of its own. */
export interface MigrationSet {
  readonly schema: string;
  // TypeORM takes the classes themselves.
  readonly migrations: readonly (new () => MigrationInterface)[];
}

/** Runs the pending migrations of a schema under a lock, in one transaction each. */
export async function migrateSchema(url: string, set: MigrationSet): Promise<void> {
  const guard = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  guard.on('error', () => undefined);
  try {
    await guard.connect();
    await guard.query('select pg_advisory_lock(hashtextextended($1, 0))', [`plumbline.migrate.${set.schema}`]);
    await guard.query(`create schema if not exists ${pg.escapeIdentifier(set.schema)}`);
    const source = new DataSource({
      type: 'postgres',
      url,
      schema: set.schema,
      migrationsTableName: 'migration',
      migrationsTransactionMode: 'each',
      migrations: [...set.migrations],
      installExtensions: false,
      logging: false,
      poolSize: 1,
    });
    await source.initialize();
    try {
      await source.runMigrations();
    } finally {
      await source.destroy();
    }
  } catch (error) {
    throw new UpstreamError(
      'PLB-6003',
      `the schema "${set.schema}" could not be brought up to date: ${messageOf(error)}`,
      { cause: error },
    );
  } finally {
    await guard.end();
  }
}
