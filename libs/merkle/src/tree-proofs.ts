// SPDX-License-Identifier: Apache-2.0
import { InputError, InvariantError } from '@plumbline/core';
import { EMPTY_ROOT, nodeHash } from './hashes.js';
import { subtreeRoot, type Tile, TILE_HEIGHT, TILE_WIDTH, tileHashes, tilePath, tileWidth } from './tiles.js';

/** Gives the bytes of a tile; MUST reject when it cannot. */
export type TileReader = (tile: Tile) => Promise<Uint8Array>;

/** A full subtree: its leaves are `index` × 2^`height` and the 2^`height` - 1 after it. */
interface Node {
  readonly height: number;
  readonly index: number;
}

/** Leaves [start, end). */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** The largest power of two below n, for n above 1. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

function checkSize(size: number, what: string): void {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new InputError('PLB-1162', `${what} ${size} is not a whole number from 0`);
}

/** The full subtrees that make up a range that RFC 6962 hashes as one: largest first. */
function nodesOf({ start, end }: Range): readonly Node[] {
  const nodes: Node[] = [];
  for (let at = start; at < end;) {
    let [height, width] = [0, 1];
    while (at % (width * 2) === 0 && at + width * 2 <= end) [height, width] = [height + 1, width * 2];
    nodes.push({ height, index: at / width });
    at += width;
  }
  return nodes;
}

/** RFC 6962, 2.1.1. */
function inclusionRanges(position: number, tree: Range): readonly Range[] {
  if (tree.end - tree.start === 1) return [];
  const middle = tree.start + split(tree.end - tree.start);
  const [left, right] = [
    { start: tree.start, end: middle },
    { start: middle, end: tree.end },
  ];
  return position < middle ? [...inclusionRanges(position, left), right] : [...inclusionRanges(position, right), left];
}

/** RFC 6962, 2.1.2. `whole`: the old tree is all of this subtree so far, so its hash is known to the verifier. */
function consistencyRanges(from: number, tree: Range, whole: { readonly isOldTree: boolean }): readonly Range[] {
  if (from === tree.end) return whole.isOldTree ? [] : [tree];
  const middle = tree.start + split(tree.end - tree.start);
  const [left, right] = [
    { start: tree.start, end: middle },
    { start: middle, end: tree.end },
  ];
  return from <= middle
    ? [...consistencyRanges(from, left, whole), right]
    : [...consistencyRanges(from, right, { isOldTree: false }), left];
}

/** The tile that holds what a node is made from, as it is in a tree of `size` leaves, and where in it. */
function placeOf(node: Node, size: number): { readonly tile: Tile; readonly first: number; readonly count: number } {
  const level = Math.floor(node.height / TILE_HEIGHT);
  const count = 2 ** (node.height % TILE_HEIGHT);
  const start = node.index * count;
  const index = Math.floor(start / TILE_WIDTH);
  return { tile: { level, index, width: tileWidth(level, index, size) }, first: start % TILE_WIDTH, count };
}

async function rangeHashes(ranges: readonly Range[], size: number, read: TileReader): Promise<readonly Buffer[]> {
  const tiles = new Map<string, Promise<readonly Buffer[]>>();
  const hashesOf = (tile: Tile): Promise<readonly Buffer[]> => {
    const path = tilePath(tile);
    const known = tiles.get(path) ?? read(tile).then((bytes) => tileHashes(tile, bytes));
    tiles.set(path, known);
    return known;
  };
  return Promise.all(
    ranges.map(async (range) => {
      const roots = await Promise.all(
        nodesOf(range).map(async (node) => {
          const { tile, first, count } = placeOf(node, size);
          return subtreeRoot((await hashesOf(tile)).slice(first, first + count));
        }),
      );
      const hash = roots.reduceRight<Buffer | undefined>(
        (right, left) => (right === undefined ? left : nodeHash(left, right)),
        undefined,
      );
      if (hash === undefined) throw new InvariantError('PLB-9113', 'a range of a proof is empty');
      return hash;
    }),
  );
}

/** Root of the tree of the first `size` leaves, from tiles. */
export async function treeRoot(size: number, read: TileReader): Promise<Buffer> {
  checkSize(size, 'the size');
  if (size === 0) return EMPTY_ROOT;
  const [root = EMPTY_ROOT] = await rangeHashes([{ start: 0, end: size }], size, read);
  return root;
}

/**
 * Proof that the leaf at a position is in the tree of `size` leaves.
 * @throws InputError PLB-1162 when it is not below the size.
 */
export async function inclusionProof(position: number, size: number, read: TileReader): Promise<readonly Buffer[]> {
  checkSize(position, 'the position');
  checkSize(size, 'the size');
  if (position >= size) throw new InputError('PLB-1162', `position ${position} is not in a tree of ${size} events`);
  return rangeHashes(inclusionRanges(position, { start: 0, end: size }), size, read);
}

/**
 * Proof that the tree of `to` leaves begins with the tree of `from` leaves.
 * @throws InputError PLB-1162 when `from` is above `to`.
 */
export async function consistencyProof(from: number, to: number, read: TileReader): Promise<readonly Buffer[]> {
  checkSize(from, 'the older size');
  checkSize(to, 'the newer size');
  if (from > to) throw new InputError('PLB-1162', `a tree of ${to} events cannot begin with one of ${from}`);
  if (from === 0 || from === to) return [];
  return rangeHashes(consistencyRanges(from, { start: 0, end: to }, { isOldTree: true }), to, read);
}

/** An inclusion to check. */
export interface InclusionClaim {
  readonly position: number;
  readonly size: number;
  /** Hash of the entry: `leafHash(entry)`. */
  readonly leaf: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** True when the proof shows that the leaf is at the position in the tree of the root (RFC 9162, 2.1.3.2). */
export function verifyInclusion({ position, size, leaf, root, proof }: InclusionClaim): boolean {
  if (!Number.isSafeInteger(position) || !Number.isSafeInteger(size) || position < 0 || position >= size) return false;
  let [fn, sn] = [BigInt(position), BigInt(size) - 1n];
  let hash: Uint8Array = leaf;
  for (const sibling of proof) {
    if (sn === 0n) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      hash = nodeHash(sibling, hash);
      while ((fn & 1n) === 0n && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else hash = nodeHash(hash, sibling);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && Buffer.from(hash).equals(root);
}

/** A consistency to check. */
export interface ConsistencyClaim {
  readonly from: number;
  readonly to: number;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * True when the proof shows that the newer tree begins with the older one (RFC 9162, 2.1.4.2). Every tree begins with
 * the empty one.
 */
export function verifyConsistency({ from, to, fromRoot, toRoot, proof }: ConsistencyClaim): boolean {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from > to) return false;
  if (from === to) return proof.length === 0 && Buffer.from(fromRoot).equals(toRoot);
  if (from === 0) return proof.length === 0 && EMPTY_ROOT.equals(fromRoot);
  let [fn, sn] = [BigInt(from) - 1n, BigInt(to) - 1n];
  while ((fn & 1n) === 1n) [fn, sn] = [fn >> 1n, sn >> 1n];
  // A power of two: the old root itself is the first node.
  const path = fn === 0n ? [fromRoot, ...proof] : proof;
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let [older, newer]: [Uint8Array, Uint8Array] = [first, first];
  for (const sibling of rest) {
    if (sn === 0n) return false;
    if ((fn & 1n) === 1n || fn === sn) {
      [older, newer] = [nodeHash(sibling, older), nodeHash(sibling, newer)];
      while ((fn & 1n) === 0n && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else newer = nodeHash(newer, sibling);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && Buffer.from(older).equals(fromRoot) && Buffer.from(newer).equals(toRoot);
}
