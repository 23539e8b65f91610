// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { HASH_BYTES, leafHash, nodeHash } from './hashes.js';

/** Levels of the tree that one tile spans. */
export const TILE_HEIGHT = 8;
/** Hashes of a full tile, and entries of a full bundle. */
export const TILE_WIDTH = 256;
/** Bytes of an entry at most: its length in a bundle is a uint16. */
export const MAX_ENTRY_BYTES = 65_535;

/** One tile of C2SP tlog-tiles: `width` hashes at tree level `level` × 8, from index `index` × 256 on. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  /** 1 to 256; below 256 the tile is partial. */
  readonly width: number;
}

/** One bundle of entries of C2SP tlog-tiles: the entries of the level 0 tile with the same index and width. */
export type Bundle = Omit<Tile, 'level'>;

/** What a path below the prefix of a log names. */
export type TilePath = ({ readonly type: 'tile' } & Tile) | ({ readonly type: 'entries' } & Bundle);

/** Tile indexes are whole numbers below this, so that every position in the tile is a safe integer. */
const MAX_INDEX = Math.floor(Number.MAX_SAFE_INTEGER / TILE_WIDTH);

/** Whole hashes at a tile level of a tree of `size` leaves. */
export function hashesAtLevel(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** The width that a tile has in a tree of `size` leaves; 0 when the tree does not reach it. */
export function tileWidth(level: number, index: number, size: number): number {
  return Math.max(0, Math.min(TILE_WIDTH, hashesAtLevel(level, size) - index * TILE_WIDTH));
}

/** Every tile of a tree of `size` leaves, level by level, partial ones as they are at that size. */
export function* tilesOf(size: number): Generator<Tile> {
  for (let level = 0; hashesAtLevel(level, size) > 0; level += 1) {
    const hashes = hashesAtLevel(level, size);
    for (let index = 0; index * TILE_WIDTH < hashes; index += 1)
      yield { level, index, width: tileWidth(level, index, size) };
  }
}

/** The tile index as a path: groups of three digits, all but the last with an `x`. */
function indexPath(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  return groups.map((group, place) => (place === groups.length - 1 ? group : `x${group}`)).join('/');
}

function partial(width: number): string {
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}

/** Path of a tile below the prefix of the log. */
export function tilePath({ level, index, width }: Tile): string {
  return `tile/${level}/${indexPath(index)}${partial(width)}`;
}

/** Path of a bundle of entries below the prefix of the log. */
export function bundlePath({ index, width }: Bundle): string {
  return `tile/entries/${indexPath(index)}${partial(width)}`;
}

/**
 * Reads what {@link tilePath} and {@link bundlePath} write; undefined for anything else, also for other spellings of
 * the same tile.
 */
export function parseTilePath(path: string): TilePath | undefined {
  const match = /^tile\/(entries|[0-5])\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path);
  if (match === null) return undefined;
  const [, kind = '', groups = '', rest] = match;
  const index = Number(groups.replaceAll(/[x/]/g, ''));
  const width = rest === undefined ? TILE_WIDTH : Number(rest);
  if (index > MAX_INDEX || width > TILE_WIDTH || (rest !== undefined && width === TILE_WIDTH)) return undefined;
  const named: TilePath =
    kind === 'entries' ? { type: 'entries', index, width } : { type: 'tile', level: Number(kind), index, width };
  const written = named.type === 'tile' ? tilePath(named) : bundlePath(named);
  return written === path ? named : undefined;
}

/** The hashes of a tile. @throws InputError PLB-1161 when the bytes are not `width` hashes. */
export function tileHashes(tile: Tile, bytes: Uint8Array): readonly Buffer[] {
  if (bytes.length !== tile.width * HASH_BYTES) {
    throw new InputError(
      'PLB-1161',
      `${tilePath(tile)} has ${bytes.length} bytes, not ${tile.width} hashes of ${HASH_BYTES} bytes`,
    );
  }
  const copy = Buffer.from(bytes);
  return Array.from({ length: tile.width }, (_, place) => copy.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES));
}

/** The root of the subtree over these hashes, of which there are a power of two. */
export function subtreeRoot(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1)
    row = Array.from({ length: row.length / 2 }, (_, place) =>
      nodeHash(row[place * 2] ?? Buffer.alloc(0), row[place * 2 + 1] ?? Buffer.alloc(0)),
    );
  const [root] = row;
  if (root === undefined) throw new InputError('PLB-1161', 'a subtree has at least one hash');
  return root;
}

/**
 * A bundle: each entry after its length as a uint16, big end first. @throws InputError PLB-1161 for an entry that is
 * too long.
 */
export function encodeBundle(entries: readonly (string | Uint8Array)[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const bytes = typeof entry === 'string' ? Buffer.from(entry) : Buffer.from(entry);
    if (bytes.length > MAX_ENTRY_BYTES)
      throw new InputError('PLB-1161', `an entry has ${bytes.length} bytes; a bundle takes ${MAX_ENTRY_BYTES} at most`);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

/** The entries of a bundle. @throws InputError PLB-1161 when the bytes are not `width` entries. */
export function decodeBundle(bundle: Bundle, bytes: Uint8Array): readonly Buffer[] {
  const copy = Buffer.from(bytes);
  const entries: Buffer[] = [];
  let at = 0;
  while (at + 2 <= copy.length) {
    const end = at + 2 + copy.readUInt16BE(at);
    if (end > copy.length) break;
    entries.push(copy.subarray(at + 2, end));
    at = end;
  }
  if (at !== copy.length || entries.length !== bundle.width) {
    throw new InputError('PLB-1161', `${bundlePath(bundle)} does not hold ${bundle.width} whole entries`);
  }
  return entries;
}

/** The level 0 tile of a bundle. */
export function bundleHashes(entries: readonly Uint8Array[]): readonly Buffer[] {
  return entries.map((entry) => leafHash(entry));
}
