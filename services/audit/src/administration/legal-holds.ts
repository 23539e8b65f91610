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

const SHARD = 0;
const STREAM = StreamName.parse('log-holds');
const COLUMNS = `id, first_pos, next_pos, reason, placed_by, ${timeText('placed_at')} as placed_at, lifted_by, ${timeText('lifted_at')} as lifted_at`;

function timeText(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

interface HoldRow {
  readonly id: string;
  readonly first_pos: string;
  readonly next_pos: string | null;
  readonly reason: string;
  readonly placed_by: string;
  readonly placed_at: string;
  readonly lifted_by: string | null;
  readonly lifted_at: string | null;
}

function holdOf(row: HoldRow): LegalHold {
  return {
    id: row.id,
    from: Number(row.first_pos),
    ...(row.next_pos === null ? {} : { to: Number(row.next_pos) }),
    reason: row.reason,
    placedBy: row.placed_by,
    placedAt: row.placed_at,
    ...(row.lifted_by === null ? {} : { liftedBy: row.lifted_by }),
    ...(row.lifted_at === null ? {} : { liftedAt: row.lifted_at }),
  };
}

/** The holds that are not lifted and reach into a range, by id. */
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

/** What a hold keeper needs. */
export interface LegalHoldsOptions {
  readonly pool: pg.Pool;
  readonly log: Pick<EventLog, 'append' | 'readStream'> & { readonly leads: boolean };
  readonly clock: Clock;
}

/**
 * Legal holds in the table that the archiver asks, each change with its event. Whatever a crash leaves undone, the same request again
 * completes: a hold is in force before it is told of, and told to be lifted before it is.
 */
export class PostgresLegalHolds implements LegalHolds {
  readonly #options: LegalHoldsOptions;

  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LegalHoldsOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly LegalHold[]> {
    return this.#holds('true', []);
  }

  /** The holds in force that keep one of these positions, by id. */
  async over(positions: readonly number[]): Promise<readonly string[]> {
    const holds = await this.#holds('lifted_at is null', []);
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
      await this.#asked({
        text: 'insert into ledger.legal_hold (id, shard, first_pos, next_pos, reason, placed_by) values ($1, $2, $3, $4, $5, $6) on conflict do nothing',
        values: [id, SHARD, from, to ?? null, reason, by.id],
      });
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
      await this.#asked({
        text: 'update ledger.legal_hold set lifted_by = $2, lifted_at = clock_timestamp() where id = $1 and lifted_at is null',
        values: [id, event?.actor.id ?? by.id],
      });
      return { hold: await this.#known(id), changed: true, position };
    });
  }

  async #known(id: string): Promise<LegalHold> {
    const [hold] = await this.#holds('id = $1', [id]);
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

  async #holds(where: string, values: readonly unknown[]): Promise<readonly LegalHold[]> {
    const { rows } = await this.#asked<HoldRow>({
      text: `select ${COLUMNS} from ledger.legal_hold where ${where} order by legal_hold.placed_at, id`,
      values: [...values],
    });
    return rows.map(holdOf);
  }

  async #asked<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    try {
      return await this.#options.pool.query<Row>(query);
    } catch (error) {
      throw new UpstreamError('PLB-6007', `the legal holds cannot be read or written: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}
