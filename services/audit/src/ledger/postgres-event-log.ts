// SPDX-License-Identifier: Apache-2.0
import { type Clock, messageOf, systemClock, UpstreamError, uuidv7 } from '@plumbline/core';
import { decodeEvent, type RecordedEvent } from '@plumbline/events';
import pg from 'pg';
import { type Batch, checkReadOptions, checkRequest, formatMicros } from '@plumbline/event-log/append';
import {
  type AppendPlacement,
  type AppendRequest,
  type AppendResult,
  type BodyPage,
  type CommittedListener,
  type CommittedRange,
  type EventPage,
  notifyAll,
  type RawAppendResult,
  type RawEventLog,
  readAppended,
  type ReadOptions,
  Refusals,
  type StoredBody,
} from '@plumbline/event-log';
import { connectionConfig, WRITER_ROLE } from '../database/connection.js';
import { type Head, LedgerSql } from './ledger-sql.js';
import { LedgerWriter } from './ledger-writer.js';
import type { WriterLimits } from './writer-limits.js';
import { migrateLedger } from './migrate.js';
import { type Notices, silent } from './notices.js';
import { ArchiveFiles } from './archive/archive-files.js';
import { ArchivedEvents } from './archive/archived-events.js';
import { hasSealedOf } from './personal/personal-seal.js';
import { PersonalFields } from './personal/personal-fields.js';
import { RecentCommits } from './recent-commits.js';
import { Tail } from './tail.js';

/** How the log on PostgreSQL is opened. */
export interface PostgresEventLogOptions {
  /** `postgres://…`; straight to the server: a pooler in transaction mode loses the lead's lock. */
  readonly url: string;
  readonly clock?: Clock;
  readonly notices?: Notices;
  /** Bring the schema up to date first; true when absent. Another URL is for an owner apart from the writer. */
  readonly migrate?: boolean | { readonly url: string };
  /** Role that the connections act as; `plumbline_writer` when absent, 'none' for the user of the URL. */
  readonly role?: string | 'none';
  readonly limits?: Partial<WriterLimits>;
  /**
   * 32 bytes: names of users and people of commits are sealed under keys of their own, which this one wraps. Stored
   * as they are when absent.
   */
  readonly personalKey?: Uint8Array;
  /** Directory of the events that were taken out of the database. */
  readonly archiveDirectory?: string;
}

const SHARD = 0;
const STATEMENT_TIMEOUT_MS = 2_000;
const SCANNED_AT_ONCE = 1_000;
/** How far a filtered read looks for one page. */
const SCAN_FACTOR = 20;
const MIN_SCAN = 10_000;

type Reading = ReturnType<typeof checkReadOptions>;

/**
 * The log on PostgreSQL, with its writer in this process. Any number of processes may open it: one leads and writes,
 * the others
 * read and refuse to append with `UpstreamError` PLB-6002 until they lead.
 */
export class PostgresEventLog implements RawEventLog, AsyncDisposable {
  /** What this process refused to append. */
  readonly refusals = new Refusals();
  readonly #pool: pg.Pool;
  readonly #sql: LedgerSql;
  readonly #writer: LedgerWriter;
  readonly #tail = new Tail({ events: 20_000, bytes: 32 * 1024 * 1024 });
  readonly #ranges = new RecentCommits(8_192);
  readonly #listeners = new Set<CommittedListener>();
  readonly #leadListeners = new Set<(leads: boolean) => void>();
  readonly #clock: Clock;
  readonly #personal: PersonalFields | undefined;
  readonly #archived: ArchivedEvents | undefined;
  #leads = false;
  #onDuration: ((ms: number) => void) | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: PostgresEventLogOptions) {
    const notices = options.notices ?? silent;
    const role = options.role === 'none' ? undefined : (options.role ?? WRITER_ROLE);
    const connection = { url: options.url, role, statementTimeoutMs: STATEMENT_TIMEOUT_MS };
    this.#clock = options.clock ?? systemClock;
    this.#pool = new pg.Pool({
      ...connectionConfig({ ...connection, statementTimeoutMs: 30_000 }),
      max: 4,
      idleTimeoutMillis: 30_000,
    });
    this.#pool.on('error', (error) => notices.warn('a connection to the log broke', { reason: messageOf(error) }));
    this.#personal =
      options.personalKey === undefined
        ? undefined
        : new PersonalFields(this.#pool, options.personalKey, () => this.#leads);
    this.#archived =
      options.archiveDirectory === undefined
        ? undefined
        : new ArchivedEvents(this.#pool, new ArchiveFiles(options.archiveDirectory));
    this.#sql = new LedgerSql({ ...connection, shard: SHARD });
    this.#writer = new LedgerWriter({
      sql: this.#sql,
      holder: `${process.pid}-${uuidv7(this.#clock.nowMs())}`,
      clock: this.#clock,
      notices,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      onLead: (head) => this.#lead(head),
      onStepDown: () => this.#follow(),
      onCommit: (batch) => this.#commit(batch),
      onDuration: (ms) => this.#onDuration?.(ms),
    });
  }

  /**
   * Migrates if asked to, and starts the writer; it may not lead yet when this resolves, see {@link whenLeading}.
   * @throws UpstreamError PLB-6003 when the schema cannot be brought up to date.
   */
  static async open(options: PostgresEventLogOptions): Promise<PostgresEventLog> {
    const migrate = options.migrate ?? true;
    if (migrate !== false) await migrateLedger(migrate === true ? options.url : migrate.url);
    const log = new PostgresEventLog(options);
    log.#writer.start();
    return log;
  }

  /** True while this process is the one that writes. */
  get leads(): boolean {
    return this.#leads;
  }

  /** The epoch of this process's lead; undefined while it does not lead. */
  get epoch(): number | undefined {
    return this.#writer.epoch;
  }

  /** One above the last committed position, without asking the database; undefined while this process does not lead. */
  get nextPosition(): number | undefined {
    return this.#leads ? this.#tail.nextPosition : undefined;
  }

  /** Resolves when this process leads. */
  whenLeading(): Promise<void> {
    if (this.#leads) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.onLead((leads) => {
        if (!leads) return;
        stop();
        resolve();
      });
    });
  }

  /** Tells when this process begins and ceases to lead. */
  onLead(listener: (leads: boolean) => void): () => void {
    this.#leadListeners.add(listener);
    return () => this.#leadListeners.delete(listener);
  }

  /** Tells after each commit of this process where it went; returns the way to stop. */
  onCommitted(listener: CommittedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reports the duration of each commit in the database, in milliseconds; one listener. */
  observeCommits(listener: (ms: number) => void): void {
    this.#onDuration = listener;
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const { bodies, ...placement } = await this.appendBodies(request);
    return { ...placement, events: bodies.map(({ body }) => decodeEvent(body)) };
  }

  async appendBodies(request: AppendRequest): Promise<RawAppendResult> {
    const placement = await this.#append(request);
    return { ...placement, bodies: await readAppended(this, placement) };
  }

  async #append(request: AppendRequest): Promise<AppendPlacement> {
    try {
      this.#writer.requireRoom();
      const nowMs = this.#clock.nowMs();
      const checked = checkRequest(request, nowMs);
      const sealed = this.#personal === undefined ? request : await this.#personal.seal(request);
      return await this.#writer.append(sealed === request ? checked : checkRequest(sealed, nowMs, { sealed: true }));
    } catch (error) {
      this.refusals.count(error);
      throw error;
    }
  }

  /**
   * Stored events with the personal data that has not been erased; what a reader may see. The tree has them as they
   * are stored.
   */
  async reveal<Body extends StoredBody>(bodies: readonly Body[]): Promise<readonly Body[]> {
    return this.#personal === undefined ? bodies : this.#personal.reveal(bodies);
  }

  /** Who has a key of their own here; undefined when personal data is stored as it is. */
  get personal(): PersonalFields | undefined {
    return this.#personal;
  }

  /** Positions of the events that hold something of a person; reads the whole log, its archived part too. */
  async sealedOf(subject: string): Promise<readonly number[]> {
    const head = await this.head();
    const found: number[] = [];
    for (let from = 0; from < head;) {
      const { bodies, nextPosition } = await this.readStoredBodies({ from, limit: SCANNED_AT_ONCE });
      for (const { position, body } of bodies) if (hasSealedOf(body, subject)) found.push(position);
      if (nextPosition <= from) break;
      from = nextPosition;
    }
    return found;
  }

  async read(options: ReadOptions): Promise<EventPage> {
    const { bodies, nextPosition, headPosition } = await this.readBodies(options);
    return { events: bodies.map(({ body }) => decodeEvent(body)), nextPosition, headPosition };
  }

  async readBodies(options: ReadOptions): Promise<BodyPage> {
    const page = await this.readStoredBodies(options);
    return this.#personal === undefined ? page : { ...page, bodies: await this.#personal.reveal(page.bodies) };
  }

  /** As {@link readBodies}, with personal data as it is stored and hashed: sealed. */
  async readStoredBodies(options: ReadOptions): Promise<BodyPage> {
    const { from, limit, types } = checkReadOptions(options);
    if (this.#leads) {
      const page = this.#tail.read(from, limit, types);
      if (page !== undefined) return { ...page, headPosition: this.#tail.nextPosition };
    }
    if (this.#archived?.has(from) === true) return this.#readArchived(this.#archived, { from, limit, types });
    const page = await this.#readTable({ from, limit, types });
    if (this.#archived === undefined || page.headPosition <= from || page.bodies[0]?.position === from) return page;
    // Nothing at this position: filtered out, or taken out of the table.
    await this.#archived.refresh();
    return this.#archived.has(from) ? this.#readArchived(this.#archived, { from, limit, types }) : page;
  }

  async #readArchived(archived: ArchivedEvents, { from, limit, types }: Reading): Promise<BodyPage> {
    const all = await archived.read(from, types === undefined ? limit : MIN_SCAN);
    const bodies =
      types === undefined
        ? all
        : all.filter(({ body }) => types.has((JSON.parse(body) as { type: string }).type)).slice(0, limit);
    const full = bodies.length === limit ? bodies.at(-1) : all.at(-1);
    return { bodies, nextPosition: (full?.position ?? from - 1) + 1, headPosition: await this.head() };
  }

  async #readTable({ from, limit, types }: Reading): Promise<BodyPage> {
    const scan = types === undefined ? limit : Math.max(MIN_SCAN, limit * SCAN_FACTOR);
    // One statement, one snapshot: the head and the events below it come from the same moment.
    const { rows } = await this.#query<{ next_pos: string; pos: string | null; body: string | null }>({
      name: types === undefined ? 'read' : 'read-types',
      text: `select h.next_pos, e.pos, e.body from (select coalesce((select next_pos from ledger.head where shard = $1), 0) as next_pos) h
        left join lateral (
          select pos, body from ledger.event where shard = $1 and pos >= $2 and pos < $3 ${types === undefined ? '' : 'and type = any($5)'} order by pos limit $4
        ) e on true`,
      values: [SHARD, from, from + scan, limit, ...(types === undefined ? [] : [[...types]])],
    });
    const headPosition = Number(rows[0]?.next_pos ?? 0);
    const bodies = rows.flatMap((row) => (row.body === null ? [] : [{ position: Number(row.pos), body: row.body }]));
    const last = bodies.at(-1);
    const full = bodies.length === limit && last !== undefined;
    const nextPosition = full ? last.position + 1 : Math.max(from, Math.min(from + scan, headPosition));
    return { bodies, nextPosition, headPosition };
  }

  async readStream(stream: string, fromRevision = 0): Promise<readonly RecordedEvent[]> {
    return (await this.readStreamBodies(stream, fromRevision)).map((body) => decodeEvent(body));
  }

  async readStreamBodies(stream: string, fromRevision = 0): Promise<readonly string[]> {
    const { rows } = await this.#query<{ pos: string; revision: string; body: string }>({
      name: 'read-stream',
      text: 'select pos, revision, body from ledger.event where shard = $1 and stream = $2 and revision >= $3 order by revision',
      values: [SHARD, stream, fromRevision],
    });
    const found = rows.map((row) => ({ position: Number(row.pos), body: row.body }));
    const older =
      this.#archived !== undefined && Number(rows[0]?.revision ?? -1) !== fromRevision
        ? await this.#archivedOf(this.#archived, stream, fromRevision)
        : [];
    return (
      await this.reveal([
        ...older.filter(({ position }) => position < (found[0]?.position ?? Number.POSITIVE_INFINITY)),
        ...found,
      ])
    ).map(({ body }) => body);
  }

  async #archivedOf(archived: ArchivedEvents, stream: string, fromRevision: number): Promise<readonly StoredBody[]> {
    await archived.refresh();
    return (await archived.ofStream(stream)).filter(({ body }) => {
      const event = JSON.parse(body) as { readonly stream: string; readonly revision: number };
      return event.stream === stream && event.revision >= fromRevision;
    });
  }

  async head(): Promise<number> {
    if (this.#leads) return this.#tail.nextPosition;
    const { rows } = await this.#query<{ next_pos: string }>({
      text: 'select next_pos from ledger.head where shard = $1',
      values: [SHARD],
    });
    return Number(rows[0]?.next_pos ?? 0);
  }

  /** Borders of the commits that end at or above a position, in order. */
  async commits(from: number, limit: number): Promise<readonly CommittedRange[]> {
    const recent = this.#leads ? this.#ranges.from(from, limit) : undefined;
    if (recent !== undefined) return recent;
    const { rows } = await this.#query<{ first_pos: string; last_pos: string; micros: string }>({
      name: 'commits',
      text: 'select first_pos, last_pos, (extract(epoch from recorded_at) * 1000000)::bigint as micros from ledger.commit where shard = $1 and last_pos >= $2 order by last_pos limit $3',
      values: [SHARD, from, limit],
    });
    return rows.map((row) => ({
      firstPosition: Number(row.first_pos),
      lastPosition: Number(row.last_pos),
      recordedAt: formatMicros(Number(row.micros)),
    }));
  }

  /** Stops taking requests, finishes those that wait, gives up the lead, closes. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#writer.stop();
    await this.#sql.close();
    await this.#pool.end();
  }

  async #query<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    try {
      return await this.#pool.query<Row>(query);
    } catch (error) {
      throw new UpstreamError('PLB-6001', `the log cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  #lead(head: Head): void {
    this.#tail.reset(head.frontier.size);
    this.#ranges.reset(head.frontier.size);
    this.#personal?.forget();
    this.#leads = true;
    for (const listener of this.#leadListeners) listener(true);
  }

  #follow(): void {
    this.#leads = false;
    for (const listener of this.#leadListeners) listener(false);
  }

  #commit(batch: Batch): void {
    const range = {
      firstPosition: batch.firstPosition,
      lastPosition: batch.nextPosition - 1,
      recordedAt: batch.recordedAt,
    };
    this.#tail.push(batch.events);
    this.#ranges.push(range);
    notifyAll(this.#listeners, range);
  }
}
