// SPDX-License-Identifier: Apache-2.0
import { isolatedDatabase } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import pg from 'pg';
import { expect, it } from 'vitest';
import { PostgresObjectStore } from './postgres-object-store.js';

async function run(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function as(url: string, role: string): string {
  const parsed = new URL(url);
  parsed.username = role;
  parsed.password = 'x';
  return parsed.href;
}

describeWith('postgres:embedded18', 'the role of the object store', () => {
  it('is refused while it may use the log, as its owner, by a grant or through a group, and accepted when it may not', async () => {
    // Roles belong to the whole server.
    await using database = await isolatedDatabase();
    await run(
      database.url,
      "create role audit login password 'x'",
      "create role objects login password 'x'",
      'create role readers nologin',
      `grant create on database ${database.name} to audit, objects`,
    );
    await run(as(database.url, 'audit'), 'create schema ledger', 'create table ledger.event (pos bigint)');
    const outcome = async (role: string): Promise<string> => {
      const store = new PostgresObjectStore({
        url: role === '' ? database.url : as(database.url, role),
        requireSeparateRole: true,
      });
      try {
        await store.prepare();
        return 'accepted';
      } catch (error) {
        return error instanceof Error && 'code' in error ? `${String(error.code)} ${error.message}` : String(error);
      } finally {
        await store.close();
      }
    };
    expect(await outcome('')).toMatch(/^PLB-6022 .*superuser/);
    expect(await outcome('audit')).toMatch(/^PLB-6022 .*"audit" .* schema ledger/);
    expect(await outcome('objects')).toBe('accepted');
    await run(as(database.url, 'audit'), 'grant usage on schema ledger to objects');
    expect(await outcome('objects')).toMatch(/^PLB-6022/);
    await run(
      as(database.url, 'audit'),
      'revoke usage on schema ledger from objects',
      'grant usage on schema ledger to readers',
    );
    expect(await outcome('objects')).toBe('accepted');
    await run(database.url, 'grant readers to objects');
    expect(await outcome('objects')).toMatch(/^PLB-6022/);
  });
});
