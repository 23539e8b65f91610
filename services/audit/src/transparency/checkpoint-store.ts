// SPDX-License-Identifier: Apache-2.0
import { ConflictError, InvariantError, messageOf, UpstreamError } from '@plumbline/core';
import { sqlStateOf } from '../ledger/index.js';
import type pg from 'pg';

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

const COLUMNS = 'size, note, cosignatures, published_at is not null as published';

interface Row {
  readonly size: string;
  readonly note: string;
  readonly cosignatures: string;
  readonly published: boolean;
}

/** The signed checkpoints in the database of the log. */
export class CheckpointStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** The newest that was signed, published or not. */
  async newest(): Promise<StoredCheckpoint | undefined> {
    return this.#one('', []);
  }

  async newestPublished(): Promise<StoredCheckpoint | undefined> {
    return this.#one('and published_at is not null', []);
  }

  async newestWitnessed(): Promise<StoredCheckpoint | undefined> {
    return this.#one("and cosignatures <> ''", []);
  }

  /** The newest of at most this size. */
  async upTo(size: number): Promise<StoredCheckpoint | undefined> {
    return this.#one('and size <= $2', [size]);
  }

  /**
   * Keeps a signed checkpoint, unless one of this size is kept already; returns the note that counts.
   * @throws ConflictError PLB-4103 when the epoch is over, InvariantError PLB-9114 when the database does not hold such a log
   */
  async add(epoch: number, size: number, note: string): Promise<string> {
    try {
      const { rows } = await this.#pool.query<{ note: string }>({
        name: 'checkpoint-add',
        text: 'select ledger.add_checkpoint($1, $2, $3, $4) as note',
        values: [SHARD, epoch, size, note],
      });
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
    await this.#query({
      name: 'checkpoint-publish',
      text: 'select ledger.publish_checkpoint($1, $2)',
      values: [SHARD, size],
    });
  }

  /** Adds the line of a witness. */
  async cosign(size: number, line: string): Promise<void> {
    await this.#query({
      name: 'checkpoint-cosign',
      text: 'select ledger.cosign_checkpoint($1, $2, $3)',
      values: [SHARD, size, line],
    });
  }

  async #one(condition: string, values: readonly unknown[]): Promise<StoredCheckpoint | undefined> {
    const { rows } = await this.#query<Row>({
      text: `select ${COLUMNS} from ledger.checkpoint where shard = $1 ${condition} order by size desc limit 1`,
      values: [SHARD, ...values],
    });
    const [row] = rows;
    return row === undefined ? undefined : { ...row, size: Number(row.size) };
  }

  async #query<R extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<R>> {
    try {
      return await this.#pool.query<R>(query);
    } catch (error) {
      throw failure(error);
    }
  }
}

function failure(error: unknown): UpstreamError {
  return new UpstreamError('PLB-6007', `the checkpoints of the log cannot be read or written: ${messageOf(error)}`, {
    cause: error,
  });
}
