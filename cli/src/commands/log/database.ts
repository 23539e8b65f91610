// SPDX-License-Identifier: Apache-2.0
import { messageOf } from '@plumbline/core';
import {
  altered,
  type Checkpoint,
  Frontier,
  leafHash,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  type VerifierKey,
} from '@plumbline/merkle';
import type { Client } from 'pg';
import { CommandError, ExitCode } from '../../exit-code.js';

/** What is checked. */
export interface DatabaseCheck {
  readonly url: string;
  /** Verifies the signatures of checkpoints when given. */
  readonly key?: VerifierKey;
  /** Checkpoints from elsewhere that the log has to fit. */
  readonly known: readonly Checkpoint[];
  readonly onPosition: (position: number) => void;
}

/** A database in which nothing was altered. */
export interface SoundDatabase {
  readonly events: number;
  /** Events that were moved to files: held to the hashes that were kept, their text is not in the database. */
  readonly archived: number;
  readonly root: Buffer;
  readonly checkpoints: number;
  readonly signed: boolean;
}

interface EventRow {
  readonly pos: string;
  readonly stream: string;
  readonly revision: string;
  readonly type: string;
  readonly body: string;
  readonly leaf: Buffer;
}

interface CommitRow {
  readonly first_pos: string;
  readonly last_pos: string;
  readonly root: Buffer;
}

const TILE = 256;
const PAGE = 8 * TILE;

/** Everything that the tables hold of a range of positions. */
interface Page {
  readonly events: readonly EventRow[];
  /** Those that overlap the range. */
  readonly commits: readonly CommitRow[];
  /** Hashes of the level 0 tiles of the range, as they were kept. */
  readonly tiles: ReadonlyMap<number, Buffer>;
}

/** Reads the tables of the log in one snapshot, in order, and stops at the first thing that is wrong. */
class DatabaseReader {
  readonly #client: Client;
  readonly #roots: ReadonlyMap<number, { readonly root: Buffer; readonly what: string }>;
  readonly #archived: number;

  #frontier = Frontier.empty;
  readonly #leaves: Buffer[] = [];
  /** The commit of the current position, and the first position of the next commit. */
  #commit: CommitRow | undefined;
  #expectedCommit = 0;

  constructor(
    client: Client,
    roots: ReadonlyMap<number, { readonly root: Buffer; readonly what: string }>,
    /** Events below this were moved to files. */
    archived: number,
  ) {
    this.#client = client;
    this.#roots = roots;
    this.#archived = archived;
  }

  get size(): number {
    return this.#frontier.size;
  }

  get root(): Buffer {
    return this.#frontier.root();
  }

  /** All events and commits up to the head. */
  async run(head: number, onPosition: (position: number) => void): Promise<void> {
    let ahead = this.#read(0, head);
    for (let from = 0; from < head; from += PAGE) {
      const page = await ahead;
      const to = Math.min(head, from + PAGE);
      // The database works while this process hashes.
      ahead = this.#read(to, head);
      ahead.catch(() => undefined);
      for (let position = from, commits = this.#commitsFrom(page); position < to; position += 1)
        this.#check(position, { page, commits });
      onPosition(this.size);
    }
    const {
      events: [event],
      commits,
    } = await ahead;
    const last = Number(commits.at(-1)?.last_pos ?? this.#expectedCommit - 1);
    if (last >= head) throw altered(`the head of the log is at ${head}, and there are commits up to ${last + 1}`, head);
    if (event !== undefined)
      throw altered(
        `there is an event at position ${event.pos}, and the head of the log is at ${head}: it was inserted`,
        Number(event.pos),
      );
  }

  /** A page from a position on; at the head, what is above it. */
  async #read(from: number, head: number): Promise<Page> {
    const to = from < head ? Math.min(head, from + PAGE) : Number.MAX_SAFE_INTEGER;
    const events = await this.#client.query<EventRow>({
      name: 'events',
      text: 'select pos, stream, revision, type, body, leaf from ledger.event where shard = 0 and pos >= $1 and pos < $2 order by pos limit $3',
      values: [Math.max(from, this.#archived), to, PAGE],
    });
    const commits = await this.#client.query<CommitRow>({
      name: 'commits',
      text: 'select first_pos, last_pos, root from ledger.commit where shard = 0 and last_pos >= $1 and first_pos < $2 order by last_pos limit $3',
      values: [from, to, PAGE + 1],
    });
    const tiles = await this.#client.query<{ idx: string; hashes: Buffer }>({
      name: 'tiles',
      text: 'select idx, hashes from ledger.tile where shard = 0 and level = 0 and idx >= $1 order by idx limit $2',
      values: [Math.floor(from / TILE), PAGE / TILE],
    });
    return {
      events: events.rows,
      commits: commits.rows,
      tiles: new Map(tiles.rows.map(({ idx, hashes }) => [Number(idx), hashes])),
    };
  }

  /** The commits of a page that have not begun before it. */
  #commitsFrom({ commits }: Page): Iterator<CommitRow> {
    return commits.filter(({ last_pos: last }) => Number(last) >= this.#expectedCommit).values();
  }

  #check(position: number, { page, commits }: { readonly page: Page; readonly commits: Iterator<CommitRow> }): void {
    if (position === this.#expectedCommit) {
      const next = commits.next();
      if (next.done === true || Number(next.value.first_pos) !== position)
        throw altered(`the commit of position ${position} is missing`, position);
      this.#commit = next.value;
      this.#expectedCommit = Number(next.value.last_pos) + 1;
    }
    this.#push(position < this.#archived ? keptHash(page, position) : this.#eventHash(page, position), {
      position,
      page,
    });
    if (position + 1 === this.#expectedCommit && this.#commit?.root.equals(this.root) !== true)
      throw this.#narrowed(Number(this.#commit?.first_pos ?? position), { last: position, page });
  }

  #eventHash({ events }: Page, position: number): Buffer {
    const row = events[position - Math.max(this.#archived, Math.floor(position / PAGE) * PAGE)];
    if (row === undefined || Number(row.pos) !== position)
      throw altered(`the event at position ${position} is missing: it was deleted`, position);
    checkEvent(row, position);
    return row.leaf;
  }

  #push(leaf: Buffer, { position, page }: { readonly position: number; readonly page: Page }): void {
    this.#frontier = this.#frontier.append([leaf]);
    this.#leaves.push(leaf);
    if (this.#leaves.length === TILE) {
      const wrong = this.#tileDifference(page, Math.floor(position / TILE));
      if (wrong !== undefined)
        throw altered(
          `the event at position ${wrong} is not the one whose hash was kept: it was altered together with its hash`,
          wrong,
        );
      this.#leaves.length = 0;
    }
    const expected = this.#roots.get(this.size);
    if (expected !== undefined && !this.root.equals(expected.root))
      throw altered(
        `the first ${this.size} events are not those of ${expected.what}: one of them was altered together with its hash`,
      );
  }

  /** The first position of a stored tile that differs from the computed leaves. */
  #tileDifference({ tiles }: Page, index: number): number | undefined {
    const hashes = tiles.get(index);
    if (hashes === undefined) return undefined;
    const place = this.#leaves.findIndex((leaf, at) => !leaf.equals(hashes.subarray(at * 32, at * 32 + 32)));
    return place < 0 ? undefined : index * TILE + place;
  }

  /** Which event of a commit it was whose root does not fit, as exactly as what was kept allows. */
  #narrowed(first: number, { last, page }: { readonly last: number; readonly page: Page }): Error {
    if (this.#leaves.length > 0) {
      const wrong = this.#tileDifference(page, Math.floor(last / TILE));
      if (wrong !== undefined)
        return altered(`the event at position ${wrong} was altered together with its hash`, wrong);
    }
    return first === last
      ? altered(`the event at position ${first} was altered together with its hash`, first)
      : altered(`an event of positions ${first} to ${last} was altered together with its hash`, first);
  }
}

/** Hash of an event that was moved to files: tiles were kept. */
function keptHash({ tiles }: Page, position: number): Buffer {
  const hashes = tiles.get(Math.floor(position / TILE));
  const at = (position % TILE) * 32;
  if (hashes === undefined || hashes.length < at + 32)
    throw altered(`the hash of the archived event at position ${position} is missing`, position);
  return hashes.subarray(at, at + 32);
}

/** What a row says of itself, against its body and its hash. @throws InputError PLB-1168 */
function checkEvent(row: EventRow, position: number): void {
  if (!leafHash(row.body).equals(row.leaf))
    throw altered(
      `the event at position ${position} was altered: it does not have the hash that was stored with it`,
      position,
    );
  let body: {
    readonly position?: unknown;
    readonly stream?: unknown;
    readonly revision?: unknown;
    readonly type?: unknown;
  };
  try {
    body = JSON.parse(row.body) as typeof body;
  } catch {
    throw altered(`the event at position ${position} was altered: it is not JSON`, position);
  }
  if (body.position !== position)
    throw altered(
      `the event at position ${position} says that it is at ${String(body.position)}: it was moved or inserted`,
      position,
    );
  if (body.stream !== row.stream || body.revision !== Number(row.revision) || body.type !== row.type)
    throw altered(
      `the event at position ${position} is filed under another stream, revision or type than it has`,
      position,
    );
}

/** Where the events that are in the tables begin. */
async function archivedBelow(client: Client): Promise<number> {
  const { rows } = await client.query<{ first_pos: string; next_pos: string }>(
    'select first_pos, next_pos from ledger.archive where shard = 0 and detached_at is not null order by first_pos',
  );
  let below = 0;
  for (const { first_pos: first, next_pos: next } of rows) if (Number(first) === below) below = Number(next);
  return below;
}

interface CheckpointRow {
  readonly size: string;
  readonly note: string;
}

function signedRoots(
  rows: readonly CheckpointRow[],
  { key, known }: DatabaseCheck,
): Map<number, { readonly root: Buffer; readonly what: string }> {
  const roots = new Map<number, { readonly root: Buffer; readonly what: string }>();
  for (const { size, note } of rows) {
    const checkpoint = key === undefined ? parseCheckpoint(parseNote(note).text) : openCheckpoint(note, key);
    if (checkpoint.size !== Number(size))
      throw altered(`the checkpoint of size ${size} says ${checkpoint.size}: it was altered`);
    roots.set(checkpoint.size, { root: checkpoint.root, what: `the checkpoint of ${checkpoint.size} events` });
  }
  for (const { size, root } of known)
    roots.set(size, { root, what: `a checkpoint of ${size} events that was kept elsewhere` });
  return roots;
}

/**
 * Hashes a database of the log again. @throws InputError PLB-1168 at the first thing that is wrong, CommandError when
 * it cannot be read
 */
export async function checkDatabase(check: DatabaseCheck): Promise<SoundDatabase> {
  // Only this command reads a database.
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: check.url,
    connectionTimeoutMillis: 10_000,
    application_name: 'plumb-log-fsck',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('begin isolation level repeatable read read only');
  } catch (error) {
    await client.end().catch(() => undefined);
    throw new CommandError(ExitCode.failed, `the database of the log cannot be read: ${messageOf(error)}`);
  }
  try {
    const { rows: heads } = await client.query<{ next_pos: string; root: Buffer }>(
      'select next_pos, root from ledger.head where shard = 0',
    );
    const head = Number(heads[0]?.next_pos ?? 0);
    const { rows: checkpoints } = await client.query<CheckpointRow>(
      'select size, note from ledger.checkpoint where shard = 0 order by size',
    );
    const roots = signedRoots(checkpoints, check);
    const archived = await archivedBelow(client);
    const reader = new DatabaseReader(client, roots, archived);
    await reader.run(head, check.onPosition);
    for (const [size, { what }] of roots)
      if (size > head)
        throw altered(
          `${what} covers ${size} events, and the log has ${head}: events were taken away, or an older copy of it was put back`,
          head,
        );
    if (heads[0] !== undefined && !heads[0].root.equals(reader.root))
      throw altered(`the head of the log has another root than its ${head} events`);
    return {
      events: head,
      archived,
      root: reader.root,
      checkpoints: checkpoints.length,
      signed: check.key !== undefined,
    };
  } finally {
    await client.query('rollback').catch(() => undefined);
    await client.end();
  }
}
