// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { z } from 'zod';

const compress = promisify(gzip);

const MAGIC = Buffer.from('plumbline-snapshot/1\n');
const HASH_BYTES = 32;
/** Elements of an array that are encoded without a pause: keeps the event loop free for a millisecond at most. */
const SLICE = 250;
const BLOCK_BYTES = 512 * 1024;

const header = z.object({
  consumer: z.string(),
  /** Digest of the code that folds: another one may fold otherwise. */
  code: z.string(),
  /** Digest of the schemas of events. */
  schema: z.string(),
  next: z.number().int().nonnegative(),
  /** The last processed event: a snapshot of another log has another one there. */
  last: z.object({ position: z.number().int(), id: z.string() }).optional(),
  quarantined: z.array(
    z.object({
      stream: z.string(),
      position: z.number().int(),
      revision: z.number().int().optional(),
      message: z.string(),
      attempts: z.number().int(),
      waiting: z.number().int(),
    }),
  ),
});

/** What a snapshot says about itself. */
export type SnapshotHeader = z.infer<typeof header>;

/** A snapshot as it is restored. */
export interface DecodedSnapshot {
  readonly header: SnapshotHeader;
  readonly state: unknown;
}

type Path = readonly string[];

function* membersOf(state: unknown, at: Path): Generator<string> {
  if (Array.isArray(state)) {
    yield JSON.stringify({ at, value: [] });
    for (let index = 0; index < state.length; index += SLICE)
      yield JSON.stringify({ at, more: state.slice(index, index + SLICE) });
  } else if (typeof state === 'object' && state !== null) {
    yield JSON.stringify({ at, value: {} });
    for (const [key, member] of Object.entries(state)) yield* membersOf(member, [...at, key]);
  } else {
    yield JSON.stringify({ at, value: state });
  }
}

function lengthOf(block: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(block.length);
  return length;
}

/**
 * Encodes a snapshot: blocks of gzip, closed by their SHA-256. The state is JSON: objects, and arrays in them, whose
 * elements are
 * encoded in slices with pauses between them, so that a large state does not stop the process. It MUST NOT change
 * meanwhile.
 */
export async function* encodeSnapshot(head: SnapshotHeader, state: unknown): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256');
  const hashed = (chunk: Uint8Array): Uint8Array => {
    hash.update(chunk);
    return chunk;
  };
  yield hashed(MAGIC);
  let text: string[] = [];
  let size = 0;
  const block = async (): Promise<Buffer> => {
    const compressed = await compress(text.join('\n'), { level: 1 });
    text = [];
    size = 0;
    return Buffer.concat([lengthOf(compressed), compressed]);
  };
  text.push(JSON.stringify(head));
  for (const line of membersOf(state, [])) {
    text.push(line);
    size += line.length;
    if (size >= BLOCK_BYTES) yield hashed(await block());
    else await nextTurn();
  }
  if (text.length > 0) yield hashed(await block());
  yield hash.digest();
}

/**
 * Decodes what {@link encodeSnapshot} wrote.
 * @throws TypeError when the bytes are not a whole snapshot.
 */
export function decodeSnapshot(bytes: Buffer): DecodedSnapshot {
  const end = bytes.length - HASH_BYTES;
  if (end < MAGIC.length || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new TypeError('not a snapshot');
  if (!createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end)))
    throw new TypeError('its SHA-256 does not match');
  let head: SnapshotHeader | undefined;
  const root: { state?: unknown } = {};
  for (const line of linesOf(bytes.subarray(MAGIC.length, end))) {
    if (head === undefined) head = header.parse(JSON.parse(line));
    else addLine(root, line);
  }
  if (head === undefined) throw new TypeError('it is empty');
  return { header: head, state: root.state };
}

function* linesOf(blocks: Buffer): Generator<string> {
  for (let offset = 0; offset < blocks.length;) {
    const length = blocks.readUInt32BE(offset);
    yield* gunzipSync(blocks.subarray(offset + 4, offset + 4 + length))
      .toString('utf8')
      .split('\n');
    offset += 4 + length;
  }
}

interface Line {
  readonly at: Path;
  readonly value?: unknown;
  readonly more?: readonly unknown[];
}

function addLine(root: { state?: unknown }, text: string): void {
  const { at, value, more } = JSON.parse(text) as Line;
  const path = ['state', ...at];
  const last = path.pop() ?? 'state';
  let parent = root as Record<string, unknown>;
  for (const key of path) parent = parent[key] as Record<string, unknown>;
  if (more === undefined) parent[last] = value;
  else (parent[last] as unknown[]).push(...more);
}
