// SPDX-License-Identifier: Apache-2.0
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import { decodeEvent } from '@plumbline/events';
import {
  bundlePath,
  consistencyProof,
  decodeBundle,
  Frontier,
  leafHash,
  type LogFiles,
  openCheckpoint,
  parseVerifierKey,
  type SignedCheckpoint,
  TILE_WIDTH,
  tilePath,
  tilesOf,
  tileWidth,
  type VerifierKey,
} from '@plumbline/merkle';
import type { CommandContext } from '../../context.js';
import { CommandError, ExitCode } from '../../exit-code.js';
import { type ChangeQuery, evidenceOf } from './evidence.js';
import { serverFiles } from './files.js';

/** Forms of an export. */
export const ExportFormat = ['ndjson', 'cloudevents', 'tiles', 'evidence'] as const;
/** One of {@link ExportFormat}. */
export type ExportFormat = (typeof ExportFormat)[number];

/** Options of `plumb log export`. */
export interface ExportOptions extends ChangeQuery {
  readonly format?: ExportFormat;
  readonly out?: string;
  readonly from?: number;
  readonly to?: number;
}

/** Format of the proof file of an NDJSON export. */
export const NDJSON = 'plumbline.ndjson/v1';

/** Proof of an NDJSON export, written to `<file>.proof.json`. */
export interface NdjsonProof {
  readonly format: typeof NDJSON;
  readonly origin: string;
  readonly key: string;
  readonly checkpoint: string;
  readonly from: number;
  /** After the last line. */
  readonly to: number;
  /** The tree before the first line: roots of its full subtrees, base64. */
  readonly frontier: string;
  /** From `to` to the checkpoint, base64. */
  readonly consistency: readonly string[];
}

interface SignedLog {
  readonly files: LogFiles;
  readonly key: VerifierKey;
  readonly note: string;
  readonly checkpoint: SignedCheckpoint;
}

async function openLog(context: CommandContext): Promise<SignedLog> {
  const client = context.log();
  const { origin, verifierKey } = await client.identity();
  if (verifierKey === undefined)
    throw new CommandError(
      ExitCode.failed,
      'the log is not signed: its operators have to set PLUMBLINE_LOG_SIGNING_KEY_FILE',
    );
  const key = parseVerifierKey(verifierKey);
  const { head } = await context.client().events({ limit: 1 });
  const note = await client.checkpoint(head + 1);
  return { files: serverFiles(client, origin, async () => note), key, note, checkpoint: openCheckpoint(note, key) };
}

/** `plumb log export`. */
export async function exportLog(context: CommandContext, options: ExportOptions): Promise<void> {
  const wantsChange = options.correlation !== undefined || options.application !== undefined;
  const format = options.format ?? (wantsChange ? 'evidence' : 'ndjson');
  const log = await openLog(context);
  switch (format) {
    case 'evidence': {
      const evidence = await evidenceOf(context.client(), log, options);
      await writeText(context, options.out, `${JSON.stringify(evidence, undefined, 2)}\n`);
      context.terminal.err(`evidence of ${evidence.events.length} events, signed by ${evidence.key}\n`);
      return;
    }
    case 'tiles':
      await exportTiles(context, log, options.out);
      return;
    case 'ndjson':
    case 'cloudevents':
      await exportEvents(context, log, { ...options, format });
  }
}

async function writeText(context: CommandContext, file: string | undefined, text: string): Promise<void> {
  if (file === undefined) {
    context.terminal.out(text);
    return;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** The whole log as any C2SP tool reads it. */
async function exportTiles(
  context: CommandContext,
  { files, key, note, checkpoint }: SignedLog,
  out: string | undefined,
): Promise<void> {
  if (out === undefined)
    throw new CommandError(ExitCode.usage, 'tiles are many files: say with --out into which directory');
  const put = async (path: string, content: Uint8Array | string): Promise<void> => {
    await mkdir(dirname(join(out, path)), { recursive: true });
    await writeFile(join(out, path), content);
  };
  for (const tile of tilesOf(checkpoint.size)) {
    await put(tilePath(tile), await files.tile(tile));
    if (tile.level === 0) await put(bundlePath(tile), await files.entries(tile));
  }
  await put('key', `${key.text}\n`);
  // Last: a directory with a checkpoint is whole.
  await put('checkpoint', note);
  context.terminal.err(`${checkpoint.size} events in ${out}; verify with "plumb log verify ${out} --key …"\n`);
}

async function* entriesOf(
  files: LogFiles,
  size: number,
  range: { readonly from: number; readonly to: number },
): AsyncGenerator<{ readonly position: number; readonly entry: string }> {
  for (let index = Math.floor(range.from / TILE_WIDTH); index * TILE_WIDTH < range.to; index += 1) {
    const bundle = { index, width: tileWidth(0, index, size) };
    for (const [place, entry] of decodeBundle(bundle, await files.entries(bundle)).entries()) {
      const position = index * TILE_WIDTH + place;
      if (position >= range.from && position < range.to) yield { position, entry: entry.toString('utf8') };
    }
  }
}

/** The tree before a position, from leaf hashes: nothing but hashes is read. */
async function frontierAt(files: LogFiles, position: number, size: number): Promise<Frontier> {
  let frontier = Frontier.empty;
  for (let index = 0; index * TILE_WIDTH < position; index += 1) {
    const bytes = Buffer.from(await files.tile({ level: 0, index, width: tileWidth(0, index, size) }));
    const hashes = Array.from({ length: Math.min(TILE_WIDTH, position - index * TILE_WIDTH) }, (_, place) =>
      bytes.subarray(place * 32, place * 32 + 32),
    );
    frontier = frontier.append(hashes);
  }
  return frontier;
}

async function exportEvents(
  context: CommandContext,
  log: SignedLog,
  options: ExportOptions & { readonly format: 'ndjson' | 'cloudevents' },
): Promise<void> {
  const { files, key, note, checkpoint } = log;
  const [from, to] = [options.from ?? 0, Math.min(options.to ?? checkpoint.size, checkpoint.size)];
  if (from > to)
    throw new CommandError(ExitCode.usage, `there are ${checkpoint.size} events: nothing is from ${from} to ${to}`);
  const before = await frontierAt(files, from, checkpoint.size);
  let frontier = before;
  const sink = await sinkOf(context, options.out);
  const batch = options.format === 'cloudevents';
  if (batch) await sink.write('[');
  for await (const { position, entry } of entriesOf(files, checkpoint.size, { from, to })) {
    frontier = frontier.append([leafHash(entry)]);
    await sink.write(
      batch ? `${position === from ? '' : ','}\n${JSON.stringify(cloudEvent(entry, checkpoint.origin))}` : `${entry}\n`,
    );
  }
  if (batch) await sink.write('\n]\n');
  await sink.end();
  if (batch || options.out === undefined) return;
  const consistency = await consistencyProof(to, checkpoint.size, (tile) => files.tile(tile));
  const proof: NdjsonProof = {
    format: NDJSON,
    origin: checkpoint.origin,
    key: key.text,
    checkpoint: note,
    from,
    to,
    frontier: before.encode().toString('base64'),
    consistency: consistency.map((hash) => hash.toString('base64')),
  };
  await writeFile(`${options.out}.proof.json`, `${JSON.stringify(proof, undefined, 2)}\n`);
  context.terminal.err(
    `${to - from} events in ${options.out}; verify with "plumb log verify ${options.out} --key …"\n`,
  );
}

interface Sink {
  write(text: string): Promise<void>;
  end(): Promise<void>;
}

async function sinkOf(context: CommandContext, file: string | undefined): Promise<Sink> {
  if (file === undefined) return { write: async (text) => context.terminal.out(text), end: async () => undefined };
  await mkdir(dirname(file), { recursive: true });
  const stream = createWriteStream(file);
  await once(stream, 'open');
  return {
    write: async (text) => {
      if (!stream.write(text)) await once(stream, 'drain');
    },
    end: async () => {
      stream.end();
      await once(stream, 'finish');
    },
  };
}

/**
 * An event as CloudEvents 1.0; what the specification has no attribute for is in extensions, whose names it keeps in
 * lower case.
 */
function cloudEvent(entry: string, origin: string): Readonly<Record<string, unknown>> {
  const event = decodeEvent(entry);
  const type = event.type === 'Unknown' ? event.data.originalType : event.type;
  return {
    specversion: '1.0',
    id: event.id,
    source: `//${origin}`,
    type: `dev.plumbline.${type}.v${event.schemaVersion}`,
    subject: event.stream,
    time: event.occurredAt,
    datacontenttype: 'application/json',
    position: String(event.position),
    revision: String(event.revision),
    recordedat: event.recordedAt,
    actorkind: event.actor.kind,
    actorid: event.actor.id,
    actorname: event.actor.name,
    causationid: event.causationId,
    correlationid: event.correlationId,
    data: event.type === 'Unknown' ? event.data.raw : event.data,
  };
}
