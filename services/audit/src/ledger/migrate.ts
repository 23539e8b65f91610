// SPDX-License-Identifier: Apache-2.0
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { migrateSchema, type MigrationSet } from '../database/migrate-schema.js';
import { ledger0001 } from './migrations/0001-ledger.js';
import { ledger0002 } from './migrations/0002-checkpoint.js';
import { ledger0003 } from './migrations/0003-lead.js';
import { ledger0004 } from './migrations/0004-retention.js';
import { ledger0005 } from './migrations/0005-leases-and-cursors.js';

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

class Ledger0005 implements MigrationInterface {
  readonly name = 'Ledger1764000000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ledger0005);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table ledger.delivery_cursor, ledger.work_lease');
  }
}

/** The scripts of all migrations, in order. */
export const ledgerScripts: readonly string[] = [ledger0001, ledger0002, ledger0003, ledger0004, ledger0005];

const ledger: MigrationSet = {
  schema: 'ledger',
  migrations: [Ledger0001, Ledger0002, Ledger0003, Ledger0004, Ledger0005],
};

/**
 * Brings the schema of the log up to date. Safe to run by several processes at once and again and again.
 * The user of the URL becomes the owner; it needs CREATE on the database and, the first time, CREATEROLE.
 * @throws UpstreamError PLB-6003 when the database is not reachable or refuses.
 */
export async function migrateLedger(url: string): Promise<void> {
  await migrateSchema(url, ledger);
}
