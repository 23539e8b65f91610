// SPDX-License-Identifier: Apache-2.0
import { messageOf, UpstreamError } from '@plumbline/core';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { content0001 } from './migrations/0001-content.js';

class Content0001 implements MigrationInterface {
  readonly name = 'Content1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(content0001);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table objects.content');
  }
}

const migrations = [Content0001];
const newest = 'Content1764000000001';

async function isUpToDate(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass('objects.migration') is not null as there",
  );
  if (rows[0]?.there !== true) return false;
  const { rowCount } = await client.query('select 1 from objects.migration where name = $1', [newest]);
  return rowCount === 1;
}

async function runPending(url: string): Promise<void> {
  // Loaded on demand: most starts have no migration to run (450 ms, 29 MB).
  const { DataSource } = await import('typeorm');
  const source = new DataSource({
    type: 'postgres',
    url,
    schema: 'objects',
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    migrations,
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
}

/**
 * Migrates the schema of the object store. Idempotent, and safe in several processes at once.
 * @throws UpstreamError PLB-6021 when the database is not reachable or a statement fails.
 */
export async function migrateObjectStore(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    if (await isUpToDate(client)) return;
    await client.query("select pg_advisory_lock(hashtextextended('plumbline.migrate.objects', 0))");
    await client.query('create schema if not exists objects');
    await runPending(url);
  } catch (error) {
    throw new UpstreamError(
      'PLB-6021',
      `the schema of the object store cannot be migrated: ${messageOf(error)}; check PLUMBLINE_OBJECT_STORE_URL and the rights of its role`,
      { cause: error },
    );
  } finally {
    await client.end();
  }
}
