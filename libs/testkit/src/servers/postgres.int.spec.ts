// SPDX-License-Identifier: Apache-2.0
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../vitest/index.js';
import { isolatedDatabase, sharedDatabase, startPostgres, type PostgresFlavour } from './postgres.js';

async function query(url: string, sql: string): Promise<pg.QueryResult<Record<string, unknown>>> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

const flavours: readonly { flavour: PostgresFlavour; major: string }[] = [
  { flavour: 'embedded18', major: '18' },
  { flavour: 'debian15', major: '15' },
];

for (const { flavour, major } of flavours) {
  describeWith(`postgres:${flavour}`, `PostgreSQL ${flavour}`, () => {
    it('answers with its version on a database of the test alone', async () => {
      await using one = await sharedDatabase({ flavour });
      await using two = await sharedDatabase({ flavour });
      await query(one.url, 'CREATE TABLE t (x int)');
      const { rows } = await query(
        two.url,
        "SELECT to_regclass('t') AS t, current_setting('server_version') AS version",
      );
      expect(rows[0]?.['t']).toBeNull();
      expect(String(rows[0]?.['version'])).toMatch(new RegExp(`^${major}\\.`));
    });

    it('keeps committed rows when it is killed and started again', async () => {
      // Own server: it is killed.
      await using database = await isolatedDatabase({ flavour });
      await query(database.url, 'CREATE TABLE t AS SELECT 1 AS x');
      await database.server.kill();
      await expect(query(database.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
      await database.server.restart();
      expect((await query(database.url, 'SELECT x FROM t')).rows).toEqual([{ x: 1 }]);
    });
  });
}

describe('a database template', () => {
  it('is prepared once and copied for everybody who asks at the same time', async () => {
    await using server = await startPostgres();
    let prepared = 0;
    const template = {
      key: 'counted',
      prepare: async (url: string) => {
        prepared += 1;
        await query(url, 'CREATE TABLE seeded AS SELECT 42 AS answer');
      },
    };
    const databases = await Promise.all([1, 2, 3].map(async () => server.createDatabase(template)));
    for (const database of databases) {
      expect((await query(database.url, 'SELECT answer FROM seeded')).rows).toEqual([{ answer: 42 }]);
    }
    expect(prepared).toBe(1);
  });
});

describe('disposal', () => {
  it('drops a shared database even while somebody is connected', async () => {
    const database = await sharedDatabase();
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();
    await database[Symbol.asyncDispose]();
    await expect(query(database.url, 'SELECT 1')).rejects.toThrow(/does not exist/);
    await client.end();
  });

  it('stops a server of its own', async () => {
    const server = await startPostgres();
    await server[Symbol.asyncDispose]();
    await expect(query(server.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
  });
});
