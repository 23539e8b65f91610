// SPDX-License-Identifier: Apache-2.0
import { connectionConfig } from '../database/connection.js';
import { ArchiveFiles, PostgresEventLog } from '../ledger/index.js';
import {
  formatCheckpoint,
  generateSigningKeyPem,
  type LogFiles,
  pemSigner,
  signNote,
  verifyLog,
} from '@plumbline/merkle';
import { tempDir } from '@plumbline/testkit';
import pg from 'pg';
import { expect, it } from 'vitest';
import { silent } from '../audit.fixture.js';
import { Archiver } from '../administration/archiver.js';
import { TileStore } from './tile-store.js';
import { asSuperuser, fill, freshDatabase } from './tree.fixture.js';

const WIDTH = 512;
const EVENTS = 700;

it('a log of which a part is in files is verified whole, and not without the files', async () => {
  await using directory = await tempDir('archive');
  await using database = await freshDatabase();
  // Partitions of the size of a test.
  await asSuperuser(database, [
    'alter table ledger.event detach partition ledger.event_p00000000',
    'drop table ledger.event_p00000000',
    `create table ledger.small_0 partition of ledger.event for values from (0) to (${WIDTH})`,
    `create table ledger.event_p00000000 partition of ledger.event for values from (${WIDTH}) to (8388608)`,
  ]);
  const files = new ArchiveFiles(directory.path);
  const log = await PostgresEventLog.open({ url: database.url, migrate: false, archiveDirectory: directory.path });
  await log.whenLeading();
  await fill(log, EVENTS);
  const pool = new pg.Pool({
    ...connectionConfig({ url: database.url, role: 'plumbline_writer', statementTimeoutMs: 60_000 }),
    max: 4,
  });
  try {
    const tiles = new TileStore(pool, (page) => log.readBodies(page));
    while (await tiles.keepFull(EVENTS));
    const signer = pemSigner(generateSigningKeyPem(), 'plumbline.test/archived');
    const head = await tiles.head();
    if (head === undefined) throw new Error('the log is empty');
    const note = await signNote(
      formatCheckpoint({ origin: signer.key.name, size: head.size, root: head.root }),
      signer,
    );
    const filesOf = (store: TileStore): LogFiles => ({
      checkpoint: async () => note,
      tile: (tile) => store.tile(tile),
      entries: (bundle) => store.entries(bundle),
    });
    const archiver = new Archiver({ ownerUrl: database.url, files, logger: silent, chunk: 256 });
    for (const partition of await archiver.finished(new Date(Date.now() + 3_600_000)))
      await archiver.archive(partition);
    await archiver.detach(0);
    await archiver.drop(0);
    expect((await pool.query('select min(pos) as first from ledger.event')).rows).toEqual([{ first: String(WIDTH) }]);
    expect((await verifyLog({ files: filesOf(tiles), key: signer.key })).entries).toBe(EVENTS);
    await expect(verifyLog({ files: filesOf(new TileStore(pool)), key: signer.key })).rejects.toMatchObject({
      code: 'PLB-3152',
      details: { position: 0 },
    });
    // A copy in memory does not cover up what was removed.
    await asSuperuser(database, ['delete from ledger.event where pos = 600']);
    await expect(verifyLog({ files: filesOf(tiles), key: signer.key })).rejects.toMatchObject({
      code: 'PLB-3152',
      details: { position: 600 },
    });
  } finally {
    await log.close();
    await pool.end();
  }
});
