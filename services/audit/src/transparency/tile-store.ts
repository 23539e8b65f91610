// SPDX-License-Identifier: Apache-2.0
import { messageOf, NotFoundError, UpstreamError } from '@plumbline/core';
import type { StoredBody } from '@plumbline/event-log';
import {
  type Bundle,
  encodeBundle,
  hashesAtLevel,
  subtreeRoot,
  type Tile,
  TILE_WIDTH,
  tileHashes,
  tilePath,
  tileWidth,
} from '@plumbline/merkle';
import type pg from 'pg';

const SHARD = 0;
/** Roots of full tiles in memory, some 100 bytes each. */
const KNOWN_ROOTS = 50_000;
/** Level 0 tiles that are kept in one statement: 16,384 events. */
const TILES_AT_ONCE = 64;

/** The head of the log as the database has it. */
export interface CommittedHead {
  readonly size: number;
  readonly root: Buffer;
  readonly epoch: number;
}

/** Reads events that are in files by now. */
export type ArchivedBodies = (options: {
  readonly from: number;
  readonly limit: number;
}) => Promise<{ readonly bodies: readonly StoredBody[]; readonly nextPosition: number }>;

function beyond(what: string): NotFoundError {
  return new NotFoundError('PLB-3150', `the log does not reach ${what} yet`);
}

/**
 * Tiles and bundles from the tables of the log. The leaves of the events are the level 0 tiles already; full tiles
 * are also kept on
 * their own, so that they outlive the events and a change of an event does not change them.
 */
export class TileStore {
  readonly #pool: pg.Pool;
  readonly #archived: ArchivedBodies | undefined;

  /** Roots of full tiles, which never change: the partial tiles above are asked for with every proof. */
  readonly #roots = new Map<string, Buffer>();

  constructor(
    pool: pg.Pool,
    /** Events that were moved out of the tables; none are when absent. */
    archived?: ArchivedBodies,
  ) {
    this.#pool = pool;
    this.#archived = archived;
  }

  async head(): Promise<CommittedHead | undefined> {
    const { rows } = await this.#query<{ next_pos: string; root: Buffer; epoch: string }>({
      name: 'tree-head',
      text: 'select next_pos, root, epoch from ledger.head where shard = $1',
      values: [SHARD],
    });
    const [row] = rows;
    return row === undefined ? undefined : { size: Number(row.next_pos), root: row.root, epoch: Number(row.epoch) };
  }

  /** The root that was committed with the event before a size; undefined when no commit ended there. */
  async committedRoot(size: number): Promise<Buffer | undefined> {
    const { rows } = await this.#query<{ root: Buffer }>({
      text: 'select root from ledger.commit where shard = $1 and last_pos = $2',
      values: [SHARD, size - 1],
    });
    return rows[0]?.root;
  }

  /**
   * Hashes of a tile. @throws NotFoundError PLB-3150 when the log does not reach it, PLB-3152 when events below it
   * are missing.
   */
  async tile(tile: Tile): Promise<Buffer> {
    const { level, index, width } = tile;
    const head = await this.head();
    if (tileWidth(level, index, head?.size ?? 0) < width) throw beyond(tilePath(tile));
    const [hashes] = await this.#tiles(level, index, 1, width);
    if (hashes !== undefined) return hashes;
    const span = TILE_WIDTH ** level;
    throw await this.#missingIn(index * TILE_WIDTH * span, width * span);
  }

  /**
   * Stored bytes of events. @throws NotFoundError PLB-3150 beyond the log, PLB-3152 when they are not in the tables
   * any more.
   */
  async entries({ index, width }: Bundle): Promise<Buffer> {
    const head = await this.head();
    const from = index * TILE_WIDTH;
    if (tileWidth(0, index, head?.size ?? 0) < width) throw beyond(`position ${from + width - 1}`);
    const { rows } = await this.#query<{ body: string }>({
      name: 'tree-entries',
      text: 'select body from ledger.event where shard = $1 and pos >= $2 and pos < $3 order by pos',
      values: [SHARD, from, from + width],
    });
    if (rows.length === width) return encodeBundle(rows.map(({ body }) => body));
    // Only what was archived is read from elsewhere: what somebody removed must not be covered up by a copy in memory.
    const bodies = (await this.#isArchived(from, from + width)) ? await this.#archivedBodies(from, width) : [];
    if (bodies.length === width) return encodeBundle(bodies);
    throw await this.#missingIn(from, width);
  }

  /** Names the first event that is not there. */
  async #missingIn(from: number, count: number): Promise<NotFoundError> {
    const { rows } = await this.#query<{ position: string }>({
      text: 'select p as position from generate_series($2::bigint, $3::bigint) as p where not exists (select from ledger.event where shard = $1 and pos = p) order by p limit 1',
      values: [SHARD, from, from + count - 1],
    });
    const position = Number(rows[0]?.position ?? from);
    return new NotFoundError(
      'PLB-3152',
      `the event at position ${position} is not in the database: it was archived where this process cannot read it, or somebody removed it`,
      { details: { position } },
    );
  }

  async #isArchived(from: number, to: number): Promise<boolean> {
    const { rows } = await this.#query<{ archived: boolean }>({
      text: 'select exists (select from ledger.archive where shard = $1 and first_pos <= $2 and next_pos >= $3 and detached_at is not null) as archived',
      values: [SHARD, from, to],
    });
    return rows[0]?.archived === true;
  }

  async #archivedBodies(from: number, width: number): Promise<readonly string[]> {
    const bodies: string[] = [];
    while (this.#archived !== undefined && bodies.length < width) {
      const page = await this.#archived({ from: from + bodies.length, limit: width - bodies.length });
      if (page.bodies.length === 0) break;
      bodies.push(...page.bodies.map(({ body }) => body));
    }
    return bodies;
  }

  /** Keeps every full tile of a tree of this size that is not kept yet; true when there is more to do. */
  async keepFull(size: number): Promise<boolean> {
    const kept = await this.#kept();
    let more = false;
    for (let level = 0; hashesAtLevel(level + 1, size) > 0; level += 1) {
      const have = kept.get(level) ?? 0;
      // A level grows from what is kept below it.
      const possible = level === 0 ? hashesAtLevel(1, size) : Math.floor((kept.get(level - 1) ?? 0) / TILE_WIDTH);
      const until = Math.min(possible, have + TILES_AT_ONCE);
      if (until <= have) continue;
      if (level === 0) await this.#keepLeaves(have, until);
      else await this.#keepTiles(level, have, until);
      kept.set(level, until);
      more ||= until < hashesAtLevel(level + 1, size);
    }
    return more;
  }

  /** Full tiles that are kept, by level. They are kept in order, so the last index tells. */
  async #kept(): Promise<Map<number, number>> {
    const { rows } = await this.#query<{ level: number; next: string }>({
      name: 'tree-kept',
      text: `select level, (select coalesce(max(idx) + 1, 0) from ledger.tile t where t.shard = $1 and t.level = l.level) as next from generate_series(0, 5) as l(level)`,
      values: [SHARD],
    });
    return new Map(rows.map(({ level, next }) => [level, Number(next)]));
  }

  async #keepLeaves(from: number, until: number): Promise<void> {
    await this.#query({
      name: 'tree-keep-leaves',
      text: `insert into ledger.tile (shard, level, idx, hashes)
        select $1, 0, pos / ${TILE_WIDTH}, string_agg(leaf, ''::bytea order by pos) from ledger.event where shard = $1 and pos >= $2 and pos < $3
        group by pos / ${TILE_WIDTH} having count(*) = ${TILE_WIDTH} on conflict do nothing`,
      values: [SHARD, from * TILE_WIDTH, until * TILE_WIDTH],
    });
  }

  async #keepTiles(level: number, from: number, until: number): Promise<void> {
    for (let index = from; index < until; index += 1) {
      const [hashes] = await this.#tiles(level, index, 1, TILE_WIDTH);
      if (hashes === undefined) return;
      await this.#query({
        name: 'tree-keep-tile',
        text: 'insert into ledger.tile (shard, level, idx, hashes) values ($1, $2, $3, $4) on conflict do nothing',
        values: [SHARD, level, index, hashes],
      });
    }
  }

  /** Hashes of tiles that follow one another, the last of them `width` wide; undefined where events are missing. */
  async #tiles(level: number, index: number, count: number, width: number): Promise<readonly (Buffer | undefined)[]> {
    const kept = await this.#keptTiles(level, index, count);
    return Promise.all(
      Array.from({ length: count }, async (_, place) => {
        const wanted = place === count - 1 ? width : TILE_WIDTH;
        const hashes =
          kept.get(index + place) ??
          (level === 0
            ? await this.#leaves(index + place, wanted)
            : await this.#fromBelow(level, index + place, wanted));
        return hashes === undefined || hashes.length < wanted * 32 ? undefined : hashes.subarray(0, wanted * 32);
      }),
    );
  }

  async #keptTiles(level: number, index: number, count: number): Promise<ReadonlyMap<number, Buffer>> {
    const { rows } = await this.#query<{ idx: string; hashes: Buffer }>({
      name: 'tree-tiles',
      text: 'select idx, hashes from ledger.tile where shard = $1 and level = $2 and idx >= $3 and idx < $4',
      values: [SHARD, level, index, index + count],
    });
    return new Map(rows.map((row) => [Number(row.idx), row.hashes]));
  }

  async #leaves(index: number, width: number): Promise<Buffer | undefined> {
    const from = index * TILE_WIDTH;
    const { rows } = await this.#query<{ pos: string; leaf: Buffer }>({
      name: 'tree-leaves',
      text: 'select pos, leaf from ledger.event where shard = $1 and pos >= $2 and pos < $3 order by pos',
      values: [SHARD, from, from + width],
    });
    return rows.length === width ? Buffer.concat(rows.map(({ leaf }) => leaf)) : undefined;
  }

  /** A tile from the tiles below, all of which are full. */
  async #fromBelow(level: number, index: number, width: number): Promise<Buffer | undefined> {
    const first = index * TILE_WIDTH;
    const key = (place: number): string => `${level - 1}/${first + place}`;
    const places = Array.from({ length: width }, (_, place) => place);
    const unknown = places.find((place) => !this.#roots.has(key(place)));
    if (unknown !== undefined) {
      const below = await this.#tiles(level - 1, first + unknown, width - unknown, TILE_WIDTH);
      for (const [offset, hashes] of below.entries()) {
        if (hashes === undefined) return undefined;
        const place = unknown + offset;
        if (this.#roots.size >= KNOWN_ROOTS) this.#roots.clear();
        this.#roots.set(
          key(place),
          subtreeRoot(tileHashes({ level: level - 1, index: first + place, width: TILE_WIDTH }, hashes)),
        );
      }
    }
    const roots = places.flatMap((place) => this.#roots.get(key(place)) ?? []);
    // The memory may have been emptied on the way.
    return roots.length === width ? Buffer.concat(roots) : this.#fromBelow(level, index, width);
  }

  async #query<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    try {
      return await this.#pool.query<Row>(query);
    } catch (error) {
      throw new UpstreamError('PLB-6007', `the tree of the log cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }
}
