// SPDX-License-Identifier: Apache-2.0
import { ConflictError, InvariantError, messageOf, UpstreamError } from '@plumbline/core';
import { sqlStateOf } from '../database/connection.js';
import { type DataSource, type FindOptionsWhere, IsNull, LessThanOrEqual, Not, type Repository } from 'typeorm';
import { CheckpointEntity } from './entities.js';

const SHARD = 0;

/** A checkpoint as it is kept. */
export interface StoredCheckpoint {
  readonly size: number;
  /** As the log signed it. */
  readonly note: string;
  /** Lines of witnesses. */
  readonly cosignatures: string;
  readonly published: boolean;
}

/** The signed checkpoints in the database of the log. */
export class CheckpointStore {
  readonly #checkpoints: Repository<CheckpointEntity>;

  constructor(source: DataSource) {
    this.#checkpoints = source.getRepository(CheckpointEntity);
  }

  /** The newest that was signed, published or not. */
  async newest(): Promise<StoredCheckpoint | undefined> {
    return this.#one({});
  }

  async newestPublished(): Promise<StoredCheckpoint | undefined> {
    return this.#one({ publishedAt: Not(IsNull()) });
  }

  async newestWitnessed(): Promise<StoredCheckpoint | undefined> {
    return this.#one({ cosignatures: Not('') });
  }

  /** The newest of at most this size. */
  async upTo(size: number): Promise<StoredCheckpoint | undefined> {
    return this.#one({ size: LessThanOrEqual(size) });
  }

  /**
   * Keeps a signed checkpoint, unless one of this size is kept already; returns the note that counts.
   * @throws ConflictError PLB-4103 when the epoch is over, InvariantError PLB-9114 when the database does not hold
   * such a log
   */
  async add(epoch: number, size: number, note: string): Promise<string> {
    try {
      const rows: readonly { readonly note: string }[] = await this.#checkpoints.query(
        'select ledger.add_checkpoint($1, $2, $3, $4) as note',
        [SHARD, epoch, size, note],
      );
      return rows[0]?.note ?? note;
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === 'PLB01')
        throw new ConflictError(
          'PLB-4103',
          `the lead of epoch ${epoch} is over: its checkpoint of size ${size} is not kept`,
          { cause: error },
        );
      if (state === 'PLB04' || state === 'PLB05')
        throw new InvariantError('PLB-9114', `a checkpoint of size ${size} does not fit the log: ${messageOf(error)}`, {
          cause: error,
        });
      throw failure(error);
    }
  }

  async publish(size: number): Promise<void> {
    await reported(this.#checkpoints.query('select ledger.publish_checkpoint($1, $2)', [SHARD, size]));
  }

  /** Adds the line of a witness. */
  async cosign(size: number, line: string): Promise<void> {
    await reported(this.#checkpoints.query('select ledger.cosign_checkpoint($1, $2, $3)', [SHARD, size, line]));
  }

  async #one(where: FindOptionsWhere<CheckpointEntity>): Promise<StoredCheckpoint | undefined> {
    const found = await reported(
      this.#checkpoints.findOne({ where: { shard: SHARD, ...where }, order: { size: 'DESC' } }),
    );
    if (found === null) return undefined;
    const { size, note, cosignatures, publishedAt } = found;
    return { size, note, cosignatures, published: publishedAt !== null };
  }
}

/** @throws UpstreamError PLB-6007 */
async function reported<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw failure(error);
  }
}

function failure(error: unknown): UpstreamError {
  return new UpstreamError('PLB-6007', `the checkpoints of the log cannot be read or written: ${messageOf(error)}`, {
    cause: error,
  });
}
