// SPDX-License-Identifier: Apache-2.0
import { ConflictError, InvariantError, NotFoundError } from '@plumbline/core';
import { Frontier, leafHash, TILE_WIDTH } from '@plumbline/merkle';
import type { ArchiveFiles } from '../ledger/index.js';
import type { Logger } from '@plumbline/platform';
import pg from 'pg';
import { holdsOver } from './legal-holds.js';

const SHARD = 0;
/** Events of one file. */
const CHUNK = 65_536;
const ROWS_AT_ONCE = 2_048;

/** A partition of the events, whole. */
export interface Partition {
  readonly name: string;
  readonly first: number;
  readonly next: number;
}

/** A partition that was copied to files. */
export interface Archive extends Partition {
  readonly chunk: number;
  readonly frontier: Frontier;
  readonly detached: boolean;
  readonly dropped: boolean;
}

/** What an archiver needs. */
export interface ArchiverOptions {
  /** The database as the owner of the tables: only it may take partitions out. */
  readonly ownerUrl: string;
  readonly files: ArchiveFiles;
  readonly logger: Pick<Logger, 'info'>;
  /** Events of one file; 65,536 when absent. */
  readonly chunk?: number;
}

interface ArchiveRow {
  readonly partition: string;
  readonly first_pos: string;
  readonly next_pos: string;
  readonly chunk: number;
  readonly frontier: Buffer;
  readonly detached: boolean;
  readonly dropped: boolean;
}

function archiveOf(row: ArchiveRow): Archive {
  const next = Number(row.next_pos);
  return {
    name: row.partition,
    first: Number(row.first_pos),
    next,
    chunk: row.chunk,
    frontier: Frontier.decode(next, row.frontier),
    detached: row.detached,
    dropped: row.dropped,
  };
}

/**
 * Moves finished partitions of the log into files, in order, in steps that can each be repeated: copy and verify,
 * take out of the
 * table, remove. Leaves, tiles, commits and checkpoints stay, so every proof stays.
 */
export class Archiver {
  readonly #options: ArchiverOptions;

  readonly #chunk: number;

  constructor(options: ArchiverOptions) {
    this.#options = options;

    this.#chunk = options.chunk ?? CHUNK;
  }

  /**
   * Partitions that will get no more events and are not archived, the oldest first; only those whose last event is
   * older than the time.
   */
  async finished(olderThan: Date): Promise<readonly Partition[]> {
    return this.#as(async (owner) => {
      const { rows } = await owner.query<{ name: string; bound: string }>(
        "select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'ledger.event'::regclass and not i.inhdetachpending",
      );
      const partitions = rows.flatMap(({ name, bound }) => {
        const [, first, next] = /FROM \('(\d+)'\) TO \('(\d+)'\)/.exec(bound) ?? [];
        return first === undefined || next === undefined ? [] : [{ name, first: Number(first), next: Number(next) }];
      });
      const { rows: ended } = await owner.query<{ next: string }>(
        'select coalesce((select last_pos + 1 from ledger.commit where shard = $1 and recorded_at < $2 order by recorded_at desc limit 1), 0) as next',
        [SHARD, olderThan],
      );
      const archived = new Set((await this.#archives(owner)).map(({ first }) => first));
      return partitions
        .filter(({ first, next }) => next <= Number(ended[0]?.next ?? 0) && !archived.has(first))
        .toSorted((a, b) => a.first - b.first);
    });
  }

  /** Everything that was copied, the oldest first. */
  async archives(): Promise<readonly Archive[]> {
    return this.#as(async (owner) => this.#archives(owner));
  }

  /**
   * Copies a partition and reads the copy back: its leaves and its root must be those that were committed.
   * @throws ConflictError PLB-4105 when an older partition is not archived; InvariantError PLB-9121 when an event or
   * the copy is not what was committed
   */
  async archive(partition: Partition): Promise<Archive> {
    return this.#as(async (owner) => {
      const before = (await this.#archives(owner)).at(-1);
      if ((before?.next ?? 0) !== partition.first) {
        throw new ConflictError(
          'PLB-4105',
          `partition ${partition.name} begins at ${partition.first}, but events up to ${before?.next ?? 0} are archived: archive in order`,
        );
      }
      await this.#copy(owner, partition);
      const frontier = await this.#frontierOf({ ...partition, chunk: this.#chunk }, before?.frontier ?? Frontier.empty);
      await this.#requireCommitted(owner, partition, frontier);
      await owner.query(
        'insert into ledger.archive (shard, first_pos, next_pos, partition, chunk, frontier) values ($1, $2, $3, $4, $5, $6)',
        [SHARD, partition.first, partition.next, partition.name, this.#chunk, frontier.encode()],
      );
      this.#options.logger.info('events were archived', { first: partition.first, next: partition.next });
      return { ...partition, chunk: this.#chunk, frontier, detached: false, dropped: false };
    });
  }

  /**
   * Takes an archived partition out of the table; readers get its events from the files then. @throws as {@link
   * archive} when the copy is not whole any more
   */
  async detach(first: number): Promise<void> {
    await this.#as(async (owner) => {
      const archive = await this.#known(owner, first);
      if (archive.detached) return;
      await this.#requireWhole(owner, archive);
      await requireTiles(owner, archive);
      // Noted first: readers that find nothing in the table look into the files; the other way round they would find
      // nothing at all.
      await owner.query(
        'update ledger.archive set detached_at = clock_timestamp() where shard = $1 and first_pos = $2',
        [SHARD, first],
      );
      // Not in a transaction, and without locking readers out.
      await owner.query(
        `alter table ledger.event detach partition ledger.${pg.escapeIdentifier(archive.name)} concurrently`,
      );
      this.#options.logger.info('archived events were taken out of the table', {
        first: archive.first,
        next: archive.next,
      });
    });
  }

  /** First positions of partitions that were taken out before a time, and that no legal hold keeps. */
  async removable(detachedBefore: Date): Promise<readonly number[]> {
    return this.#as(async (owner) => {
      const { rows } = await owner.query<{ first_pos: string; next_pos: string }>(
        'select first_pos, next_pos from ledger.archive where shard = $1 and detached_at < $2 and dropped_at is null order by first_pos',
        [SHARD, detachedBefore],
      );
      const free: number[] = [];
      for (const row of rows) {
        const range = { first: Number(row.first_pos), next: Number(row.next_pos) };
        if ((await holdsOver(owner, range)).length === 0) free.push(range.first);
      }
      return free;
    });
  }

  /**
   * Removes a partition that was taken out. @throws ConflictError PLB-4106 under a legal hold or when it is still in
   * the table
   */
  async drop(first: number): Promise<void> {
    await this.#as(async (owner) => {
      const archive = await this.#known(owner, first);
      if (archive.dropped) return;
      if (!archive.detached)
        throw new ConflictError('PLB-4106', `the events from ${first} on are still in the table: detach them first`);
      const holds = await holdsOver(owner, archive);
      if (holds.length > 0)
        throw new ConflictError(
          'PLB-4106',
          `the events from ${first} on are under the legal hold ${holds.join(', ')}`,
          { details: { holds } },
        );
      await this.#requireWhole(owner, archive);
      await owner.query(`drop table if exists ledger.${pg.escapeIdentifier(archive.name)}`);
      await owner.query(
        'update ledger.archive set dropped_at = clock_timestamp() where shard = $1 and first_pos = $2',
        [SHARD, first],
      );
      this.#options.logger.info('archived events were removed from the database', {
        first: archive.first,
        next: archive.next,
      });
    });
  }

  async #copy(owner: pg.Client, { name, first, next }: Partition): Promise<void> {
    let chunk: Buffer[] = [];
    for (let from = first; from < next;) {
      const { rows } = await owner.query<{ pos: string; body: string; leaf: Buffer }>({
        name: `archive-${name}`,
        text: `select pos, body, leaf from ledger.${pg.escapeIdentifier(name)} where shard = $1 and pos >= $2 and pos < $3 order by pos`,
        values: [SHARD, from, Math.min(from + ROWS_AT_ONCE, next)],
      });
      for (const row of rows) {
        if (Number(row.pos) !== from || !leafHash(row.body).equals(row.leaf))
          throw new InvariantError(
            'PLB-9121',
            `position ${from} of the log is missing or altered: check it with "plumb log fsck"; nothing was removed`,
          );
        chunk.push(Buffer.from(row.body));
        from += 1;
        if (chunk.length < this.#chunk && from < next) continue;
        await this.#options.files.write(from - chunk.length, chunk);
        chunk = [];
      }
      if (rows.length === 0)
        throw new InvariantError(
          'PLB-9121',
          `position ${from} of the log is missing: check it with "plumb log fsck"; nothing was removed`,
        );
    }
  }

  /** The tree with what is in the files. */
  async #frontierOf(archive: Partition & { readonly chunk: number }, before: Frontier): Promise<Frontier> {
    let frontier = before;
    for (let first = archive.first; first < archive.next; first += archive.chunk) {
      const bodies = await this.#options.files.read({ first, count: Math.min(archive.chunk, archive.next - first) });
      frontier = frontier.append(bodies.map((body) => leafHash(body)));
    }
    return frontier;
  }

  /** Goes on with the leaves behind the partition to the next commit: its root was committed for all of it. */
  async #requireCommitted(owner: pg.Client, { first, next }: Partition, frontier: Frontier): Promise<void> {
    const {
      rows: [commit],
    } = await owner.query<{ last_pos: string; root: Buffer }>(
      'select last_pos, root from ledger.commit where shard = $1 and last_pos >= $2 order by last_pos limit 1',
      [SHARD, next - 1],
    );
    const { rows: leaves } = await owner.query<{ leaf: Buffer }>(
      'select leaf from ledger.event where shard = $1 and pos >= $2 and pos <= $3 order by pos',
      [SHARD, next, Number(commit?.last_pos ?? next - 1)],
    );
    if (
      commit === undefined ||
      !frontier
        .append(leaves.map(({ leaf }) => leaf))
        .root()
        .equals(commit.root)
    )
      throw notTheCopy({ first, next });
  }

  /** The copy is still what it was when its root was compared with the committed one. */
  async #requireWhole(owner: pg.Client, archive: Archive): Promise<void> {
    const frontier = await this.#frontierOf(archive, await this.#frontierBefore(owner, archive));
    if (!frontier.root().equals(archive.frontier.root())) throw notTheCopy(archive);
  }

  async #frontierBefore(owner: pg.Client, archive: Archive): Promise<Frontier> {
    return (await this.#archives(owner)).find(({ next }) => next === archive.first)?.frontier ?? Frontier.empty;
  }

  async #archives(owner: pg.Client): Promise<Archive[]> {
    const { rows } = await owner.query<ArchiveRow>(
      'select partition, first_pos, next_pos, chunk, frontier, detached_at is not null as detached, dropped_at is not null as dropped from ledger.archive where shard = $1 order by first_pos',
      [SHARD],
    );
    return rows.map(archiveOf);
  }

  async #known(owner: pg.Client, first: number): Promise<Archive> {
    const found = (await this.#archives(owner)).find((archive) => archive.first === first);
    if (found === undefined) throw new NotFoundError('PLB-3153', `no archive begins at position ${first}`);
    return found;
  }

  async #as<Result>(work: (owner: pg.Client) => Promise<Result>): Promise<Result> {
    const owner = new pg.Client({
      connectionString: this.#options.ownerUrl,
      connectionTimeoutMillis: 10_000,
      application_name: 'plumbline-archiver',
    });
    owner.on('error', () => undefined);
    await owner.connect();
    try {
      // One archiver at a time, whichever process it runs in.
      await owner.query("select pg_advisory_lock(hashtextextended('plumbline.ledger.archive', 0))");
      return await work(owner);
    } finally {
      await owner.end();
    }
  }
}

function notTheCopy({ first, next }: { readonly first: number; readonly next: number }): InvariantError {
  return new InvariantError(
    'PLB-9121',
    `the copy of the events ${first} to ${next - 1} does not have the root that was committed: restore it or copy again; nothing was removed`,
  );
}

/** The leaves outlive the events as tiles; without them no proof could be made any more. */
async function requireTiles(owner: pg.Client, { first, next }: Partition): Promise<void> {
  const wanted = Math.floor(next / TILE_WIDTH) - Math.floor(first / TILE_WIDTH);
  const { rows } = await owner.query<{ kept: number }>(
    'select count(*)::integer as kept from ledger.tile where shard = $1 and level = 0 and idx >= $2 and idx < $3',
    [SHARD, Math.floor(first / TILE_WIDTH), Math.floor(next / TILE_WIDTH)],
  );
  if (rows[0]?.kept !== wanted) {
    throw new ConflictError(
      'PLB-4107',
      `only ${rows[0]?.kept ?? 0} of ${wanted} tiles of the events ${first} to ${next - 1} are kept yet: the process that leads keeps them; try again`,
    );
  }
}
