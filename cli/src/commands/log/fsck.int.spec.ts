// SPDX-License-Identifier: Apache-2.0
import { sampleAppend } from '@plumbline/event-log/testing';
import { createTestLog, type TestLog } from '@plumbline/audit/testing';
import { formatCheckpoint, Frontier, generateSigningKeyPem, leafHash, pemSigner, signNote } from '@plumbline/merkle';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { checkDatabase } from './database.js';

const signer = pemSigner(generateSigningKeyPem(), 'plumbline.test/fsck');
const EVENTS = 300;
const changed = "replace(body, 'declared by a test', 'declared by another')";
const rehashed = `update ledger.event set body = ${changed}, leaf = sha256('\\x00'::bytea || convert_to(${changed}, 'UTF8'))`;

async function query(test: TestLog, ...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: test.database.url });
  await client.connect();
  try {
    await client.query('set session_replication_role = replica');
    let rows: readonly Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** A log with commits of one and of many events, a kept tile and a signed checkpoint, closed. */
async function sampleLog(): Promise<TestLog> {
  const test = await createTestLog();
  for (let index = 0; index < 20; index += 1) await test.log.append(sampleAppend(`project-web-${index % 5}`));
  const rest = Array.from({ length: EVENTS - 20 }, (_, index) =>
    test.log.append(sampleAppend(`project-web-${index % 5}`)),
  );
  await Promise.all(rest);
  const bodies = await query(test, 'select body from ledger.event order by pos');
  const root = Frontier.empty.append(bodies.map(({ body }) => leafHash(String(body)))).root();
  const note = await signNote(formatCheckpoint({ origin: signer.key.name, size: EVENTS, root }), signer);
  await query(
    test,
    `insert into ledger.checkpoint (shard, size, note, published_at) values (0, ${EVENTS}, '${note}', now())`,
    "insert into ledger.tile select 0, 0, 0, string_agg(leaf, ''::bytea order by pos) from ledger.event where pos < 256",
  );
  return test;
}

async function checked(...statements: readonly string[]): Promise<unknown> {
  await using test = await sampleLog();
  await query(test, 'select 1', ...statements);
  // Awaited here: the database goes with the test.
  const result: unknown = await checkDatabase({
    url: test.database.url,
    key: signer.key,
    known: [],
    onPosition: () => undefined,
  }).catch((error: unknown) => error);
  return result;
}

const at = (position: number, what: RegExp): unknown =>
  expect.objectContaining({
    code: 'PLB-1168',
    details: expect.objectContaining({ position }) as unknown,
    message: expect.stringMatching(what) as unknown,
  });

const DROP_CHECKS = 'alter table ledger.event drop constraint event_leaf_of_body';

describe('plumb log fsck of a database', () => {
  it('finds nothing where nothing was altered', async () => {
    expect(await checked()).toMatchObject({ events: EVENTS, checkpoints: 1, signed: true });
  });

  it.each([
    ['altered', 7, /does not have the hash/, [DROP_CHECKS, `update ledger.event set body = ${changed} where pos = 7`]],
    ['altered with its hash', 9, /altered together with its hash/, [`${rehashed} where pos = 9`]],
    [
      'altered with its hash among many of one commit',
      133,
      /altered together with its hash/,
      [`${rehashed} where pos = 133`],
    ],
    ['deleted', 12, /missing/, ['delete from ledger.event where pos = 12']],
    [
      'deleted with its commit',
      12,
      /commit of position 12 is missing/,
      ['delete from ledger.event where pos = 12', 'delete from ledger.commit where last_pos = 12'],
    ],
    [
      'moved',
      15,
      /says that it is at 16/,
      [
        'update ledger.event set pos = 900 where pos = 15',
        'update ledger.event set pos = 15 where pos = 16',
        'update ledger.event set pos = 16 where pos = 900',
      ],
    ],
    [
      'inserted after the end',
      EVENTS,
      /inserted/,
      [
        `insert into ledger.event select shard, ${EVENTS}, stream, revision + 1000, type, tenant, recorded_at, body, leaf from ledger.event where pos = 3`,
      ],
    ],
    [
      'filed under another stream',
      17,
      /another stream/,
      ["update ledger.event set stream = 'project-other' where pos = 17"],
    ],
  ] as const)('names the position of an event that was %s', async (_what, position, words, statements) => {
    expect(await checked(...statements)).toEqual(at(position, words));
  });

  it('finds a tail that was cut off with everything that speaks of it, by the checkpoint or by one that was kept elsewhere', async () => {
    const cut = [
      'delete from ledger.event where pos >= 10',
      'delete from ledger.commit where last_pos >= 10',
      'update ledger.head set next_pos = 10, root = (select root from ledger.commit where last_pos = 9)',
    ];
    expect(await checked(...cut)).toMatchObject({
      code: 'PLB-1168',
      message: expect.stringMatching(/covers 300 events, and the log has 10/) as unknown,
    });
    await using test = await sampleLog();
    await query(test, ...cut, 'delete from ledger.checkpoint', 'delete from ledger.tile');
    const options = { url: test.database.url, key: signer.key, onPosition: (): void => undefined };
    expect(await checkDatabase({ ...options, known: [] })).toMatchObject({ events: 10 });
    const known = [{ origin: signer.key.name, size: 300, root: leafHash('any') }];
    await expect(checkDatabase({ ...options, known })).rejects.toMatchObject({
      code: 'PLB-1168',
      message: expect.stringMatching(/kept elsewhere/) as unknown,
    });
  });

  it('finds an event that was altered with its hash and every root after it, by the hashes that were kept, or else by the signature', async () => {
    for (const keptTiles of [true, false]) {
      await using test = await sampleLog();
      await query(test, `${rehashed} where pos = 9`, ...(keptTiles ? [] : ['delete from ledger.tile']));
      let frontier = Frontier.empty;
      const leaves = await query(test, 'select leaf from ledger.event order by pos');
      for (const commit of await query(test, 'select last_pos from ledger.commit order by last_pos')) {
        frontier = frontier.append(
          leaves.slice(frontier.size, Number(commit['last_pos']) + 1).map(({ leaf }) => leaf as Buffer),
        );
        await query(
          test,
          `update ledger.commit set root = '\\x${frontier.root().toString('hex')}' where last_pos = ${String(commit['last_pos'])}`,
        );
      }
      const found: unknown = await checkDatabase({
        url: test.database.url,
        key: signer.key,
        known: [],
        onPosition: () => undefined,
      }).catch((error: unknown) => error);
      expect(found).toEqual(
        keptTiles
          ? at(9, /hash was kept/)
          : expect.objectContaining({
              code: 'PLB-1168',
              message: expect.stringMatching(/first 300 events are not those of the checkpoint/) as unknown,
            }),
      );
    }
  });

  it('holds events that were moved to files to the hashes that were kept', async () => {
    const archive = [
      "insert into ledger.archive (shard, first_pos, next_pos, partition, chunk, frontier, detached_at) values (0, 0, 256, 'p', 256, '', now())",
      'delete from ledger.event where pos < 256',
    ];
    expect(await checked(...archive)).toMatchObject({ events: EVENTS, archived: 256 });
    expect(
      await checked(...archive, 'update ledger.tile set hashes = set_byte(hashes, 320, get_byte(hashes, 320) # 1)'),
    ).toEqual(at(10, /altered together with its hash/));
    expect(await checked('delete from ledger.event where pos < 256')).toEqual(at(0, /missing/));
  });

  it('finds a checkpoint that was forged', async () => {
    const forger = pemSigner(generateSigningKeyPem(), signer.key.name);
    const note = await signNote(formatCheckpoint({ origin: signer.key.name, size: 5, root: leafHash('x') }), forger);
    expect(await checked(`insert into ledger.checkpoint (shard, size, note) values (0, 5, '${note}')`)).toMatchObject({
      code: 'PLB-1165',
    });
  });

  it('says what is wrong when the database cannot be read, without its password', async () => {
    const error: unknown = await checkDatabase({
      url: 'postgres://me:s3cret@127.0.0.1:1/none',
      known: [],
      onPosition: () => undefined,
    }).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(/cannot be read/);
    expect(String(error)).not.toContain('s3cret');
  });
});
