// SPDX-License-Identifier: Apache-2.0
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeEvent } from '@plumbline/events';
import {
  altered,
  bundlePath,
  decodeBundle,
  Frontier,
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  type SignedCheckpoint,
  tileWidth,
  type VerifierKey,
  verifyConsistency,
  verifyInclusion,
} from '@plumbline/merkle';
import { type CommandContext, print } from '../../context.js';
import { CommandError, ExitCode } from '../../exit-code.js';
import { type Evidence, EVIDENCE, summaryOf } from './evidence.js';
import { NDJSON, type NdjsonProof } from './export.js';
import { keyOption } from './files.js';
import { asResult, type VerifyCommandOptions, verifyDirectory } from './verify.js';

const hashes = (texts: readonly string[]): readonly Buffer[] => texts.map((text) => Buffer.from(text, 'base64'));

/** The key to verify with: the given one, or the one in the export, which proves only that the export fits itself. */
function trusted(given: string | undefined, offered: string): { readonly key: VerifierKey; readonly words: string } {
  const key = keyOption(given);
  return key === undefined
    ? {
        key: parseVerifierKey(offered),
        words: 'the key in the export: compare it with one from another source, then use --key',
      }
    : { key, words: 'the key that you gave' };
}

async function parsed<Shape>(file: string): Promise<Shape> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Shape;
  } catch {
    throw new CommandError(ExitCode.usage, `${file} is not JSON`);
  }
}

/** Verifies an export of any form, without a server. */
export async function verifyExport(
  context: CommandContext,
  source: string,
  options: VerifyCommandOptions,
): Promise<void> {
  if (!existsSync(source)) throw new CommandError(ExitCode.notFound, `there is no ${source}`);
  if (statSync(source).isDirectory()) {
    const file = join(source, 'key');
    const offered = existsSync(file) ? { offered: (await readFile(file, 'utf8')).trim() } : {};
    await verifyDirectory(context, source, { ...options, ...offered });
    return;
  }
  if (source.endsWith('.ndjson')) await verifyNdjson(context, source, options);
  else await verifyEvidence(context, source, options);
}

/** `plumb log import --verify`: as verify, and every event is read with the schemas of this version. */
export async function importLog(
  context: CommandContext,
  source: string,
  options: { readonly key?: string },
): Promise<void> {
  await asResult(async () => verifyExport(context, source, options));
  const types = new Map<string, number>();
  for await (const body of bodiesOf(source)) {
    const event = decodeEvent(body);
    const type = event.type === 'Unknown' ? `${event.data.originalType} (unknown here)` : event.type;
    types.set(type, (types.get(type) ?? 0) + 1);
  }
  context.terminal.err(
    `${[...types]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([type, count]) => `${String(count).padStart(8)}  ${type}`)
      .join('\n')}\n`,
  );
}

async function* bodiesOf(source: string): AsyncGenerator<string> {
  if (statSync(source).isDirectory()) {
    const size = Number((await readFile(join(source, 'checkpoint'), 'utf8')).split('\n')[1]);
    for (let index = 0; tileWidth(0, index, size) > 0; index += 1) {
      const bundle = { index, width: tileWidth(0, index, size) };
      for (const entry of decodeBundle(bundle, await readFile(join(source, bundlePath(bundle)))))
        yield entry.toString('utf8');
    }
  } else if (source.endsWith('.ndjson')) {
    for (const line of (await readFile(source, 'utf8')).split('\n')) if (line !== '') yield line;
  } else {
    for (const { entry } of (await parsed<Evidence>(source)).events) yield entry;
  }
}

async function verifyNdjson(context: CommandContext, source: string, options: VerifyCommandOptions): Promise<void> {
  const proofFile = `${source}.proof.json`;
  if (!existsSync(proofFile))
    throw new CommandError(
      ExitCode.notFound,
      `${source} cannot be verified without ${proofFile}, which the export writes next to it`,
    );
  const proof = await parsed<NdjsonProof>(proofFile);
  if (proof.format !== NDJSON) throw new CommandError(ExitCode.usage, `${proofFile} is not a proof of an export`);
  const { key, words } = trusted(options.key, proof.key);
  const checkpoint = openCheckpoint(proof.checkpoint, key);
  let frontier = Frontier.decode(proof.from, Buffer.from(proof.frontier, 'base64'));
  for (const line of (await readFile(source, 'utf8')).split('\n').slice(0, -1)) {
    const position = frontier.size;
    if (positionIn(line) !== position)
      throw altered(`line ${position - proof.from + 1} is not the event at position ${position}`, position);
    frontier = frontier.append([leafHash(line)]);
  }
  if (frontier.size !== proof.to)
    throw altered(`the export has the events ${proof.from} to ${frontier.size - 1}, not up to ${proof.to - 1}`);
  const claim = {
    from: proof.to,
    to: checkpoint.size,
    fromRoot: frontier.root(),
    toRoot: checkpoint.root,
    proof: hashes(proof.consistency),
  };
  if (!verifyConsistency(claim))
    throw altered(`the events ${proof.from} to ${proof.to - 1} are not those that were signed`);
  shown(context, { source, checkpoint, key, words, events: proof.to - proof.from });
}

function positionIn(line: string): unknown {
  try {
    return (JSON.parse(line) as { readonly position?: unknown }).position;
  } catch {
    return undefined;
  }
}

async function verifyEvidence(context: CommandContext, source: string, options: VerifyCommandOptions): Promise<void> {
  const evidence = await parsed<Evidence>(source);
  if (evidence.format !== EVIDENCE)
    throw new CommandError(
      ExitCode.usage,
      `${source} is not an evidence file; exports of the whole log are directories or .ndjson files`,
    );
  const { key, words } = trusted(options.key, evidence.key);
  const checkpoint = openCheckpoint(evidence.checkpoint, key);
  for (const { position, entry, proof } of evidence.events) {
    const good =
      positionIn(entry) === position &&
      verifyInclusion({
        position,
        size: checkpoint.size,
        leaf: leafHash(entry),
        root: checkpoint.root,
        proof: hashes(proof),
      });
    if (!good) throw altered(`the event at position ${position} is not the one that was signed`, position);
  }
  const expected = summaryOf(evidence.events.map(({ entry }) => decodeEvent(entry)));
  if (JSON.stringify(expected) !== JSON.stringify(evidence.summary))
    throw altered('the summary is not what the events say');
  shown(context, { source, checkpoint, key, words, events: evidence.events.length, summary: evidence.summary });
}

interface Shown {
  readonly source: string;
  readonly checkpoint: SignedCheckpoint;
  readonly key: VerifierKey;
  readonly words: string;
  readonly events: number;
  readonly summary?: readonly string[];
}

function shown(context: CommandContext, { source, checkpoint, key, words, events, summary }: Shown): void {
  const { origin, size, root } = checkpoint;
  const value = {
    verified: true,
    origin,
    size,
    root: root.toString('base64'),
    events,
    key: key.text,
    ...(summary === undefined ? {} : { summary }),
  };
  print(context, value, () =>
    [
      `VERIFIED ${source}`,
      `  log        ${origin}, ${size} events`,
      `  events     ${events} in this export`,
      `  root       ${root.toString('base64')}`,
      `  signed by  ${key.text}`,
      `             ${words}`,
      ...(summary ?? []).map((line) => `  ${line}`),
      '',
    ].join('\n'),
  );
}
