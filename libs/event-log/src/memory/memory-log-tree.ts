// SPDX-License-Identifier: Apache-2.0
import { NotFoundError } from '@plumbline/core';
import {
  type Bundle,
  encodeBundle,
  formatCheckpoint,
  leafHash,
  type NoteSigner,
  signNote,
  subtreeRoot,
  type Tile,
  TILE_WIDTH,
  tilePath,
  tileWidth,
  treeRoot,
} from '@plumbline/merkle';
import type { CheckpointQuery, ConsistencyAnswer, InclusionAnswer, LogIdentity, LogTree } from '../log-tree.port.js';
import { consistencyAnswer, inclusionAnswer } from '../tree-answers.js';
import type { MemoryEventLog } from './memory-event-log.js';

/** The tree of the log in memory, for specs: signed when it is asked for, with everything that is in the log. */
export class MemoryLogTree implements LogTree {
  readonly #parts: { readonly log: MemoryEventLog; readonly signer: NoteSigner };

  constructor(parts: { readonly log: MemoryEventLog; readonly signer: NoteSigner }) {
    this.#parts = parts;
  }

  async identity(): Promise<LogIdentity> {
    const { key } = this.#parts.signer;
    return { origin: key.name, verifierKey: key.text, witnessKeys: [] };
  }

  async checkpoint({ witnessed = false, minSize = 0 }: CheckpointQuery = {}): Promise<string> {
    const size = await this.#parts.log.head();
    if (witnessed || size === 0 || minSize > size) throw new NotFoundError('PLB-3151', 'there is no such checkpoint');
    const root = await treeRoot(size, (tile) => this.tile(tile));
    return signNote(formatCheckpoint({ origin: this.#parts.signer.key.name, size, root }), this.#parts.signer);
  }

  async tile(tile: Tile): Promise<Buffer> {
    const size = await this.#parts.log.head();
    if (tileWidth(tile.level, tile.index, size) < tile.width)
      throw new NotFoundError('PLB-3150', `the log does not reach ${tilePath(tile)}`);
    const first = tile.index * TILE_WIDTH;
    return Buffer.concat(Array.from({ length: tile.width }, (_, place) => this.#hash(tile.level, first + place)));
  }

  async entries({ index, width }: Bundle): Promise<Buffer> {
    if (tileWidth(0, index, await this.#parts.log.head()) < width)
      throw new NotFoundError('PLB-3150', 'the log does not reach these entries');
    return encodeBundle(
      Array.from({ length: width }, (_, place) => this.#parts.log.bodyAt(index * TILE_WIDTH + place) ?? ''),
    );
  }

  async inclusion(position: number, size?: number): Promise<InclusionAnswer> {
    return inclusionAnswer((tile) => this.tile(tile), position, size ?? (await this.#parts.log.head()));
  }

  async consistency(from: number, to?: number): Promise<ConsistencyAnswer> {
    return consistencyAnswer((tile) => this.tile(tile), from, to ?? (await this.#parts.log.head()));
  }

  #hash(level: number, index: number): Buffer {
    if (level === 0) return leafHash(this.#parts.log.bodyAt(index) ?? '');
    return subtreeRoot(
      Array.from({ length: TILE_WIDTH }, (_, place) => this.#hash(level - 1, index * TILE_WIDTH + place)),
    );
  }
}
