// SPDX-License-Identifier: Apache-2.0
import { InvariantError } from '@plumbline/core';
import { Frontier } from '@plumbline/merkle';
import pg from 'pg';
import { type Batch, formatMicros } from '@plumbline/event-log/append';
import type { AppendPlacement } from '@plumbline/event-log';
import { connectionConfig, type ConnectionOptions, sqlStateOf } from '../database/connection.js';
import { int4Array, int8Array, textArray, uuidArray } from './binary-parameters.js';

/** The head of a shard as its leader knows it. */
export interface Head {
  readonly epoch: number;
  readonly frontier: Frontier;
  readonly root: Buffer;
  readonly lastMicros: number;
}

/** A request as the log remembers it. */
export interface KnownRequest {
  readonly digest: Buffer;
  readonly result: AppendPlacement;
}

interface HeadRow {
  readonly epoch: string;
  readonly next_pos: string;
  readonly root: Buffer;
  readonly frontier: Buffer;
  readonly last_micros: string;
}

/**
 * The lock is taken at most once by a session, so that the end of the session frees it. $1 is the shard, $2 whether
 * it is held already.
 */
const TRY_LOCK =
  "select case when $2::boolean then true else pg_try_advisory_lock(hashtextextended('plumbline.ledger.lead', $1::smallint)) end as locked";

interface ClaimRow extends HeadRow {
  readonly locked: boolean;
}

/** A row of a claim that failed has the lock's column only. */
function isClaimed(row: { readonly epoch: string | null }): boolean {
  return row.epoch !== null;
}

const HEAD_COLUMNS = 'epoch, next_pos, root, frontier, (extract(epoch from last_at) * 1000000)::bigint as last_micros';

function headOf(row: HeadRow): Head {
  const frontier = Frontier.decode(Number(row.next_pos), row.frontier);
  if (!frontier.root().equals(row.root)) {
    throw new InvariantError(
      'PLB-9111',
      `the head of the log at ${row.next_pos} does not fit its tree: somebody changed it; restore the database or check it`,
    );
  }
  return { epoch: Number(row.epoch), frontier, root: row.root, lastMicros: Number(row.last_micros) };
}

/** How the writer's connection is made. */
export interface LedgerSqlOptions extends ConnectionOptions {
  readonly shard: number;
}

/** The writer's own connection, and the statements that it sends; made again after it breaks. */
export class LedgerSql {
  readonly #options: LedgerSqlOptions;

  #client: pg.Client | undefined;
  /** True when the session of this client holds the lock of the leader. */
  #locked = false;

  constructor(options: LedgerSqlOptions) {
    this.#options = options;
  }

  /** True when the session of this writer holds the lock that tells others that it lives. */
  get holdsLock(): boolean {
    return this.#locked;
  }

  /** A new epoch, or undefined while another one leads. */
  async takeLead(holder: string, leaseMs: number): Promise<Head | undefined> {
    // The lock goes with the backend, so it tells at once that a leader died; a leader that hangs keeps it, and the
    // lease decides.
    const { rows } = await this.#query<ClaimRow>({
      name: 'claim',
      text: `select l.locked, ${HEAD_COLUMNS} from (${TRY_LOCK} offset 0) l left join lateral ledger.claim_lead($1, $3, $4, l.locked) h on true`,
      values: [this.#options.shard, this.#locked, holder, leaseMs],
    });
    const [row] = rows;
    this.#locked = row?.locked === true;
    if (row === undefined || !isClaimed(row)) {
      // The lock is for who leads: it is free for a leader that came to the lead by the end of a lease.
      if (this.#locked)
        await this.#query({
          text: "select pg_advisory_unlock(hashtextextended('plumbline.ledger.lead', $1::smallint))",
          values: [this.#options.shard],
        });
      this.#locked = false;
      return undefined;
    }
    const head = headOf(row);
    await this.ensurePartitions(head.frontier.size);
    return head;
  }

  /** Who leads, or led last. */
  async leader(): Promise<string | undefined> {
    const { rows } = await this.#query<{ holder: string }>({
      name: 'leader',
      text: 'select holder from ledger.head where shard = $1',
      values: [this.#options.shard],
    });
    return rows[0]?.holder;
  }

  async readHead(): Promise<Head | undefined> {
    const { rows } = await this.#query<HeadRow>({
      text: `select ${HEAD_COLUMNS} from ledger.head where shard = $1`,
      values: [this.#options.shard],
    });
    const [row] = rows;
    return row === undefined ? undefined : headOf(row);
  }

  /** False when the epoch is over. */
  async renewLead(epoch: number, leaseMs: number): Promise<boolean> {
    const { rows } = await this.#query<{ pos: string | null; locked: boolean }>({
      // The lock too: it is lost with a connection, and it may have become free behind a leader that hung.
      name: 'keep',
      text: `select l.locked, ledger.keep_lead($1, $3, $4, l.locked) as pos from (${TRY_LOCK} offset 0) l`,
      values: [this.#options.shard, this.#locked, epoch, leaseMs],
    });
    this.#locked = rows[0]?.locked === true;
    return rows[0]?.pos !== null && rows[0] !== undefined;
  }

  /** Lets go of the lock: who was fenced must not be in the way of the next takeover. */
  letGo(): void {
    if (this.#client !== undefined) this.#drop(this.#client);
  }

  async releaseLead(epoch: number): Promise<void> {
    await this.#query({ text: 'select ledger.release_lead($1, $2)', values: [this.#options.shard, epoch] });
  }

  async ensurePartitions(next: number): Promise<void> {
    await this.#query({ text: 'select ledger.ensure_partitions($1)', values: [next] });
  }

  /** Commits a batch: one call, one transaction. */
  async append(
    batch: Batch,
    place: { readonly epoch: number; readonly leaseMs: number; readonly frontier: Frontier },
  ): Promise<void> {
    const { events } = batch;
    const moves = [...batch.moves];
    const placed = [...batch.placed.values()];
    await this.#query({
      name: 'append',
      text: 'select ledger.append($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)',
      values: [
        this.#options.shard,
        place.epoch,
        batch.firstPosition,
        place.leaseMs,
        batch.recordedAt,
        place.frontier.root(),
        place.frontier.encode(),
        'default',
        textArray(events.map((event) => event.stream)),
        int8Array(events.map((event) => event.revision)),
        textArray(events.map((event) => event.type)),
        batch.lines(),
        Buffer.concat(events.map((event) => event.leaf)),
        textArray(moves.map(([stream]) => stream)),
        int8Array(moves.map(([, move]) => move.before)),
        int8Array(moves.map(([, move]) => move.after)),
        int8Array(moves.map(([, move]) => move.lastPosition)),
        uuidArray(placed.map(({ request }) => request.requestId)),
        int8Array(placed.map(({ result }) => result.firstPosition)),
        int4Array(placed.map(({ request }) => request.count)),
        Buffer.concat(placed.map(({ request }) => request.digest)),
      ],
    });
  }

  /** Revisions of the streams that exist. */
  async revisions(streams: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#query<{ stream: string; revision: string }>({
      name: 'revisions',
      text: 'select stream, revision from ledger.stream_head where shard = $1 and stream = any($2)',
      values: [this.#options.shard, streams],
    });
    return new Map(rows.map((row) => [row.stream, Number(row.revision)]));
  }

  /** All streams when there are at most so many, else undefined. */
  async allRevisions(atMost: number): Promise<ReadonlyMap<string, number> | undefined> {
    const { rows } = await this.#query<{ stream: string; revision: string }>({
      text: 'select stream, revision from ledger.stream_head where shard = $1 limit $2',
      values: [this.#options.shard, atMost + 1],
    });
    return rows.length > atMost ? undefined : new Map(rows.map((row) => [row.stream, Number(row.revision)]));
  }

  /** Those of the requests that have been appended, with their answers. */
  async requests(ids: readonly string[]): Promise<ReadonlyMap<string, KnownRequest>> {
    const { rows } = await this.#query<{
      request_id: string;
      digest: Buffer;
      first_pos: string;
      n: number;
      micros: string;
      stream: string;
      revision: string;
    }>({
      name: 'requests',
      text: `select r.request_id, r.digest, r.first_pos, r.n, (extract(epoch from r.recorded_at) * 1000000)::bigint as micros, e.stream, max(e.revision) as revision
        from ledger.request r join ledger.event e on e.shard = r.shard and e.pos >= r.first_pos and e.pos < r.first_pos + r.n
        where r.request_id = any($1::uuid[]) and r.shard = $2
        group by r.request_id, r.digest, r.first_pos, r.n, r.recorded_at, e.stream`,
      values: [ids, this.#options.shard],
    });
    const known = new Map<string, KnownRequest>();
    for (const row of rows) {
      const firstPosition = Number(row.first_pos);
      const revisions = { ...known.get(row.request_id)?.result.revisions, [row.stream]: Number(row.revision) };
      const result = {
        duplicate: true,
        firstPosition,
        lastPosition: firstPosition + row.n - 1,
        recordedAt: formatMicros(Number(row.micros)),
        revisions,
      };
      known.set(row.request_id, { digest: row.digest, result });
    }
    return known;
  }

  /** Ids of the newest requests, newest first. */
  async newestRequestIds(atMost: number): Promise<readonly string[]> {
    const { rows } = await this.#query<{ request_id: string }>({
      text: 'select request_id from ledger.request where shard = $1 order by request_id desc limit $2',
      values: [this.#options.shard, atMost],
    });
    return rows.map((row) => row.request_id);
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  async #query<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    const client = await this.#connect();
    try {
      return await client.query<Row>(query);
    } catch (error) {
      // After an answer of the server the connection is good; after anything else it is in an unknown state.
      if (!isServerAnswer(error)) this.#drop(client);
      throw error;
    }
  }

  async #connect(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client;
    const client = new pg.Client(connectionConfig(this.#options));
    client.on('error', () => this.#drop(client));
    client.on('end', () => this.#drop(client));
    await client.connect();
    this.#client = client;
    return client;
  }

  #drop(client: pg.Client): void {
    if (this.#client === client) {
      this.#client = undefined;
      this.#locked = false;
    }
    // Not awaited: a peer that does not answer would hold it up.
    client.end().catch(() => undefined);
  }
}

/** True when the server itself said that the statement failed: then nothing of it was committed. */
export function isServerAnswer(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== undefined && !state.startsWith('57P') && !state.startsWith('08');
}
