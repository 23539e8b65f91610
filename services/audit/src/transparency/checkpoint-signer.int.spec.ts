// SPDX-License-Identifier: Apache-2.0
import { connectionConfig } from '../database/connection.js';
import {
  formatCheckpoint,
  generateSigningKeyPem,
  leafHash,
  pemSigner,
  signNote,
  verifyConsistency,
} from '@plumbline/merkle';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { openSource } from '../audit.fixture.js';
import { CheckpointStore } from './checkpoint-store.js';
import { asSuperuser, fill, freshDatabase, openSigned, origin, treeOptions, until } from './tree.fixture.js';

const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });

function writerPool(url: string): pg.Pool & AsyncDisposable {
  const pool = new pg.Pool({
    ...connectionConfig({ url, role: 'plumbline_writer', statementTimeoutMs: 60_000 }),
    max: 2,
  });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}

describe('checkpoints', () => {
  it('follow the head by themselves, at most one in a second, and are consistent with each other', async () => {
    await using database = await freshDatabase();
    await using audit = await openSigned(database);
    const { log, transparency } = audit;
    await log.whenLeading();
    const startedMs = performance.now();
    const notes: { readonly size: number; readonly root: Buffer }[] = [];
    for (let round = 0; round < 3; round += 1) {
      await fill(log, 40);
      const head = await log.head();
      await until(`a checkpoint of ${head} events`, async () => (await audit.checkpoint()).size === head);
      notes.push(await audit.checkpoint());
    }
    for (const [index, older] of notes.entries()) {
      for (const newer of notes.slice(index + 1)) {
        const { proof } = await transparency.tree.consistency(older.size, newer.size);
        expect(
          verifyConsistency({ from: older.size, to: newer.size, fromRoot: older.root, toRoot: newer.root, proof }),
        ).toBe(true);
      }
    }
    const { rows } = await pooled(database.url, 'select count(*)::int as n from ledger.checkpoint');
    // The limit grows with the time that the test takes.
    expect(rows[0]?.['n']).toBeLessThanOrEqual(Math.ceil((performance.now() - startedMs) / 1_000) + 2);
  });

  it('are made at once when somebody asks for an event that was just appended', async () => {
    await using database = await freshDatabase();
    await using audit = await openSigned(database);
    const { log, transparency } = audit;
    await log.whenLeading();
    await fill(log, 1);
    await audit.checkpoint(1);
    const startedMs = performance.now();
    // Without a request there is one a second, which takes longer than the limit.
    for (let position = 1; position <= 90; position += 1) {
      await fill(log, 1);
      expect((await transparency.tree.inclusion(position)).size).toBeGreaterThan(position);
    }
    expect(performance.now() - startedMs).toBeLessThan(60_000);
  });

  it('go on under the next leader, which publishes what the last one signed and could not publish', async () => {
    await using database = await freshDatabase();
    const config = treeOptions();
    const first = await openSigned(database, config);
    await first.log.whenLeading();
    await fill(first.log, 10);
    await first.checkpoint(10);
    await first.close();
    // As a crash between signing and publishing leaves it.
    await asSuperuser(database, ['update ledger.checkpoint set published_at = null']);
    await using second = await openSigned(database, config);
    await until('it is published', async () =>
      second.checkpoint().then(
        ({ size }) => size === 10,
        () => false,
      ),
    );
    await fill(second.log, 5);
    expect((await second.checkpoint(15)).size).toBe(15);
  });

  it('of a process that does not lead are those of the leader', async () => {
    await using database = await freshDatabase();
    const config = treeOptions();
    await using leader = await openSigned(database, config);
    await leader.log.whenLeading();
    await using follower = await openSigned(database, config);
    await fill(leader.log, 3);
    expect((await follower.checkpoint(3)).size).toBe(3);
    expect(follower.log.leads).toBe(false);
  });

  it('are not kept from a leader whose epoch is over, for a root that was not committed, or below one that was signed', async () => {
    await using database = await freshDatabase();
    const config = treeOptions();
    await using audit = await openSigned(database, config);
    const { log } = audit;
    await log.whenLeading();
    await fill(log, 3);
    const { root } = await audit.checkpoint(3);
    const source = await openSource(database.url);
    const store = new CheckpointStore(source);
    const epoch = log.epoch ?? -1;
    const note = async (size: number, of: Buffer): Promise<string> =>
      signNote(
        formatCheckpoint({ origin, size, root: of }),
        config.signer ?? pemSigner(generateSigningKeyPem(), origin),
      );
    await expect(store.add(epoch - 1, 3, await note(3, root))).rejects.toEqual(code('PLB-4103'));
    await expect(store.add(epoch, 3, await note(3, leafHash('other')))).rejects.toEqual(code('PLB-9114'));
    await expect(store.add(epoch, 4, await note(4, root))).rejects.toEqual(code('PLB-4103'));
    await fill(log, 1);
    const committed = await pooled(database.url, 'select root from ledger.commit where last_pos = 1');
    const older = committed.rows[0]?.['root'] as Buffer | undefined;
    if (older !== undefined) await expect(store.add(epoch, 2, await note(2, older))).rejects.toEqual(code('PLB-9114'));
    // A second signature of a size does not replace the first.
    const first = await store.upTo(3);
    expect(await store.add(epoch, 4, await note(4, (await audit.checkpoint(4)).root))).not.toBe('');
    expect((await store.upTo(3))?.note).toBe(first?.note);
    await source.destroy();
  });

  it('cannot be changed or removed, even by the owner of the tables', async () => {
    await using database = await freshDatabase();
    await using audit = await openSigned(database);
    await audit.log.whenLeading();
    await fill(audit.log, 3);
    await audit.checkpoint(3);
    for (const statement of [
      "update ledger.checkpoint set note = 'x'",
      'delete from ledger.checkpoint',
      'truncate ledger.checkpoint',
      'update ledger.checkpoint set published_at = null',
      'truncate ledger.tile',
    ]) {
      await expect(pooled(database.url, statement)).rejects.toThrow(/refused/);
    }
    await using pool = writerPool(database.url);
    await expect(pool.query("insert into ledger.checkpoint (shard, size, note) values (0, 9, 'x')")).rejects.toThrow(
      /permission denied/,
    );
  });
});

async function pooled(url: string, statement: string): Promise<pg.QueryResult<Record<string, unknown>>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query<Record<string, unknown>>(statement);
  } finally {
    await client.end();
  }
}

describe('a log that is not what was signed', () => {
  it('is not signed again after an older copy of it was put back', async () => {
    await using database = await freshDatabase();
    const config = treeOptions();
    const first = await openSigned(database, config);
    await first.log.whenLeading();
    await fill(first.log, 10);
    await first.checkpoint(10);
    await first.close();
    const [kept] = (await pooled(database.url, 'select * from ledger.checkpoint')).rows;
    await using restored = await freshDatabase();
    const older = await openSigned(restored, treeOptions({ signer: undefined }));
    await older.log.whenLeading();
    await fill(older.log, 4);
    await older.close();
    await asSuperuser(restored, [
      `insert into ledger.checkpoint (shard, size, note, published_at) values (0, 10, '${String(kept?.['note'])}', now())`,
    ]);
    await using again = await openSigned(restored, config);
    await until('it refuses', () =>
      again.lines.some(({ level, fields }) => level === 'error' && fields['errorCode'] === 'PLB-9115'),
    );
    expect(again.transparency.status.refused).toBe(true);
    // The log itself goes on.
    await fill(again.log, 1);
    expect((await again.checkpoint()).size).toBe(10);
  });

  it('is not signed again after an event below was rewritten', async () => {
    await using database = await freshDatabase();
    const config = treeOptions();
    const first = await openSigned(database, config);
    await first.log.whenLeading();
    await fill(first.log, 10);
    await first.checkpoint(10);
    await first.close();
    await asSuperuser(
      database,
      ["update ledger.event set body = replace(body, 'declared by a test', 'declared by nobody') where pos = 4"].map(
        (statement) =>
          statement.replace(
            ' where',
            ", leaf = sha256('\\x00'::bytea || convert_to(replace(body, 'declared by a test', 'declared by nobody'), 'UTF8')) where",
          ),
      ),
    );
    await using again = await openSigned(database, config);
    await until('it refuses', () =>
      again.lines.some(({ level, fields }) => level === 'error' && fields['errorCode'] === 'PLB-9115'),
    );
  });

  it('is not signed by another key or under another name, unless the old key is given', async () => {
    await using database = await freshDatabase();
    const config = treeOptions();
    const first = await openSigned(database, config);
    await first.log.whenLeading();
    await fill(first.log, 3);
    await first.checkpoint(3);
    await first.close();
    const rotated = pemSigner(generateSigningKeyPem(), origin);
    const second = await openSigned(database, treeOptions({ signer: rotated }));
    await until('it refuses', () => second.lines.some(({ fields }) => fields['errorCode'] === 'PLB-9115'));
    await second.close();
    await using third = await openSigned(
      database,
      treeOptions({ signer: rotated, formerKeys: config.signer === undefined ? [] : [config.signer.key] }),
    );
    await fill(third.log, 1);
    expect((await third.checkpoint(4)).size).toBe(4);
  });
});

describe('a log without a key', () => {
  it('goes on, and says that it is not signed', async () => {
    await using database = await freshDatabase();
    await using audit = await openSigned(database, treeOptions({ signer: undefined }));
    await audit.log.whenLeading();
    await fill(audit.log, 2);
    await expect(audit.transparency.tree.checkpoint()).rejects.toEqual(code('PLB-3151'));
    expect(audit.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('not signed') }),
    );
    expect((await audit.transparency.tree.inclusion(0, 2)).proof).toHaveLength(1);
  });
});
