// SPDX-License-Identifier: Apache-2.0
import { messageOf, UpstreamError } from '@plumbline/core';
import type pg from 'pg';
import type { ArchiveFiles } from './archive-files.js';
import type { StoredBody } from '@plumbline/event-log';
import { Lru } from '../lru.js';

const SHARD = 0;
/** Chunks in memory: whoever reads through the archive asks for each many times. */
const KEPT_CHUNKS = 4;

interface ArchivedRange {
  readonly first: number;
  readonly next: number;
  readonly chunk: number;
}

/** The events that are in files only, as readers of the log need them. */
export class ArchivedEvents {
  readonly #pool: pg.Pool;
  readonly #files: ArchiveFiles;

  readonly #chunks = new Lru<Promise<readonly Buffer[]>>(KEPT_CHUNKS);
  #ranges: readonly ArchivedRange[] = [];

  constructor(pool: pg.Pool, files: ArchiveFiles) {
    this.#pool = pool;
    this.#files = files;
  }

  /** True when everything from a position to the end of an archive is known to be in files. */
  has(position: number): boolean {
    return this.#rangeOf(position) !== undefined;
  }

  /**
   * Looks again what is in files: another process may have taken events out of the table. @throws UpstreamError
   * PLB-6001
   */
  async refresh(): Promise<void> {
    try {
      const { rows } = await this.#pool.query<{ first_pos: string; next_pos: string; chunk: number }>({
        name: 'archived',
        text: 'select first_pos, next_pos, chunk from ledger.archive where shard = $1 and detached_at is not null order by first_pos',
        values: [SHARD],
      });
      this.#ranges = rows.map((row) => ({
        first: Number(row.first_pos),
        next: Number(row.next_pos),
        chunk: row.chunk,
      }));
    } catch (error) {
      throw new UpstreamError('PLB-6001', `the log cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Events from an archived position on, to the end of its chunk at most. */
  async read(from: number, limit: number): Promise<readonly StoredBody[]> {
    const range = this.#rangeOf(from);
    if (range === undefined) return [];
    const first = from - ((from - range.first) % range.chunk);
    const count = Math.min(range.chunk, range.next - first);
    const bodies = await this.#chunk(first, count);
    return bodies
      .slice(from - first, from - first + limit)
      .map((body, index) => ({ position: from + index, body: body.toString('utf8') }));
  }

  /** All archived events of a stream, by reading everything that is archived: rare, and slow. */
  async ofStream(stream: string): Promise<readonly StoredBody[]> {
    const found: StoredBody[] = [];
    const mark = `"stream":${JSON.stringify(stream)}`;
    for (const range of this.#ranges) {
      for (let from = range.first; from < range.next; from += range.chunk) {
        for (const stored of await this.read(from, range.chunk)) if (stored.body.includes(mark)) found.push(stored);
      }
    }
    return found;
  }

  #rangeOf(position: number): ArchivedRange | undefined {
    return this.#ranges.find(({ first, next }) => position >= first && position < next);
  }

  #chunk(first: number, count: number): Promise<readonly Buffer[]> {
    const known = this.#chunks.get(String(first));
    if (known !== undefined) return known;
    const read = this.#files.read({ first, count });
    this.#chunks.set(String(first), read);
    return read;
  }
}
