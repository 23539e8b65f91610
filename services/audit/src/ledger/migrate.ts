// SPDX-License-Identifier: Apache-2.0
import { messageOf, UpstreamError } from '@plumbline/core';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ledger0001 } from './migrations/0001-ledger.js';
import { ledger0002 } from './migrations/0002-checkpoint.js';
import { ledger0003 } from './migrations/0003-lead.js';
import { ledger0004 } from './migrations/0004-retention.js';

class Ledger0001 implements MigrationInterface {
  readonly name = 'Ledger1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ledger0001);
  }

  async down(): Promise<void> {
    throw new Error('the log is append-only: there is no way back from its first migration');
  }
}

class Ledger0002 implements MigrationInterface {
  readonly name = 'Ledger1764000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ledger0002);
  }

  async down(): Promise<void> {
    throw new Error('checkpoints that were signed stay: there is no way back');
  }
}

class Ledger0003 implements MigrationInterface {
  readonly name = 'Ledger1764000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ledger0003);
  }

  async down(): Promise<void> {
    throw new Error('writers of this version need it: there is no way back');
  }
}

class Ledger0004 implements MigrationInterface {
  readonly name = 'Ledger1764000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ledger0004);
  }

  async down(): Promise<void> {
    throw new Error('what was archived is known here only: there is no way back');
  }
}

/** A family of migrations in a schema of its own. */
export interface MigrationSet {
  readonly schema: string;
  // TypeORM takes the classes themselves.
  readonly migrations: readonly (new () => MigrationInterface)[];
}

/** The scripts of all migrations, in order. */
export const ledgerScripts: readonly string[] = [ledger0001, ledger0002, ledger0003, ledger0004];

const ledger: MigrationSet = { schema: 'ledger', migrations: [Ledger0001, Ledger0002, Ledger0003, Ledger0004] };

/**
 * Brings the schema of the log up to date. Safe to run by several processes at once and again and again.
 * The user of the URL becomes the owner; it needs CREATE on the database and, the first time, CREATEROLE.
 * @throws UpstreamError PLB-6003 when the database is not reachable or refuses.
 */
export async function migrateLedger(url: string): Promise<void> {
  await migrateSchema(url, ledger);
}

/** Runs the pending migrations of a schema under a lock, in one transaction each. */
export async function migrateSchema(url: string, set: MigrationSet): Promise<void> {
  const guard = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  guard.on('error', () => undefined);
  try {
    await guard.connect();
    await guard.query('select pg_advisory_lock(hashtextextended($1, 0))', [`plumbline.migrate.${set.schema}`]);
    await guard.query(`create schema if not exists ${pg.escapeIdentifier(set.schema)}`);
    // Loaded here: only who migrates pays for it (450 ms, 29 MB).
    const { DataSource } = await import('typeorm');
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
