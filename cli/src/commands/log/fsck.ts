// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import {
  type Checkpoint,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  type VerifierKey,
  verifyLog,
} from '@plumbline/merkle';
import { type CommandContext, print } from '../../context.js';
import { CommandError, ExitCode } from '../../exit-code.js';
import { Progress } from '../../output/terminal.js';
import { checkDatabase } from './database.js';
import { keyOption, recall, serverFiles } from './files.js';
import { asResult } from './verify.js';

/** Options of `plumb log fsck`. */
export interface FsckOptions {
  readonly database?: string;
  /** File of a checkpoint that was kept elsewhere. */
  readonly checkpoint?: string;
  readonly key?: string;
}

/** `plumb log fsck`: everything stored is hashed again; the first position that was altered is named. */
export async function fsck(context: CommandContext, options: FsckOptions): Promise<void> {
  await asResult(async () =>
    options.database === undefined ? fsckServer(context, options) : fsckDatabase(context, options.database, options),
  );
}

/** A checkpoint that a third party kept: verified with the key, or unverified without a key. */
function keptCheckpoint(file: string | undefined, key: VerifierKey | undefined): readonly Checkpoint[] {
  if (file === undefined) return [];
  const message = readFileSync(file, 'utf8');
  return [key === undefined ? parseCheckpoint(parseNote(message).text) : openCheckpoint(message, key)];
}

async function fsckServer(context: CommandContext, options: FsckOptions): Promise<void> {
  const client = context.log();
  const { origin, verifierKey } = await client.identity();
  const key = keyOption(options.key) ?? (verifierKey === undefined ? undefined : parseVerifierKey(verifierKey));
  if (key === undefined)
    throw new CommandError(ExitCode.failed, 'the log is not signed: read its database with --database');
  const progress = new Progress(context.terminal);
  const { head } = await context.client().events({ limit: 1 });
  const files = serverFiles(client, origin, () => client.checkpoint(head + 1));
  const result = await verifyLog({
    files,
    key,
    onEntry: (position) => (position % 10_000 === 0 ? progress.update(`position ${position}`) : undefined),
  });
  progress.done();
  for (const kept of keptCheckpoint(options.checkpoint, key)) {
    await verifyLog({
      files,
      key,
      remembered: { size: kept.size, root: kept.root, frontier: await frontierOf(files, kept) },
    });
  }
  const { size, root } = result.checkpoint;
  print(
    context,
    { sound: true, origin, events: size, root: root.toString('base64') },
    () => `SOUND ${origin}: ${size} events hashed again, root ${root.toString('base64')}\n`,
  );
}

/** The tree at a kept checkpoint, read from the log itself: it counts only if it has the kept root. */
async function frontierOf(files: ReturnType<typeof serverFiles>, kept: Checkpoint): Promise<Buffer> {
  const { Frontier, tileWidth } = await import('@plumbline/merkle');
  let frontier = Frontier.empty;
  for (let index = 0; index * 256 < kept.size; index += 1) {
    const width = tileWidth(0, index, kept.size);
    const bytes = Buffer.from(await files.tile({ level: 0, index, width }));
    frontier = frontier.append(
      Array.from({ length: width }, (_, place) => bytes.subarray(place * 32, place * 32 + 32)),
    );
  }
  if (!frontier.root().equals(kept.root))
    throw new CommandError(
      ExitCode.failed,
      `NOT VERIFIED: the first ${kept.size} events are not those of the checkpoint that was kept: the log was rewritten`,
    );
  return frontier.encode();
}

async function fsckDatabase(context: CommandContext, url: string, options: FsckOptions): Promise<void> {
  const key = keyOption(options.key);
  const progress = new Progress(context.terminal);
  const kept = keptCheckpoint(options.checkpoint, key);
  const remembered = key === undefined ? undefined : await recall(context.environment, key.name);
  const known =
    remembered === undefined
      ? kept
      : [...kept, { origin: remembered.origin, size: remembered.size, root: Buffer.from(remembered.root, 'base64') }];
  const { events, archived, root, checkpoints, signed } = await checkDatabase({
    url,
    known,
    onPosition: (position) => progress.update(`position ${position}`),
    ...(key === undefined ? {} : { key }),
  });
  progress.done();
  const words = signed ? 'signatures verified' : 'signatures not verified: give the key with --key';
  print(
    context,
    { sound: true, events, archived, root: root.toString('base64'), checkpoints, signed },
    () =>
      `SOUND ${events} events hashed again${archived === 0 ? '' : ` (the first ${archived} are archived: their hashes only; check their text with "plumb log fsck" at the server)`}, root ${root.toString('base64')}, ${checkpoints} checkpoints fit (${words})\n`,
  );
}
