// SPDX-License-Identifier: Apache-2.0
import {
  type Clock,
  ConflictError,
  messageOf,
  NotFoundError,
  StreamName,
  UpstreamError,
  uuidv7,
} from '@plumbline/core';
import {
  checkLegalHold,
  type EventLog,
  type HoldChange,
  type LegalHold,
  type LegalHolds,
  type NewLegalHold,
} from '@plumbline/event-log';
import type { Actor, RecordedEvent } from '@plumbline/events';
import type pg from 'pg';
import { type DataSource, type FindOptionsWhere, IsNull, type Repository } from 'typeorm';
import { LegalHoldEntity } from './entities.js';

const SHARD = 0;
const STREAM = StreamName.parse('log-holds');

function holdOf(row: LegalHoldEntity): LegalHold {
  return {
    id: row.id,
    from: row.first,
    ...(row.next === null ? {} : { to: row.next }),
    reason: row.reason,
    placedBy: row.placedBy,
    placedAt: row.placedAtText,
    ...(row.liftedBy === null ? {} : { liftedBy: row.liftedBy }),
    ...(row.liftedAtText === null ? {} : { liftedAt: row.liftedAtText }),
  };
}

/**
 * Returns the ids of the holds in force that reach into a range. Runs on the connection of the archiver, which holds
 * its lock.
 */
export async function holdsOver(
  client: Pick<pg.Client, 'query'>,
  range: { readonly first: number; readonly next: number },
): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    'select id from ledger.legal_hold where shard = $1 and lifted_at is null and first_pos < $3 and coalesce(next_pos, $3) > $2 order by id',
    [SHARD, range.first, range.next],
  );
  return rows.map(({ id }) => id);
}

/** What {@link PostgresLegalHolds} needs. */
export interface LegalHoldsOptions {
  readonly source: DataSource;
  readonly log: Pick<EventLog, 'append' | 'readStream'> & { readonly leads: boolean };
  readonly clock: Clock;
}

/**
 * Legal holds in the table that the archiver reads; each change appends an event. The same request completes what a
 * crash left undone:
 * a hold is in force before its event is appended, and the event of its end is appended before it ends.
 */
export class PostgresLegalHolds implements LegalHolds {
  readonly #options: LegalHoldsOptions;
  readonly #holds: Repository<LegalHoldEntity>;

  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LegalHoldsOptions) {
    this.#options = options;
    this.#holds = options.source.getRepository(LegalHoldEntity);
  }

  async list(): Promise<readonly LegalHold[]> {
    return this.#find({});
  }

  /** Returns the ids of the holds in force that cover one of these positions. */
  async over(positions: readonly number[]): Promise<readonly string[]> {
    const holds = await this.#find({ liftedAt: IsNull() });
    return holds
      .filter(({ from, to = Number.POSITIVE_INFINITY }) =>
        positions.some((position) => position >= from && position < to),
      )
      .map(({ id }) => id);
  }

  async place(given: NewLegalHold, by: Actor): Promise<HoldChange> {
    checkLegalHold(given);
    return this.#inTurn(async () => {
      const { id, from, to, reason } = given;
      await reported(
        this.#holds
          .createQueryBuilder()
          .insert()
          .values({ id, shard: SHARD, first: from, next: to ?? null, reason, placedBy: by.id })
          .orIgnore()
          .execute(),
      );
      const hold = await this.#known(id);
      if (
        hold.liftedAt !== undefined ||
        hold.from !== from ||
        hold.to !== to ||
        hold.reason !== reason ||
        hold.placedBy !== by.id
      ) {
        throw new ConflictError(
          'PLB-4108',
          `there is a legal hold ${id} already, or there was one: a hold is never changed, and its name not used again`,
        );
      }
      const event = await this.#toldOf('LegalHoldPlaced', id);
      if (event !== undefined) return { hold, changed: false, position: event.position };
      return {
        hold,
        changed: true,
        position: await this.#tell(by, {
          type: 'LegalHoldPlaced',
          data: { hold: id, from, ...(to === undefined ? {} : { to }), reason },
        }),
      };
    });
  }

  async lift(id: string, by: Actor): Promise<HoldChange> {
    return this.#inTurn(async () => {
      const hold = await this.#known(id);
      const event = await this.#toldOf('LegalHoldLifted', id);
      if (event !== undefined && hold.liftedAt !== undefined) return { hold, changed: false, position: event.position };
      const position = event?.position ?? (await this.#tell(by, { type: 'LegalHoldLifted', data: { hold: id } }));
      await reported(
        this.#holds.update(
          { id, liftedAt: IsNull() },
          { liftedBy: event?.actor.id ?? by.id, liftedAt: () => 'clock_timestamp()' },
        ),
      );
      return { hold: await this.#known(id), changed: true, position };
    });
  }

  async #known(id: string): Promise<LegalHold> {
    const [hold] = await this.#find({ id });
    if (hold === undefined) throw new NotFoundError('PLB-3154', `there is no legal hold ${id}`);
    return hold;
  }

  async #toldOf(type: 'LegalHoldPlaced' | 'LegalHoldLifted', id: string): Promise<RecordedEvent | undefined> {
    return (await this.#options.log.readStream(STREAM)).find((event) => event.type === type && event.data.hold === id);
  }

  async #tell(
    actor: Actor,
    event: Parameters<EventLog['append']>[0]['items'][number]['events'][number],
  ): Promise<number> {
    const { lastPosition } = await this.#options.log.append({
      requestId: uuidv7(this.#options.clock.nowMs()),
      actor,
      service: 'audit',
      items: [{ stream: STREAM, expected: { type: 'any' }, events: [event] }],
    });
    return lastPosition;
  }

  /** One after the other, in the process that leads: what is told in the log decides. */
  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(async () => {
      if (!this.#options.log.leads)
        throw new UpstreamError('PLB-6002', 'another process leads the log: it alone changes legal holds', {
          details: { notLeading: true },
        });
      return work();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #find(where: FindOptionsWhere<LegalHoldEntity>): Promise<readonly LegalHold[]> {
    const rows = await reported(this.#holds.find({ where, order: { placedAt: 'ASC', id: 'ASC' } }));
    return rows.map(holdOf);
  }
}

/** @throws UpstreamError PLB-6007 */
async function reported<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw new UpstreamError('PLB-6007', `the legal holds cannot be read or written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
