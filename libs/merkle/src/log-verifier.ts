// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { openCheckpoint, type SignedCheckpoint } from './checkpoints.js';
import { Frontier } from './frontier.js';
import { leafHash } from './hashes.js';
import type { VerifierKey } from './notes.js';
import {
  type Bundle,
  bundlePath,
  decodeBundle,
  subtreeRoot,
  type Tile,
  TILE_WIDTH,
  tileHashes,
  tilePath,
  tileWidth,
} from './tiles.js';
import { consistencyProof, treeRoot, verifyConsistency } from './tree-proofs.js';

/** Source of the files of a log: a server or a directory. It is not trusted. */
export interface LogFiles {
  checkpoint(): Promise<string>;
  tile(tile: Tile): Promise<Uint8Array>;
  entries(bundle: Bundle): Promise<Uint8Array>;
}

/** State of a verifier after it has verified a log up to a size. */
export interface RememberedLog {
  readonly size: number;
  readonly root: Buffer;
  /** {@link Frontier.encode} at that size. */
  readonly frontier: Buffer;
}

/** Options of {@link verifyLog}. */
export interface VerifyOptions {
  readonly files: LogFiles;
  readonly key: VerifierKey;
  /** Witnesses whose cosignatures are verified when the checkpoint has them. */
  readonly witnesses?: readonly VerifierKey[];
  /** State of an earlier verification: the log must begin with it, and only later entries are read. */
  readonly remembered?: RememberedLog;
  /** Called with each verified entry. */
  readonly onEntry?: (position: number, entry: Buffer) => void;
}

/** Result of a successful verification. */
export interface VerifiedLog {
  readonly checkpoint: SignedCheckpoint;
  /** State for the next verification. */
  readonly frontier: Buffer;
  /** Number of entries read. */
  readonly entries: number;
}

/** Returns the error for a log that does not match its checkpoint. @param position first position known to be wrong */
export function altered(message: string, position?: number): InputError {
  return new InputError('PLB-1168', message, position === undefined ? {} : { details: { position } });
}

/** Maps items in order, with a bounded number of calls in flight. */
async function* ahead<Item, Result>(
  items: Iterable<Item>,
  read: (item: Item) => Promise<Result>,
  width = 8,
): AsyncGenerator<readonly [Item, Result]> {
  const waiting: { readonly item: Item; readonly result: Promise<Result> }[] = [];
  for (const item of items) {
    const result = read(item);
    // The rejection is handled when the item is awaited.
    result.catch(() => undefined);
    waiting.push({ item, result });
    if (waiting.length < width) continue;
    const next = waiting.shift();
    if (next !== undefined) yield [next.item, await next.result];
  }
  for (const { item, result } of waiting) yield [item, await result];
}

function* bundlesOf(from: number, size: number): Generator<Bundle> {
  for (let index = Math.floor(from / TILE_WIDTH); index * TILE_WIDTH < size; index += 1)
    yield { index, width: tileWidth(0, index, size) };
}

/** Computes every tile above the leaves from a stream of leaves. */
class TilesAbove {
  readonly #open: Buffer[][] = [];
  readonly #counts: number[] = [];

  /** Adds a full tile of a level; calls back with each tile above it that becomes full. */
  async full(
    level: number,
    root: Buffer,
    check: (tile: Tile, hashes: readonly Buffer[]) => Promise<void>,
  ): Promise<void> {
    const row = (this.#open[level] ??= []);
    row.push(root);
    if (row.length < TILE_WIDTH) return;
    const index = this.#counts[level] ?? 0;
    this.#counts[level] = index + 1;
    this.#open[level] = [];
    await check({ level: level + 1, index, width: TILE_WIDTH }, row);
    await this.full(level + 1, subtreeRoot(row), check);
  }

  /** Returns the partial tiles at the end. */
  async rest(check: (tile: Tile, hashes: readonly Buffer[]) => Promise<void>): Promise<void> {
    for (const [level, row] of this.#open.entries()) {
      if (row !== undefined && row.length > 0)
        await check({ level: level + 1, index: this.#counts[level] ?? 0, width: row.length }, row);
    }
  }
}

async function checkTile(files: LogFiles, tile: Tile, hashes: readonly Buffer[]): Promise<void> {
  const given = tileHashes(tile, await files.tile(tile));
  const place = hashes.findIndex((hash, index) => given[index]?.equals(hash) !== true);
  if (place < 0) return;
  const span = TILE_WIDTH ** tile.level;
  const first = (tile.index * TILE_WIDTH + place) * span;
  throw altered(
    span === 1
      ? `the event at position ${first} is not the one whose hash is in ${tilePath(tile)}`
      : `${tilePath(tile)} does not fit the events from position ${first} on`,
    first,
  );
}

async function holdToMemory({ files, remembered }: VerifyOptions, checkpoint: SignedCheckpoint): Promise<void> {
  if (remembered === undefined) return;
  const { size, root } = remembered;
  if (checkpoint.size < size)
    throw altered(
      `the log has ${checkpoint.size} events, and it had ${size} before: events were taken away, or an older copy of it was put back`,
    );
  const proof = await consistencyProof(size, checkpoint.size, (tile) => files.tile(tile));
  if (verifyConsistency({ from: size, to: checkpoint.size, fromRoot: root, toRoot: checkpoint.root, proof })) return;
  throw altered(`the first ${size} events are not those of before: the log was rewritten`);
}

/**
 * Verifies a log from the start, or from an earlier verification: signature, consistency, every entry and every tile.
 * @throws InputError PLB-1168 when it does not match the checkpoint; `details.position` is the first position known
 * to be wrong.
 */
export async function verifyLog(options: VerifyOptions): Promise<VerifiedLog> {
  const { files, key, witnesses = [], remembered, onEntry } = options;
  const checkpoint = openCheckpoint(await files.checkpoint(), key, witnesses);
  await holdToMemory(options, checkpoint);
  const { size } = checkpoint;
  const from = remembered?.size ?? 0;
  let frontier = remembered === undefined ? Frontier.empty : Frontier.decode(from, remembered.frontier);
  const above = from === 0 ? new TilesAbove() : undefined;
  const check = (tile: Tile, hashes: readonly Buffer[]): Promise<void> => checkTile(files, tile, hashes);
  const read = async (bundle: Bundle): Promise<readonly [readonly Buffer[], Uint8Array]> =>
    Promise.all([
      files.entries(bundle).then((bytes) => decodeBundle(bundle, bytes)),
      files.tile({ level: 0, ...bundle }),
    ]);
  for await (const [bundle, [entries, tileBytes]] of ahead(bundlesOf(from, size), read)) {
    const hashes = entries.map((entry) => leafHash(entry));
    await checkTile({ ...files, tile: async () => tileBytes }, { level: 0, ...bundle }, hashes);
    const start = bundle.index * TILE_WIDTH;
    const fresh = Math.max(0, from - start);
    frontier = frontier.append(hashes.slice(fresh));
    if (bundle.width === TILE_WIDTH) await above?.full(0, subtreeRoot(hashes), check);
    for (const [place, entry] of entries.entries()) if (place >= fresh) onEntry?.(start + place, entry);
  }
  await above?.rest(check);
  if (!frontier.root().equals(checkpoint.root))
    throw altered(
      `the ${size} events do not give the root that was signed: some of them are not those that were signed, and their hashes were changed with them`,
    );
  if (size > 0 && !(await treeRoot(size, (tile) => files.tile(tile))).equals(checkpoint.root))
    throw altered('the tiles do not give the root that was signed');
  return { checkpoint, frontier: frontier.encode(), entries: size - from };
}

/** Returns the stored bytes of the entry at a position. */
export async function entryAt(files: Pick<LogFiles, 'entries'>, position: number, size: number): Promise<Buffer> {
  const bundle = {
    index: Math.floor(position / TILE_WIDTH),
    width: tileWidth(0, Math.floor(position / TILE_WIDTH), size),
  };
  const entry = decodeBundle(bundle, await files.entries(bundle))[position % TILE_WIDTH];
  if (entry === undefined)
    throw new InputError('PLB-1161', `${bundlePath(bundle)} does not reach position ${position}`);
  return entry;
}
