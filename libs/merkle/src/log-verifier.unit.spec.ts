// SPDX-License-Identifier: Apache-2.0
import { beforeAll, describe, expect, it } from 'vitest';
import {
  encodeBundle,
  formatCheckpoint,
  Frontier,
  generateSigningKeyPem,
  leafHash,
  type LogFiles,
  pemSigner,
  type RememberedLog,
  signNote,
  subtreeRoot,
  TILE_WIDTH,
  verifyLog,
} from './index.js';

const signer = pemSigner(generateSigningKeyPem(), 'plumbline.test/verify');
const honest = Array.from({ length: 66_100 }, (_, index) => `entry ${index}`);

/** A log of these entries; hashes of tiles are those of `hashed`, which may be other ones. */
function filesOf(
  entries: readonly string[],
  signed: { readonly size: number; readonly root: Buffer },
  hashed: readonly string[] = entries,
): LogFiles {
  const leaves = hashed.map((entry) => leafHash(entry));
  const known = new Map<string, Buffer>();
  const hash = (level: number, index: number): Buffer => {
    if (level === 0) return leaves[index] ?? Buffer.alloc(32);
    const found =
      known.get(`${level}/${index}`) ??
      subtreeRoot(Array.from({ length: TILE_WIDTH }, (_, place) => hash(level - 1, index * TILE_WIDTH + place)));
    known.set(`${level}/${index}`, found);
    return found;
  };
  return {
    checkpoint: async () => signNote(formatCheckpoint({ origin: signer.key.name, ...signed }), signer),
    tile: async ({ level, index, width }) =>
      Buffer.concat(Array.from({ length: width }, (_, place) => hash(level, index * TILE_WIDTH + place))),
    entries: async ({ index, width }) => encodeBundle(entries.slice(index * TILE_WIDTH, index * TILE_WIDTH + width)),
  };
}

const rootOf = (entries: readonly string[]): Buffer =>
  Frontier.empty.append(entries.map((entry) => leafHash(entry))).root();
const signedOf = (entries: readonly string[]): { readonly size: number; readonly root: Buffer } => ({
  size: entries.length,
  root: rootOf(entries),
});
const at = (position?: number): unknown =>
  expect.objectContaining({
    code: 'PLB-1168',
    ...(position === undefined ? {} : { details: expect.objectContaining({ position }) as unknown }),
  });

function remember(entries: readonly string[]): RememberedLog {
  const frontier = Frontier.empty.append(entries.map((entry) => leafHash(entry)));
  return { size: entries.length, root: frontier.root(), frontier: frontier.encode() };
}

describe('a log', () => {
  it.each([1, 2, 255, 256, 257, 700])(
    'of %i entries is verified whole, with every entry and every tile',
    async (size) => {
      const entries = honest.slice(0, size);
      const seen: number[] = [];
      const result = await verifyLog({
        files: filesOf(entries, signedOf(entries)),
        key: signer.key,
        onEntry: (position) => void seen.push(position),
      });
      expect(result.entries).toBe(size);
      expect(seen).toEqual(entries.map((_, index) => index));
    },
  );

  it('is verified from where it was verified before, and only what is new is read', async () => {
    const before = honest.slice(0, 300);
    const entries = honest.slice(0, 1_000);
    const files = filesOf(entries, signedOf(entries));
    const asked: number[] = [];
    const result = await verifyLog({
      files: { ...files, entries: async (bundle) => (asked.push(bundle.index), files.entries(bundle)) },
      key: signer.key,
      remembered: remember(before),
    });
    expect(result.entries).toBe(700);
    expect(asked).toEqual([1, 2, 3]);
    expect(result.frontier).toEqual(remember(entries).frontier);
  });

  it('that is empty is verified', async () => {
    expect((await verifyLog({ files: filesOf([], signedOf([])), key: signer.key })).entries).toBe(0);
  });
});

describe('a log that was altered', () => {
  const entries = honest.slice(0, 600);
  const signed = signedOf(entries);
  const verify = async (
    changed: readonly string[],
    hashed?: readonly string[],
    remembered?: RememberedLog,
  ): Promise<unknown> =>
    verifyLog({
      files: filesOf(changed, { ...signed, size: signed.size }, hashed),
      key: signer.key,
      ...(remembered === undefined ? {} : { remembered }),
    });

  it.each([0, 255, 256, 599])('at position %i is found there', async (position) => {
    await expect(verify(entries.with(position, 'another'), entries)).rejects.toEqual(at(position));
  });

  it('with its hashes is found by the signature', async () => {
    await expect(verify(entries.with(300, 'another'))).rejects.toEqual(at());
  });

  it('by an event inserted, removed or moved is found where it begins', async () => {
    await expect(verify(entries.toSpliced(20, 0, 'inserted').slice(0, 600), entries)).rejects.toEqual(at(20));
    await expect(verify([...entries.toSpliced(30, 1), 'more'], entries)).rejects.toEqual(at(30));
    await expect(verify(entries.with(40, entries[41] ?? '').with(41, entries[40] ?? ''), entries)).rejects.toEqual(
      at(40),
    );
  });

  it('and signed again is found by whoever remembers', async () => {
    const rewritten = [...entries.with(10, 'another'), 'more'];
    const files = filesOf(rewritten, signedOf(rewritten));
    expect((await verifyLog({ files, key: signer.key })).entries).toBe(601);
    await expect(verifyLog({ files, key: signer.key, remembered: remember(entries) })).rejects.toEqual(at());
    const shorter = honest.slice(0, 500);
    await expect(
      verifyLog({ files: filesOf(shorter, signedOf(shorter)), key: signer.key, remembered: remember(entries) }),
    ).rejects.toEqual(at());
  });
});

describe('a tile above the leaves that is wrong', () => {
  let signed: { readonly size: number; readonly root: Buffer };
  beforeAll(() => {
    signed = signedOf(honest);
  });

  it.each([
    [1, 0],
    [1, 1],
    [2, 0],
  ] as const)(
    'is found at level %i, index %i',
    async (level, index) => {
      const files = filesOf(honest, signed);
      const wrong: LogFiles = {
        ...files,
        tile: async (tile) => {
          const bytes = Buffer.from(await files.tile(tile));
          if (tile.level === level && tile.index === index) bytes[3] = (bytes[3] ?? 0) ^ 1;
          return bytes;
        },
      };
      await expect(verifyLog({ files: wrong, key: signer.key })).rejects.toEqual(at());
    },
    60_000,
  );
});
