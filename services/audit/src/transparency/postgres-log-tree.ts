// SPDX-License-Identifier: Apache-2.0
import { NotFoundError, OverloadedError } from '@plumbline/core';
import {
  type CheckpointQuery,
  consistencyAnswer,
  type ConsistencyAnswer,
  inclusionAnswer,
  type InclusionAnswer,
  type LogIdentity,
  type LogTree,
} from '@plumbline/event-log';
import type { Bundle, Tile } from '@plumbline/merkle';
import type { CheckpointStore, StoredCheckpoint } from './checkpoint-store.js';
import type { TileStore } from './tile-store.js';

/** What a tree on PostgreSQL needs. */
export interface PostgresLogTreeOptions {
  readonly tiles: TileStore;
  readonly checkpoints: CheckpointStore;
  readonly identity: LogIdentity;
  /** Asks for a checkpoint of at least this size now; the process that leads makes it. */
  readonly want: (size: number) => void;
  /** How long a checkpoint is waited for, in milliseconds; 5,000 when absent. */
  readonly waitMs?: number;
  readonly pollMs?: number;
}

/** The tree from the tables of the log; works in every process that reaches the database. */
export class PostgresLogTree implements LogTree {
  readonly #options: PostgresLogTreeOptions;

  constructor(options: PostgresLogTreeOptions) {
    this.#options = options;
  }

  async identity(): Promise<LogIdentity> {
    return this.#options.identity;
  }

  async checkpoint({ witnessed = false, minSize = 0 }: CheckpointQuery = {}): Promise<string> {
    if (witnessed) {
      const found = await this.#options.checkpoints.newestWitnessed();
      if (found === undefined || found.size < minSize)
        throw missing('no witness has cosigned a checkpoint of the log yet');
      return found.note + found.cosignatures;
    }
    return (await this.#reaching(minSize)).note;
  }

  async tile(tile: Tile): Promise<Buffer> {
    return this.#options.tiles.tile(tile);
  }

  async entries(bundle: Bundle): Promise<Buffer> {
    return this.#options.tiles.entries(bundle);
  }

  async inclusion(position: number, size?: number): Promise<InclusionAnswer> {
    return inclusionAnswer((tile) => this.tile(tile), position, size ?? (await this.#reaching(position + 1)).size);
  }

  async consistency(from: number, to?: number): Promise<ConsistencyAnswer> {
    return consistencyAnswer((tile) => this.tile(tile), from, to ?? (await this.#reaching(from)).size);
  }

  /** The newest published checkpoint, waited for while it is below a size that the log has. */
  async #reaching(minSize: number): Promise<StoredCheckpoint> {
    const { checkpoints, tiles, want, waitMs = 5_000, pollMs = 50 } = this.#options;
    const untilMs = performance.now() + waitMs;
    for (;;) {
      const found = await checkpoints.newestPublished();
      if (found !== undefined && found.size >= minSize) return found;
      const size = (await tiles.head())?.size ?? 0;
      if (size === 0 || size < minSize)
        throw missing(size === 0 ? 'the log is empty' : `the log has ${size} events, not ${minSize}`);
      if (this.#options.identity.verifierKey === undefined)
        throw missing('the log is not signed: set PLUMBLINE_LOG_SIGNING_KEY_FILE for the audit service');
      if (performance.now() > untilMs)
        throw new OverloadedError('PLB-5104', `the ${size} events of the log are not signed yet: ask again`, 1_000, {
          details: { size, minSize },
        });
      want(Math.max(minSize, 1));
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}

function missing(why: string): NotFoundError {
  return new NotFoundError('PLB-3151', `there is no such checkpoint: ${why}`);
}
