// SPDX-License-Identifier: Apache-2.0
import { consistencyProof, HASH_BYTES, inclusionProof, type Tile, TILE_WIDTH, tileWidth } from '@plumbline/merkle';
import type { ConsistencyAnswer, InclusionAnswer } from './log-tree.port.js';

type Tiles = (tile: Tile) => Promise<Buffer>;

/** The answer of {@link LogTree.inclusion} from tiles. @throws InputError PLB-1162 */
export async function inclusionAnswer(tiles: Tiles, position: number, size: number): Promise<InclusionAnswer> {
  const proof = await inclusionProof(position, size, tiles);
  const index = Math.floor(position / TILE_WIDTH);
  const hashes = await tiles({ level: 0, index, width: tileWidth(0, index, size) });
  const at = (position % TILE_WIDTH) * HASH_BYTES;
  return { position, size, leaf: Buffer.from(hashes.subarray(at, at + HASH_BYTES)), proof };
}

/** The answer of {@link LogTree.consistency} from tiles. @throws InputError PLB-1162 */
export async function consistencyAnswer(tiles: Tiles, from: number, to: number): Promise<ConsistencyAnswer> {
  return { from, to, proof: await consistencyProof(from, to, tiles) };
}
