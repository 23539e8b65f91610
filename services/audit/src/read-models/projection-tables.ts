// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { canonicalJson } from '@plumbline/core';
import type { ParkedItem } from '@plumbline/event-log';
import type { ViewChange } from '@plumbline/read-models';
import type pg from 'pg';
import type { DataSource, Repository } from 'typeorm';
import { ConsumerCursorEntity } from '../database/consumer-cursor.entity.js';
import { poolOf } from '../database/data-source.js';
import { LiveVersionEntity, QuarantinedEventEntity } from './entities.js';
import type { FoldedPage } from './view-fold.js';

/** Name of the projection in cursors, dead letters and parked work. */
export const CONSUMER = 'views';
const SHARD = 0;
const HASHED_AT_ONCE = 50_000;
const REMOVED_AT_ONCE = 20_000;
const VERSIONED = [
  'projection.document',
  'projection.audit_event',
  'projection.history',
  'projection.history_key',
] as const;

const cursorOf = (version: number): Pick<ConsumerCursorEntity, 'consumer' | 'version' | 'shard' | 'partition'> => ({
  consumer: CONSUMER,
  version,
  shard: SHARD,
  partition: 0,
});

/** What a version of the projection was when it was last written. */
export interface LoadedProjection {
  readonly documents: readonly ViewChange[];
  readonly parkedKeys: readonly string[];
  /** The next position to fold. */
  readonly position: number;
}

/** A page and the move of the cursor that goes with it. */
export interface PageWrite {
  readonly version: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  readonly page: FoldedPage;
}

const WRITE_PAGE = `
with moved as (
  update ledger.cursor set pos = $5, owner_epoch = $3, updated_at = clock_timestamp()
  where consumer = '${CONSUMER}' and version = $1 and shard = $2 and partition = 0 and pos = $4 and owner_epoch <= $3
  returning 1
), put as (
  insert into projection.document as d (version, view, key, document, position)
  select $1, p.view, p.key, p.document::json, p.position
  from rows from (unnest($6::text[]), unnest($7::text[]), string_to_table($8::text, E'\\n'), unnest($9::bigint[])) as p(view, key, document, position)
  where exists (select from moved)
  on conflict (version, view, key) do update set document = excluded.document, position = excluded.position where d.position < excluded.position
), dropped as (
  delete from projection.document d using unnest($10::text[], $11::text[]) as g(view, key)
  where d.version = $1 and d.view = g.view and d.key = g.key and exists (select from moved)
), recorded as (
  insert into projection.history (version, view, key, from_pos, document, recorded_at, occurred_at)
  select $1, s.view, s.key, s.from_pos, s.document::json, s.recorded_at, s.occurred_at
  from rows from (unnest($24::text[]), unnest($25::text[]), unnest($26::bigint[]), string_to_table($27::text, E'\\n', ''), unnest($28::timestamptz[]), unnest($29::timestamptz[]))
    as s(view, key, from_pos, document, recorded_at, occurred_at)
  where exists (select from moved)
  on conflict do nothing
), keyed as (
  insert into projection.history_key (version, view, key)
  select distinct $1::integer, s.view, s.key from rows from (unnest($24::text[]), unnest($25::text[])) as s(view, key)
  where exists (select from moved)
  on conflict do nothing
), indexed as (
  insert into projection.audit_event (version, position, type, actor, actor_name, application, environment, cluster, correlation_id, recorded_at)
  select $1, e.* from unnest($12::bigint[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::timestamptz[]) as e
  where exists (select from moved)
  on conflict do nothing
), parked as (
  insert into ledger.dead_letter (consumer, version, shard, pos, key, attempts, error, state)
  select '${CONSUMER}', $1, $2, k.pos, k.key, 1, k.error, 'parked' from unnest($21::bigint[], $22::text[], $23::text[]) as k(pos, key, error)
  where exists (select from moved)
  on conflict do nothing
)
select count(*)::integer as moved from moved`;

/**
 * The tables of the projection: documents, search index, cursor, parked keys; a page is one statement, so all of it
 * or nothing.
 */
export class ProjectionTables {
  readonly #pool: pg.Pool;
  readonly #live: Repository<LiveVersionEntity>;
  readonly #cursors: Repository<ConsumerCursorEntity>;
  readonly #quarantined: Repository<QuarantinedEventEntity>;

  constructor(source: DataSource) {
    this.#pool = poolOf(source);
    this.#live = source.getRepository(LiveVersionEntity);
    this.#cursors = source.getRepository(ConsumerCursorEntity);
    this.#quarantined = source.getRepository(QuarantinedEventEntity);
  }

  /** The version that is shown. */
  async liveVersion(): Promise<number> {
    return (await this.live()).version;
  }

  /** The version that is shown, and by which definition of the views it was made; '' before the first event. */
  async live(): Promise<{ readonly version: number; readonly definition: string }> {
    const found = await this.#live.findOneBy({ consumer: CONSUMER });
    return found === null ? { version: 1, definition: '' } : { version: found.version, definition: found.definition };
  }

  /** Notes the definition that the shown version is made by. */
  async define(definition: string): Promise<void> {
    await this.#live.update({ consumer: CONSUMER }, { definition });
  }

  /** Next position of a version; 0 when it has none yet. */
  async position(version: number): Promise<number> {
    return (await this.#cursors.findOneBy(cursorOf(version)))?.position ?? 0;
  }

  /** Everything of a version; makes its cursor when there is none. */
  async load(version: number): Promise<LoadedProjection> {
    await this.#cursors
      .createQueryBuilder()
      .insert()
      .values({ ...cursorOf(version), position: 0, ownerEpoch: 0 })
      .orIgnore()
      .execute();
    // The position first: documents can then only be newer, and a cursor that moved meanwhile fails the next write.
    const position = await this.position(version);
    const documents = await this.#documents(version);
    const parkedKeys = new Set((await this.#quarantinedOf(version)).map(({ stream }) => stream));
    return { documents, parkedKeys: [...parkedKeys], position };
  }

  /**
   * Returns the quarantined streams of a version: the event that failed first of each, and how many events wait
   * behind it.
   */
  async parked(version: number): Promise<readonly ParkedItem[]> {
    const items = new Map<string, ParkedItem>();
    for (const { stream, position, message, attempts, updatedAtText } of await this.#quarantinedOf(version)) {
      const first = items.get(stream);
      items.set(
        stream,
        first === undefined
          ? { consumer: CONSUMER, position, key: stream, error: message, attempts, waiting: 0, parkedAt: updatedAtText }
          : { ...first, waiting: first.waiting + 1 },
      );
    }
    return [...items.values()];
  }

  #quarantinedOf(version: number): Promise<QuarantinedEventEntity[]> {
    return this.#quarantined.find({
      where: { consumer: CONSUMER, version, shard: SHARD, state: 'parked' },
      order: { position: 'ASC' },
    });
  }

  /** False when the cursor is not where the page starts, or belongs to a later epoch: then nothing was written. */
  async write({ version, epoch, from, to, page }: PageWrite): Promise<boolean> {
    const put = page.documents.filter(({ change }) => change.document !== undefined);
    const { steps } = page;
    const dropped = page.documents.filter(({ change }) => change.document === undefined);
    const column = <Row, Value>(list: readonly Row[], value: (row: Row) => Value): Value[] => list.map(value);
    const { rows } = await this.#pool.query<{ moved: number }>({
      name: 'write-page',
      text: WRITE_PAGE,
      values: [
        version,
        SHARD,
        epoch,
        from,
        to,
        column(put, ({ change }) => change.view),
        column(put, ({ change }) => change.key),
        // JSON text has no raw line feed, so lines carry it without a second level of quoting.
        put.length === 0 ? null : put.map(({ change }) => JSON.stringify(change.document)).join('\n'),
        column(put, ({ position }) => position),
        column(dropped, ({ change }) => change.view),
        column(dropped, ({ change }) => change.key),
        column(page.rows, (row) => row.position),
        column(page.rows, (row) => row.type),
        column(page.rows, (row) => row.actor),
        column(page.rows, (row) => row.actorName),
        column(page.rows, (row) => row.application),
        column(page.rows, (row) => row.environment),
        column(page.rows, (row) => row.cluster),
        column(page.rows, (row) => row.correlationId),
        column(page.rows, (row) => row.recordedAt),
        column(page.parked, (row) => row.position),
        column(page.parked, (row) => row.key),
        column(page.parked, (row) => row.message.slice(0, 4_000)),
        column(steps, ({ change }) => change.view),
        column(steps, ({ change }) => change.key),
        column(steps, ({ position }) => position),
        // An empty line is a document that is gone: no JSON is empty.
        steps.length === 0
          ? null
          : steps
              .map(({ change }) => (change.document === undefined ? '' : JSON.stringify(change.document)))
              .join('\n'),
        column(steps, ({ recordedAt }) => recordedAt),
        column(steps, ({ occurredAt }) => occurredAt),
      ],
    });
    return rows[0]?.moved === 1;
  }

  /** Removes the rows of versions that were shown before, in portions: nobody reads them, and nobody has to wait. */
  async removeOlder(version: number): Promise<void> {
    for (const table of VERSIONED) {
      for (let removed = REMOVED_AT_ONCE; removed === REMOVED_AT_ONCE;) {
        const { rowCount } = await this.#pool.query(
          `delete from ${table} where ctid = any(array(select ctid from ${table} where version < $1 limit ${REMOVED_AT_ONCE}))`,
          [version],
        );
        removed = rowCount ?? 0;
      }
    }
  }

  /** Shows another version in the place of the one before, in one transaction. */
  async flip(from: number, to: number, definition: string): Promise<void> {
    await this.#live.manager.transaction(async (manager) => {
      await manager.update(LiveVersionEntity, { consumer: CONSUMER }, { version: to, definition, history: true });
      await manager.delete(ConsumerCursorEntity, { consumer: CONSUMER, version: from });
      await manager.update(
        QuarantinedEventEntity,
        { consumer: CONSUMER, version: from },
        { state: 'resolved', updatedAt: () => 'clock_timestamp()' },
      );
    });
  }

  /** Removes what an earlier rebuild that did not finish left behind. */
  async clear(version: number): Promise<void> {
    for (const table of VERSIONED) await this.#pool.query(`delete from ${table} where version = $1`, [version]);
    await this.#cursors.delete({ consumer: CONSUMER, version });
    await this.#quarantined.delete({ consumer: CONSUMER, version });
  }

  /** Hash over all rows of a version in their order: two versions that show the same have the same. */
  async hash(version: number): Promise<string> {
    const hash = createHash('sha256');
    for (const { view, key, document } of await this.#documents(version))
      hash.update(`${view}\n${key}\n${canonicalJson(document)}\n`);
    // In the database: the rows are many, and only their hash is wanted.
    const {
      rows: [last],
    } = await this.#pool.query<{ next: string }>(
      'select coalesce(max(position) + 1, 0) as next from projection.audit_event where version = $1',
      [version],
    );
    for (let from = 0; from < Number(last?.next ?? 0); from += HASHED_AT_ONCE) {
      const {
        rows: [part],
      } = await this.#pool.query<{ hash: string | null }>({
        name: 'hash-rows',
        text: `select encode(sha256(convert_to(string_agg(row(position, type, actor, actor_name, application, environment, cluster, correlation_id, recorded_at)::text, E'\\n' order by position), 'UTF8')), 'hex') as hash
          from projection.audit_event where version = $1 and position >= $2 and position < $3`,
        values: [version, from, from + HASHED_AT_ONCE],
      });
      hash.update(`${from} ${part?.hash ?? ''}\n`);
    }
    return hash.digest('hex');
  }

  async #documents(version: number): Promise<ViewChange[]> {
    const { rows } = await this.#pool.query<ViewChange>(
      'select view, key, document from projection.document where version = $1 order by view, key',
      [version],
    );
    return rows;
  }
}
