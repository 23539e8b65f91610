// SPDX-License-Identifier: Apache-2.0
import { ConflictError, InputError, NotFoundError } from '@plumbline/core';
import type pg from 'pg';

const SHARD = 0;

/** Positions that must stay in the database. */
export interface LegalHold {
  readonly id: string;
  readonly first: number;
  /** Absent: everything from `first` on. */
  readonly next?: number;
  readonly reason: string;
  readonly placedBy: string;
}

/** The holds that are not lifted and reach into a range, by id. */
export async function holdsOver(client: Pick<pg.Client, 'query'>, range: { readonly first: number; readonly next: number }): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    'select id from ledger.legal_hold where shard = $1 and lifted_at is null and first_pos < $3 and coalesce(next_pos, $3) > $2 order by id', [SHARD, range.first, range.next],
  );
  return rows.map(({ id }) => id);
}

/** Keeps and lifts legal holds. Nothing about one is ever changed or removed. */
export class LegalHolds {
  constructor(private readonly pool: pg.Pool) {}

  /** @throws InputError PLB-1172 for a range that is none, ConflictError PLB-4108 when there is a hold of this id */
  async place(hold: LegalHold): Promise<void> {
    if (!Number.isSafeInteger(hold.first) || hold.first < 0 || (hold.next !== undefined && !(hold.next > hold.first)) || hold.id === '' || hold.reason === '') {
      throw new InputError('PLB-1172', 'a legal hold needs an id, a reason, and positions from a first one up to a later one');
    }
    const { rowCount } = await this.pool.query(
      'insert into ledger.legal_hold (id, shard, first_pos, next_pos, reason, placed_by) values ($1, $2, $3, $4, $5, $6) on conflict do nothing',
      [hold.id, SHARD, hold.first, hold.next ?? null, hold.reason, hold.placedBy],
    );
    if (rowCount !== 1) throw new ConflictError('PLB-4108', `there is a legal hold ${hold.id} already`);
  }

  /** @throws NotFoundError PLB-3154 when there is none that is not lifted */
  async lift(id: string, liftedBy: string): Promise<void> {
    const { rowCount } = await this.pool.query('update ledger.legal_hold set lifted_by = $2, lifted_at = clock_timestamp() where id = $1 and lifted_at is null', [id, liftedBy]);
    if (rowCount !== 1) throw new NotFoundError('PLB-3154', `there is no legal hold ${id} that could be lifted`);
  }
}
