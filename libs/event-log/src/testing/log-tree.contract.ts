// SPDX-License-Identifier: Apache-2.0
import { decodeEvent } from '@plumbline/events';
import {
  decodeBundle,
  Frontier,
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  tilesOf,
  tileWidth,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from '@plumbline/merkle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../event-log.port.js';
import type { LogTree } from '../log-tree.port.js';
import { sampleAppend } from './sample-events.js';

/** A tree under test and the log that it is of, fresh and for this suite alone. */
export interface TreeUnderTest extends AsyncDisposable {
  readonly log: EventLog;
  readonly tree: LogTree;
}

const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });

async function fill(log: EventLog, events: number): Promise<void> {
  for (let left = events; left > 0; left -= 100)
    await Promise.all(
      Array.from({ length: Math.min(100, left) }, (_, index) => log.append(sampleAppend(`project-tree-${index % 7}`))),
    );
}

/** What every {@link LogTree} does. */
export function logTreeContract(title: string, open: () => Promise<TreeUnderTest>): void {
  describe(`${title}: the tree of the log`, () => {
    let opened: TreeUnderTest | undefined;
    const subject = (): TreeUnderTest => {
      if (opened === undefined) throw new Error('the tree is not open');
      return opened;
    };
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => opened?.[Symbol.asyncDispose]());

    it('has no checkpoint, tile or proof of an empty log', async () => {
      const { tree } = subject();
      await expect(tree.checkpoint()).rejects.toEqual(code('PLB-3151'));
      await expect(tree.tile({ level: 0, index: 0, width: 1 })).rejects.toEqual(code('PLB-3150'));
      await expect(tree.entries({ index: 0, width: 1 })).rejects.toEqual(code('PLB-3150'));
    });

    it('signs the log as it is, under its own name', async () => {
      const { log, tree } = subject();
      await fill(log, 3);
      const { origin, verifierKey = '' } = await tree.identity();
      const head = await log.head();
      const checkpoint = openCheckpoint(await tree.checkpoint({ minSize: head }), parseVerifierKey(verifierKey));
      expect(checkpoint).toMatchObject({ origin, size: head });
      expect(checkpoint.root).toEqual(await treeRoot(head, (tile) => tree.tile(tile)));
    });

    it('gives the stored bytes of events, from which the signed root follows', async () => {
      const { log, tree } = subject();
      await fill(log, 600);
      const size = await log.head();
      const { verifierKey = '' } = await tree.identity();
      const checkpoint = openCheckpoint(await tree.checkpoint({ minSize: size }), parseVerifierKey(verifierKey));
      let frontier = Frontier.empty;
      for (let index = 0; index * 256 < checkpoint.size; index += 1) {
        const width = tileWidth(0, index, checkpoint.size);
        const entries = decodeBundle({ index, width }, await tree.entries({ index, width }));
        expect(await tree.tile({ level: 0, index, width })).toEqual(
          Buffer.concat(entries.map((entry) => leafHash(entry))),
        );
        expect(decodeEvent(entries[0]?.toString() ?? '').position).toBe(index * 256);
        frontier = frontier.append(entries.map((entry) => leafHash(entry)));
      }
      expect(frontier.root()).toEqual(checkpoint.root);
    });

    it('gives every tile of every size that it had, and no tile that it does not reach', async () => {
      const { log, tree } = subject();
      const size = await log.head();
      for (const tile of tilesOf(size)) expect((await tree.tile(tile)).length).toBe(tile.width * 32);
      expect(await treeRoot(260, (tile) => tree.tile(tile))).toEqual(await treeRoot(260, (tile) => tree.tile(tile)));
      await expect(tree.tile({ level: 0, index: Math.floor(size / 256), width: (size % 256) + 1 })).rejects.toEqual(
        code('PLB-3150'),
      );
      await expect(tree.tile({ level: 1, index: 0, width: Math.floor(size / 256) + 1 })).rejects.toEqual(
        code('PLB-3150'),
      );
      await expect(tree.tile({ level: 2, index: 0, width: 1 })).rejects.toEqual(code('PLB-3150'));
      await expect(tree.entries({ index: 1_000_000, width: 1 })).rejects.toEqual(code('PLB-3150'));
    });

    it('proves that each event is in it, at any size since', async () => {
      const { log, tree } = subject();
      const head = await log.head();
      for (const [position, size] of [
        [0, 1],
        [0, head],
        [255, 256],
        [256, 257],
        [300, head],
        [head - 1, head],
      ] as const) {
        const answer = await tree.inclusion(position, size);
        const root = await treeRoot(size, (tile) => tree.tile(tile));
        expect(verifyInclusion({ ...answer, root })).toBe(true);
        expect(answer).toMatchObject({ position, size });
      }
      const newest = await tree.inclusion(0);
      expect(newest.size).toBeGreaterThan(0);
      await expect(tree.inclusion(head, head)).rejects.toEqual(code('PLB-1162'));
      await expect(tree.inclusion(0, head + 1)).rejects.toEqual(code('PLB-3150'));
    });

    it('proves that it only grew', async () => {
      const { log, tree } = subject();
      const head = await log.head();
      const root = async (size: number): Promise<Buffer> => treeRoot(size, (tile) => tree.tile(tile));
      for (const [from, to] of [
        [1, 2],
        [3, head],
        [256, 257],
        [255, head],
        [head, head],
      ] as const) {
        const answer = await tree.consistency(from, to);
        expect(verifyConsistency({ ...answer, fromRoot: await root(from), toRoot: await root(to) })).toBe(true);
      }
      await expect(tree.consistency(5, 4)).rejects.toEqual(code('PLB-1162'));
    });

    it('has no cosigned checkpoint without a witness', async () => {
      await expect(subject().tree.checkpoint({ witnessed: true })).rejects.toEqual(code('PLB-3151'));
    });
  });
}
