// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  leafHash,
  nodeHash,
  type Tile,
  type TileReader,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from './index.js';

/** RFC 6962, 2.1, word for word: the definition to compare with. */
function definedRoot(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return only;
  const k = largestBelow(leaves.length);
  return nodeHash(definedRoot(leaves.slice(0, k)), definedRoot(leaves.slice(k)));
}

function largestBelow(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** RFC 6962, 2.1.1, word for word. */
function definedPath(m: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length === 1) return [];
  const k = largestBelow(leaves.length);
  return m < k
    ? [...definedPath(m, leaves.slice(0, k)), definedRoot(leaves.slice(k))]
    : [...definedPath(m - k, leaves.slice(k)), definedRoot(leaves.slice(0, k))];
}

/** RFC 6962, 2.1.2, word for word. */
function definedSubproof(m: number, leaves: readonly Buffer[], b: boolean): readonly Buffer[] {
  if (m === leaves.length) return b ? [] : [definedRoot(leaves)];
  const k = largestBelow(leaves.length);
  return m <= k
    ? [...definedSubproof(m, leaves.slice(0, k), b), definedRoot(leaves.slice(k))]
    : [...definedSubproof(m - k, leaves.slice(k), false), definedRoot(leaves.slice(0, k))];
}

/** Tiles straight from their definition: hash i of level L is the root of 256^L leaves. */
function tilesOver(leaves: readonly Buffer[]): TileReader & { readonly asked: Tile[] } {
  const asked: Tile[] = [];
  const read = async (tile: Tile): Promise<Buffer> => {
    asked.push(tile);
    const span = 256 ** tile.level;
    return Buffer.concat(
      Array.from({ length: tile.width }, (_, place) => {
        const start = (tile.index * 256 + place) * span;
        if (start + span > leaves.length)
          throw new Error(
            `tile ${tile.level}/${tile.index} with ${tile.width} hashes is not in a tree of ${leaves.length}`,
          );
        return definedRoot(leaves.slice(start, start + span));
      }),
    );
  };
  return Object.assign(read, { asked });
}

const leaves = Array.from({ length: 1_400 }, (_, index) => leafHash(`entry ${index}`));
const sizes = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 70 }) },
  { weight: 2, arbitrary: fc.integer({ min: 250, max: 260 }) },
  fc.integer({ min: 1, max: 1_400 }),
);

describe('proofs from tiles', () => {
  it('have the root that RFC 6962 defines', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async (size) => {
        const tree = leaves.slice(0, size);
        expect(await treeRoot(size, tilesOver(tree))).toEqual(definedRoot(tree));
      }),
      { numRuns: 60 },
    );
  });

  it('are the inclusion proofs that RFC 6962 defines, and verify', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (size, pick) => {
        const tree = leaves.slice(0, size);
        const position = pick % size;
        const proof = await inclusionProof(position, size, tilesOver(tree));
        expect(proof).toEqual(definedPath(position, tree));
        expect(
          verifyInclusion({ position, size, leaf: tree[position] ?? EMPTY_ROOT, root: definedRoot(tree), proof }),
        ).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('are the consistency proofs that RFC 6962 defines, and verify', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (to, pick) => {
        const tree = leaves.slice(0, to);
        const from = (pick % to) + 1;
        const proof = await consistencyProof(from, to, tilesOver(tree));
        expect(proof).toEqual(definedSubproof(from, tree, true));
        expect(
          verifyConsistency({ from, to, fromRoot: definedRoot(tree.slice(0, from)), toRoot: definedRoot(tree), proof }),
        ).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('read each tile once, in the width that it has at that size', async () => {
    const read = tilesOver(leaves);
    await inclusionProof(700, 1_400, read);
    expect(read.asked).toEqual(
      expect.arrayContaining([
        { level: 0, index: 2, width: 256 },
        { level: 1, index: 0, width: 5 },
        { level: 0, index: 5, width: 120 },
      ]),
    );
    expect(new Set(read.asked.map((tile) => JSON.stringify(tile))).size).toBe(read.asked.length);
  });

  it('are refused for what is not in the tree', async () => {
    await expect(inclusionProof(5, 5, tilesOver(leaves))).rejects.toMatchObject({ code: 'PLB-1162' });
    await expect(inclusionProof(-1, 5, tilesOver(leaves))).rejects.toMatchObject({ code: 'PLB-1162' });
    await expect(consistencyProof(6, 5, tilesOver(leaves))).rejects.toMatchObject({ code: 'PLB-1162' });
    await expect(treeRoot(0.5, tilesOver(leaves))).rejects.toMatchObject({ code: 'PLB-1162' });
  });
});

const hex = (...texts: readonly string[]): readonly Buffer[] => texts.map((text) => Buffer.from(text, 'hex'));
/** The test log of the RFC 6962 reference implementations, with its published proofs. */
const referenceLeaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((text) => leafHash(Buffer.from(text, 'hex')));
const A = '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7';
const B = '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e';
const C = '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4';
const D = 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b';
const E = 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0';
const F = 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7';
const G = '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a';
const ROOT_2 = 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125';

describe('the proofs of the reference log', () => {
  it.each([
    { position: 0, size: 8, proof: [A, B, C] },
    { position: 5, size: 8, proof: [D, E, F] },
    { position: 2, size: 3, proof: [ROOT_2] },
    { position: 1, size: 5, proof: ['6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', B, D] },
  ])('include $position in $size', async ({ position, size, proof }) => {
    expect(await inclusionProof(position, size, tilesOver(referenceLeaves.slice(0, size)))).toEqual(hex(...proof));
  });

  it.each([
    { from: 1, to: 8, proof: [A, B, C] },
    { from: 6, to: 8, proof: [G, E, F] },
    { from: 2, to: 5, proof: [B, D] },
  ])('continue $from in $to', async ({ from, to, proof }) => {
    expect(await consistencyProof(from, to, tilesOver(referenceLeaves.slice(0, to)))).toEqual(hex(...proof));
  });
});

/** One thing of a claim changed. */
const changes = ['drop', 'add', 'flip', 'swap', 'position', 'size', 'root'] as const;

function damaged(proof: readonly Buffer[], change: (typeof changes)[number], place: number): readonly Buffer[] {
  const copy: readonly Buffer[] = proof.map((hash) => Buffer.from(hash));
  const at = proof.length === 0 ? 0 : place % proof.length;
  switch (change) {
    case 'drop':
      return copy.toSpliced(at, 1);
    case 'add':
      return [...copy.slice(0, at), leafHash('foreign'), ...copy.slice(at)];
    case 'flip': {
      const hash = copy[at];
      if (hash !== undefined) hash[place % 32] = (hash[place % 32] ?? 0) ^ 1;
      return copy;
    }
    case 'swap':
      return copy.toReversed();
    case 'position':
    case 'size':
    case 'root':
      return copy;
  }
}

const same = (a: readonly Buffer[], b: readonly Buffer[]): boolean => Buffer.concat(a).equals(Buffer.concat(b));

describe('a proof with anything changed', () => {
  it('of inclusion is refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 80 }),
        fc.nat(),
        fc.constantFrom(...changes),
        fc.nat(),
        async (size, pick, change, place) => {
          const tree = leaves.slice(0, size);
          const position = pick % size;
          const good = await inclusionProof(position, size, tilesOver(tree));
          const proof = damaged(good, change, place);
          if (!['position', 'root', 'size'].includes(change) && same(good, proof)) return;
          const claim = {
            position: change === 'position' ? (position + 1 + (place % (size - 1))) % size : position,
            // A proof of a size may be one of another size: it is the root that belongs to one size only.
            size: change === 'size' ? position : size,
            leaf: tree[position] ?? EMPTY_ROOT,
            root: change === 'root' ? leafHash('other') : definedRoot(tree),
            proof,
          };
          expect(verifyInclusion(claim)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('of consistency is refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 80 }),
        fc.nat(),
        fc.constantFrom(...changes),
        fc.nat(),
        async (to, pick, change, place) => {
          const tree = leaves.slice(0, to);
          const from = (pick % (to - 1)) + 1;
          const good = await consistencyProof(from, to, tilesOver(tree));
          const proof = damaged(good, change, place);
          if (!['position', 'root', 'size'].includes(change) && same(good, proof)) return;
          const oldRoot = definedRoot(tree.slice(0, from));
          const claim = {
            from,
            to: change === 'size' ? from - 1 : to,
            fromRoot: change === 'root' ? leafHash('other') : oldRoot,
            toRoot: change === 'position' ? leafHash('other') : definedRoot(tree),
            proof,
          };
          expect(verifyConsistency(claim)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('of the empty tree to any is empty, and nothing else', () => {
    const root = definedRoot(leaves.slice(0, 3));
    expect(verifyConsistency({ from: 0, to: 3, fromRoot: EMPTY_ROOT, toRoot: root, proof: [] })).toBe(true);
    expect(verifyConsistency({ from: 0, to: 3, fromRoot: root, toRoot: root, proof: [] })).toBe(false);
    expect(verifyConsistency({ from: 3, to: 3, fromRoot: root, toRoot: root, proof: [root] })).toBe(false);
  });
});
