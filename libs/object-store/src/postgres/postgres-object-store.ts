// SPDX-License-Identifier: Apache-2.0
import { type Digest, messageOf, UpstreamError } from '@plumbline/core';
import pg from 'pg';
import { checkContents, missingContent, readContent } from '../contents.js';
import type { ObjectStore, StoredContent } from '../object-store.port.js';
import { migrateObjectStore } from './migrate.js';
import { requireSeparateRole } from './separate-role.js';

/** Options of a {@link PostgresObjectStore}. */
export interface PostgresObjectStoreOptions {
  readonly url: string;
  /** Whether to migrate the schema before the first use. Default true. */
  readonly migrate?: boolean;
  /**
   * Whether to reject a role that may use the schemas of the log. Default false. For every process without the audit
   * service.
   */
  readonly requireSeparateRole?: boolean;
  /** Maximum number of connections. Default 4. */
  readonly connections?: number;
}

/** Maximum number of contents in one statement; bounds memory on both sides. */
const CHUNK_ITEMS = 1_000;
const CHUNK_BYTES = 4 * 1024 * 1024;

function bytesOf(digest: Digest): Buffer {
  return Buffer.from(digest.slice('sha256:'.length), 'hex');
}

function* chunksOf(
  entries: readonly { readonly digest: Digest; readonly bytes: Buffer }[],
): Iterable<readonly { readonly digest: Digest; readonly bytes: Buffer }[]> {
  let chunk: { readonly digest: Digest; readonly bytes: Buffer }[] = [];
  let size = 0;
  for (const entry of entries) {
    if (chunk.length > 0 && (chunk.length === CHUNK_ITEMS || size + entry.bytes.length > CHUNK_BYTES)) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(entry);
    size += entry.bytes.length;
  }
  if (chunk.length > 0) yield chunk;
}

/** Stores content in PostgreSQL. Connects and migrates at the first use. */
export class PostgresObjectStore implements ObjectStore, AsyncDisposable {
  readonly #options: PostgresObjectStoreOptions;

  readonly #pool: pg.Pool;
  #ready: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: PostgresObjectStoreOptions) {
    this.#options = options;

    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: options.connections ?? 4,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 30_000,
      statement_timeout: 30_000,
      query_timeout: 35_000,
      keepAlive: true,
      application_name: 'plumbline-objects',
    });
    // A broken idle connection is not an error: the next query opens another one.
    this.#pool.on('error', () => undefined);
  }

  async put(contents: readonly StoredContent[]): Promise<void> {
    // Ordered by digest, so that two processes that store the same contents do not deadlock.
    const entries = checkContents(contents).map(({ digest, content }) => ({ digest, bytes: Buffer.from(content) }));
    for (const chunk of chunksOf(entries)) {
      await this.#query({
        name: 'put',
        // One long value and its parts: arrays of bytea are sent as text of twice the size.
        text: `insert into objects.content (digest, content, size)
          select substring($1::bytea from ((p.i - 1) * 32 + 1)::integer for 32), substring($2::bytea from p.start for p.size), p.size
          from unnest($3::integer[], $4::integer[]) with ordinality as p(start, size, i)
          on conflict do nothing`,
        values: [
          Buffer.concat(chunk.map((entry) => bytesOf(entry.digest))),
          Buffer.concat(chunk.map((entry) => entry.bytes)),
          startsOf(chunk.map((entry) => entry.bytes.length)),
          chunk.map((entry) => entry.bytes.length),
        ],
      });
    }
  }

  async get(digest: Digest): Promise<string> {
    const found = await this.getMany([digest]);
    const content = found.get(digest);
    if (content === undefined) throw missingContent(digest);
    return content;
  }

  async getMany(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    const found = new Map<Digest, string>();
    if (digests.length === 0) return found;
    const { rows } = await this.#query<{ digest: Buffer; content: Buffer }>({
      name: 'get',
      text: `select c.digest, c.content from objects.content c where c.digest = any(
        select substring($1::bytea from (i - 1) * 32 + 1 for 32) from generate_series(1, octet_length($1::bytea) / 32) as i)`,
      values: [Buffer.concat([...new Set(digests)].map(bytesOf))],
    });
    for (const row of rows) {
      const digest = `sha256:${row.digest.toString('hex')}` as Digest;
      found.set(digest, readContent(digest, row.content));
    }
    return found;
  }

  /** Waits for running statements and closes the connections. */
  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #query<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    await this.prepare();
    try {
      return await this.#pool.query<Row>(query);
    } catch (error) {
      throw unreachable(error);
    }
  }

  /**
   * Connects, checks the role and brings the schema up to date, as the first use does.
   * @throws UpstreamError PLB-6020, PLB-6021, PLB-6022
   */
  async prepare(): Promise<void> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      // The next use connects again.
      this.#ready = undefined;
      throw error;
    });
    await this.#ready;
  }

  async #prepare(): Promise<void> {
    const { url, migrate = true, requireSeparateRole: separate = false } = this.#options;
    if (separate) {
      const client = await this.#pool.connect().catch((error: unknown) => {
        throw unreachable(error);
      });
      try {
        await requireSeparateRole(client);
      } finally {
        client.release();
      }
    }
    if (migrate) await migrateObjectStore(url);
  }
}

function unreachable(error: unknown): UpstreamError {
  return new UpstreamError(
    'PLB-6020',
    `the object store is not reachable or rejects the statement: ${messageOf(error)}; check PLUMBLINE_OBJECT_STORE_URL`,
    {
      cause: error,
    },
  );
}

function startsOf(sizes: readonly number[]): number[] {
  let next = 1;
  return sizes.map((size) => {
    const start = next;
    next += size;
    return start;
  });
}
