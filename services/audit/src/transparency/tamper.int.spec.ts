// SPDX-License-Identifier: Apache-2.0
import { type LogFiles, type RememberedLog, verifyLog } from '@plumbline/merkle';
import { describe, expect, it } from 'vitest';
import { asSuperuser, fill, freshDatabase, openSigned, type SignedAudit } from './tree.fixture.js';

const EVENTS = 300;
const LEAF = "sha256('\\x00'::bytea || convert_to(%, 'UTF8'))";
const changed = "replace(body, 'declared by a test', 'declared by nobody')";
/** Checks of the table hold even its superuser until he drops them. */
const DROP_CHECKS = 'alter table ledger.event drop constraint event_leaf_of_body';

function filesOf({ transparency }: SignedAudit): LogFiles {
  const { tree } = transparency;
  return {
    checkpoint: () => tree.checkpoint(),
    tile: (tile) => tree.tile(tile),
    entries: (bundle) => tree.entries(bundle),
  };
}

/**
 * What somebody who verified the log before it was altered remembers, then the alteration, then the next
 * verification.
 */
async function verifiedAfter(statements: readonly string[]): Promise<unknown> {
  await using database = await freshDatabase();
  await using audit = await openSigned(database);
  await audit.log.whenLeading();
  await fill(audit.log, EVENTS);
  await audit.checkpoint(EVENTS);
  const { key } = audit.config.signer ?? {};
  if (key === undefined) throw new Error('this log is not signed');
  const before = await verifyLog({ files: filesOf(audit), key });
  const remembered: RememberedLog = {
    size: before.checkpoint.size,
    root: before.checkpoint.root,
    frontier: before.frontier,
  };
  await asSuperuser(database, statements);
  const whole = await verifyLog({ files: filesOf(audit), key }).then(
    () => 'verified',
    (error: unknown) => error,
  );
  // Whoever remembers reads only what is new; he is not fooled either once the log goes on.
  await verifyLog({ files: filesOf(audit), key, remembered }).catch((error: unknown) =>
    expect(error).toMatchObject({ code: expect.stringMatching(/^PLB-(1168|3152|3150)$/) as unknown }),
  );
  return whole;
}

const at = (position: number): unknown =>
  expect.objectContaining({ code: 'PLB-1168', details: expect.objectContaining({ position }) as unknown });

describe('a row that was changed behind the back of the service, triggers and checks disabled', () => {
  it('is not found in a log that nobody touched', async () => {
    expect(await verifiedAfter([])).toBe('verified');
  });

  it('altered, is found at its position', async () => {
    expect(await verifiedAfter([DROP_CHECKS, `update ledger.event set body = ${changed} where pos = 7`])).toEqual(
      at(7),
    );
  });

  it('altered with its hash, is found at its position', async () => {
    expect(
      await verifiedAfter([
        `update ledger.event set body = ${changed}, leaf = ${LEAF.replace('%', changed)} where pos = 123`,
      ]),
    ).toEqual(at(123));
  });

  it('altered with its hash where no full tile is kept yet, is found by the signature', async () => {
    expect(
      await verifiedAfter([
        `update ledger.event set body = ${changed}, leaf = ${LEAF.replace('%', changed)} where pos = 290`,
      ]),
    ).toEqual(expect.objectContaining({ code: 'PLB-1168' }));
  });

  it('deleted, is found at its position', async () => {
    expect(await verifiedAfter(['delete from ledger.event where pos = 40'])).toEqual(
      expect.objectContaining({ code: 'PLB-3152', details: { position: 40 } }),
    );
  });

  it('deleted with the gap closed, is found at its position', async () => {
    expect(
      await verifiedAfter([
        'delete from ledger.event where pos = 40',
        ...Array.from(
          { length: EVENTS - 41 },
          (_, index) => `update ledger.event set pos = ${40 + index} where pos = ${41 + index}`,
        ),
        `insert into ledger.event select shard, ${EVENTS - 1}, stream, revision + 1000, type, tenant, recorded_at, body, leaf from ledger.event where pos = 0`,
      ]),
    ).toEqual(at(40));
  });

  it('inserted between others, is found at its position', async () => {
    expect(
      await verifiedAfter([
        `delete from ledger.event where pos = ${EVENTS - 1}`,
        ...Array.from(
          { length: EVENTS - 1 - 50 },
          (_, index) => `update ledger.event set pos = ${EVENTS - 1 - index} where pos = ${EVENTS - 2 - index}`,
        ),
        'insert into ledger.event select shard, 50, stream, revision + 1000, type, tenant, recorded_at, body, leaf from ledger.event where pos = 3',
      ]),
    ).toEqual(at(50));
  });

  it('swapped with another, is found at the first of the two', async () => {
    expect(
      await verifiedAfter([
        'update ledger.event set pos = 900 where pos = 60',
        'update ledger.event set pos = 60 where pos = 61',
        'update ledger.event set pos = 61 where pos = 900',
      ]),
    ).toEqual(at(60));
  });
});
