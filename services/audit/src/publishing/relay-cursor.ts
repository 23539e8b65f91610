// SPDX-License-Identifier: Apache-2.0
import type pg from 'pg';

const CONSUMER = 'relay';
const VERSION = 1;
const SHARD = 0;

/** How far the relay has come, kept in the database. */
export class RelayCursor {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** The next position to publish. */
  async load(): Promise<number> {
    const { rows } = await this.#pool.query<{ pos: string }>(
      `insert into ledger.cursor (consumer, version, shard, partition, pos, owner_epoch) values ($1, $2, $3, 0, 0, 0)
       on conflict (consumer, version, shard, partition) do update set updated_at = clock_timestamp() returning pos`,
      [CONSUMER, VERSION, SHARD],
    );
    return Number(rows[0]?.pos ?? 0);
  }

  /** Moves on; does nothing when a later epoch owns the cursor or it is further already. */
  async save(position: number, epoch: number): Promise<void> {
    await this.#pool.query({
      name: 'relay-cursor',
      text: `update ledger.cursor set pos = $4, owner_epoch = $5, updated_at = clock_timestamp()
        where consumer = $1 and version = $2 and shard = $3 and partition = 0 and pos < $4 and owner_epoch <= $5`,
      values: [CONSUMER, VERSION, SHARD, position, epoch],
    });
  }
}
