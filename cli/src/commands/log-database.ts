// SPDX-License-Identifier: Apache-2.0
import { messageOf } from '@plumbline/core';
import { altered, Frontier, leafHash, openCheckpoint, parseCheckpoint, parseNote } from '@plumbline/proof';
import type { Checkpoint, VerifierKey } from '@plumbline/proof';
import type { Client } from 'pg';
import { CommandError, ExitCode } from '../exit-code.js';

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

const PAGE = 2_000;
const TILE = 256;

/** Reads the tables of the log in one snapshot, in order, and stops at the first thing that is wrong. */
class DatabaseReader {
  #frontier = Frontier.empty;
  readonly #leaves: Buffer[] = [];
  #expectedCommit = 0;

  constructor(
    private readonly client: Client,
    private readonly roots: ReadonlyMap<number, { readonly root: Buffer; readonly what: string }>,
    /** Events below this were moved to files. */
    private readonly archived: number,
  ) {}

  get size(): number {
    return this.#frontier.size;
  }

  get root(): Buffer {
    return this.#frontier.root();
  }

  /** All events and commits up to the head. */
  async run(head: number, onPosition: (position: number) => void): Promise<void> {
    for (let commitsFrom = 0; this.size < head; ) {
      const { rows: commits } = await this.client.query<CommitRow>('select first_pos, last_pos, root from ledger.commit where shard = 0 and last_pos >= $1 order by last_pos limit $2', [commitsFrom, PAGE]);
      if (commits.length === 0) throw altered(`the commit of position ${this.size} is missing`, this.size);
      for (const commit of commits) await this.#commit(commit);
      commitsFrom = this.#expectedCommit;
      onPosition(this.size);
    }
    if (this.size > head) throw altered(`the head of the log is at ${head}, and there are commits up to ${this.size}`, head);
    const { rows } = await this.client.query<{ pos: string }>('select pos from ledger.event where shard = 0 and pos >= $1 order by pos limit 1', [head]);
    if (rows[0] !== undefined) throw altered(`there is an event at position ${rows[0].pos}, and the head of the log is at ${head}: it was inserted`, Number(rows[0].pos));
  }

  async #commit(commit: CommitRow): Promise<void> {
    const [first, last] = [Number(commit.first_pos), Number(commit.last_pos)];
    if (first !== this.#expectedCommit) throw altered(`the commit of position ${this.#expectedCommit} is missing`, this.#expectedCommit);
    this.#expectedCommit = last + 1;
    const stored = Math.max(first, Math.min(this.archived, last + 1));
    if (first < stored) await this.#archivedHashes(first, stored);
    for (let from = stored; from <= last; from += PAGE) await this.#events(from, Math.min(last + 1, from + PAGE));
    if (!this.root.equals(commit.root)) throw await this.#narrowed(first, last);
  }

  async #events(from: number, to: number): Promise<void> {
    const { rows } = await this.client.query<EventRow>('select pos, stream, revision, type, body, leaf from ledger.event where shard = 0 and pos >= $1 and pos < $2 order by pos', [from, to]);
    for (const [index, row] of rows.entries()) {
      const position = from + index;
      if (Number(row.pos) !== position) throw altered(`the event at position ${position} is missing: it was deleted`, position);
      checkEvent(row, position);
      await this.#push(row.leaf, position);
    }
    if (rows.length < to - from) throw altered(`the event at position ${from + rows.length} is missing: it was deleted`, from + rows.length);
  }

  /** Hashes of events that were moved to files: tiles that were kept. */
  async #archivedHashes(from: number, to: number): Promise<void> {
    const { rows } = await this.client.query<{ idx: string; hashes: Buffer }>(
      'select idx, hashes from ledger.tile where shard = 0 and level = 0 and idx >= $1 and idx <= $2 order by idx', [Math.floor(from / TILE), Math.floor((to - 1) / TILE)],
    );
    const tiles = new Map(rows.map(({ idx, hashes }) => [Number(idx), hashes]));
    for (let position = from; position < to; position += 1) {
      const hashes = tiles.get(Math.floor(position / TILE));
      const at = (position % TILE) * 32;
      if (hashes === undefined || hashes.length < at + 32) throw altered(`the hash of the archived event at position ${position} is missing`, position);
      this.#frontier = this.#frontier.append([hashes.subarray(at, at + 32)]);
      this.#holdToRoots();
    }
  }

  async #push(leaf: Buffer, position: number): Promise<void> {
    this.#frontier = this.#frontier.append([leaf]);
    this.#leaves.push(leaf);
    if (this.#leaves.length === TILE) {
      const wrong = await this.#tileDifference(Math.floor(position / TILE));
      if (wrong !== undefined) throw altered(`the event at position ${wrong} is not the one whose hash was kept: it was altered together with its hash`, wrong);
      this.#leaves.length = 0;
    }
    this.#holdToRoots();
  }

  #holdToRoots(): void {
    const expected = this.roots.get(this.size);
    if (expected !== undefined && !this.root.equals(expected.root)) throw altered(`the first ${this.size} events are not those of ${expected.what}: one of them was altered together with its hash`);
  }

  /** The first position of a kept tile that differs from the leaves at hand. */
  async #tileDifference(index: number): Promise<number | undefined> {
    const { rows } = await this.client.query<{ hashes: Buffer }>('select hashes from ledger.tile where shard = 0 and level = 0 and idx = $1', [index]);
    const hashes = rows[0]?.hashes;
    if (hashes === undefined) return undefined;
    const place = this.#leaves.findIndex((leaf, at) => !leaf.equals(hashes.subarray(at * 32, at * 32 + 32)));
    return place < 0 ? undefined : index * TILE + place;
  }

  /** Which event of a commit it was whose root does not fit, as exactly as what was kept allows. */
  async #narrowed(first: number, last: number): Promise<Error> {
    if (this.#leaves.length > 0) {
      const wrong = await this.#tileDifference(Math.floor(last / TILE));
      if (wrong !== undefined) return altered(`the event at position ${wrong} was altered together with its hash`, wrong);
    }
    return first === last
      ? altered(`the event at position ${first} was altered together with its hash`, first)
      : altered(`an event of positions ${first} to ${last} was altered together with its hash`, first);
  }
}

/** What a row says of itself, against its body and its hash. @throws InputError PLB-1168 */
function checkEvent(row: EventRow, position: number): void {
  if (!leafHash(row.body).equals(row.leaf)) throw altered(`the event at position ${position} was altered: it does not have the hash that was stored with it`, position);
  let body: { readonly position?: unknown; readonly stream?: unknown; readonly revision?: unknown; readonly type?: unknown };
  try {
    body = JSON.parse(row.body) as typeof body;
  } catch {
    throw altered(`the event at position ${position} was altered: it is not JSON`, position);
  }
  if (body.position !== position) throw altered(`the event at position ${position} says that it is at ${String(body.position)}: it was moved or inserted`, position);
  if (body.stream !== row.stream || body.revision !== Number(row.revision) || body.type !== row.type) throw altered(`the event at position ${position} is filed under another stream, revision or type than it has`, position);
}

/** Where the events that are in the tables begin. */
async function archivedBelow(client: Client): Promise<number> {
  const { rows } = await client.query<{ first_pos: string; next_pos: string }>('select first_pos, next_pos from ledger.archive where shard = 0 and detached_at is not null order by first_pos');
  let below = 0;
  for (const { first_pos: first, next_pos: next } of rows) if (Number(first) === below) below = Number(next);
  return below;
}

interface CheckpointRow {
  readonly size: string;
  readonly note: string;
}

function signedRoots(rows: readonly CheckpointRow[], { key, known }: DatabaseCheck): Map<number, { readonly root: Buffer; readonly what: string }> {
  const roots = new Map<number, { readonly root: Buffer; readonly what: string }>();
  for (const { size, note } of rows) {
    const checkpoint = key === undefined ? parseCheckpoint(parseNote(note).text) : openCheckpoint(note, key);
    if (checkpoint.size !== Number(size)) throw altered(`the checkpoint of size ${size} says ${checkpoint.size}: it was altered`);
    roots.set(checkpoint.size, { root: checkpoint.root, what: `the checkpoint of ${checkpoint.size} events` });
  }
  for (const { size, root } of known) roots.set(size, { root, what: `a checkpoint of ${size} events that was kept elsewhere` });
  return roots;
}

/** Hashes a database of the log again. @throws InputError PLB-1168 at the first thing that is wrong, CommandError when it cannot be read */
export async function checkDatabase(check: DatabaseCheck): Promise<SoundDatabase> {
  // Only this command reads a database.
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: check.url, connectionTimeoutMillis: 10_000, application_name: 'plumb-log-fsck' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('begin isolation level repeatable read read only');
  } catch (error) {
    await client.end().catch(() => undefined);
    throw new CommandError(ExitCode.failed, `the database of the log cannot be read: ${messageOf(error)}`);
  }
  try {
    const { rows: heads } = await client.query<{ next_pos: string; root: Buffer }>('select next_pos, root from ledger.head where shard = 0');
    const head = Number(heads[0]?.next_pos ?? 0);
    const { rows: checkpoints } = await client.query<CheckpointRow>('select size, note from ledger.checkpoint where shard = 0 order by size');
    const roots = signedRoots(checkpoints, check);
    const archived = await archivedBelow(client);
    const reader = new DatabaseReader(client, roots, archived);
    await reader.run(head, check.onPosition);
    for (const [size, { what }] of roots) if (size > head) throw altered(`${what} covers ${size} events, and the log has ${head}: events were taken away, or an older copy of it was put back`, head);
    if (heads[0] !== undefined && !heads[0].root.equals(reader.root)) throw altered(`the head of the log has another root than its ${head} events`);
    return { events: head, archived, root: reader.root, checkpoints: checkpoints.length, signed: check.key !== undefined };
  } finally {
    await client.query('rollback').catch(() => undefined);
    await client.end();
  }
}
