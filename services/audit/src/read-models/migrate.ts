// SPDX-License-Identifier: Apache-2.0
import { migrateSchema } from '../database/migrate-schema.js';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { projection0001 } from './migrations/0001-projection.js';
import { projection0002 } from './migrations/0002-history.js';
import { projection0003 } from './migrations/0003-late-states.js';

class Projection0001 implements MigrationInterface {
  readonly name = 'Projection1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(projection0001);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table projection.live, projection.audit_event, projection.document');
  }
}

class Projection0002 implements MigrationInterface {
  readonly name = 'Projection1764000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(projection0002);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop table projection.history, projection.history_key; alter table projection.live drop column history; drop function projection.refuse_update()',
    );
  }
}

class Projection0003 implements MigrationInterface {
  readonly name = 'Projection1764000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(projection0003);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index projection.history_late');
  }
}

/**
 * Brings the tables of the projections up to date; the schema of the log must be there. @throws UpstreamError
 * PLB-6003
 */
export async function migrateProjection(url: string): Promise<void> {
  await migrateSchema(url, { schema: 'projection', migrations: [Projection0001, Projection0002, Projection0003] });
}
