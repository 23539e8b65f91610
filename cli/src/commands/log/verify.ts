// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { PlumblineError } from '@plumbline/core';
import {
  consistencyProof,
  type LogFiles,
  openCheckpoint,
  parseNote,
  parseVerifierKey,
  type RememberedLog,
  type VerifiedLog,
  type VerifierKey,
  verifyConsistency,
  verifyLog,
  verifyNote,
} from '@plumbline/merkle';
import { type CommandContext, print } from '../../context.js';
import { CommandError, ExitCode } from '../../exit-code.js';
import { Progress } from '../../output/terminal.js';
import { directoryFiles, keyOption, type LogMemory, recall, remember, serverFiles } from './files.js';

/** Options of `plumb log verify`. */
export interface VerifyCommandOptions {
  readonly key?: string;
  readonly witness?: readonly string[];
  readonly full?: boolean;
}

/** Source of the key, which decides how much the result proves. */
export type KeyTrust = 'given' | 'remembered' | 'offered';

const TRUST: Readonly<Record<KeyTrust, string>> = {
  given: 'the given key',
  remembered: 'the key of the last verification',
  offered: 'the key that the server returned: compare it with one from another source, then use --key',
};

/** Reports a failed verification as a result (exit status 1), not as a usage error. */
export async function asResult<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PlumblineError && /^PLB-(116\d|315\d)$/.test(error.code))
      throw new CommandError(ExitCode.failed, `NOT VERIFIED: ${error.message} (${error.code})`);
    throw error;
  }
}

interface TrustedKey {
  readonly key: VerifierKey;
  readonly trust: KeyTrust;
}

function keyFor(
  origin: string,
  options: VerifyCommandOptions,
  memory: LogMemory | undefined,
  offered: string | undefined,
): TrustedKey {
  const given = keyOption(options.key);
  if (given !== undefined) return { key: given, trust: 'given' };
  if (memory !== undefined) {
    if (offered !== undefined && offered !== memory.key) {
      throw new CommandError(
        ExitCode.refused,
        `the log ${origin} was signed with ${memory.key} and offers ${offered} now. If its operators say that they changed it, give it with --key`,
      );
    }
    return { key: parseVerifierKey(memory.key), trust: 'remembered' };
  }
  if (offered === undefined)
    throw new CommandError(
      ExitCode.failed,
      'the log is not signed: its operators have to set PLUMBLINE_LOG_SIGNING_KEY_FILE',
    );
  return { key: parseVerifierKey(offered), trust: 'offered' };
}

function remembered(memory: LogMemory | undefined): RememberedLog | undefined {
  return memory === undefined
    ? undefined
    : { size: memory.size, root: Buffer.from(memory.root, 'base64'), frontier: Buffer.from(memory.frontier, 'base64') };
}

/** `plumb log verify`: checkpoint, growth since last time, every entry and tile. The server is not trusted. */
export async function verifyServer(context: CommandContext, options: VerifyCommandOptions): Promise<void> {
  const client = context.log();
  const { origin, verifierKey } = await client.identity();
  const memory = await recall(context.environment, origin);
  const { key, trust } = keyFor(origin, options, memory, verifierKey);
  if (key.name !== origin)
    throw new CommandError(
      ExitCode.failed,
      `NOT VERIFIED: the server has the log ${origin}, and the key is of ${key.name}`,
    );
  const head = (
    await context
      .client()
      .events({ limit: 1 })
      .catch(() => undefined)
  )?.head;
  const files = serverFiles(client, origin, () =>
    client.checkpoint(head === undefined || head < 0 ? undefined : head + 1),
  );
  const result = await verifyFiles(context, { files, key, full: options.full === true, memory: remembered(memory) });
  const witnesses = await verifyWitnesses(files, result, (options.witness ?? []).map(parseVerifierKey), async () =>
    (await client.file(origin, 'checkpoint.witnessed')).toString('utf8'),
  );
  const { size, root, note } = result.checkpoint;
  await remember(context.environment, {
    origin,
    key: key.text,
    size,
    root: root.toString('base64'),
    frontier: result.frontier.toString('base64'),
    note: noteText(note),
  });
  report(context, { origin, key, trust, result, witnesses, before: memory?.size });
}

function noteText({ text, signatures }: ReturnType<typeof parseNote>): string {
  return `${text}\n${signatures.map(({ name, id, signature }) => `— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`).join('')}`;
}

interface FilesToVerify {
  readonly files: LogFiles;
  readonly key: VerifierKey;
  readonly full: boolean;
  readonly memory: RememberedLog | undefined;
}

async function verifyFiles(context: CommandContext, { files, key, full, memory }: FilesToVerify): Promise<VerifiedLog> {
  const progress = new Progress(context.terminal);
  let shownAtMs = context.nowMs();
  const onEntry = (position: number): void => {
    if (context.nowMs() - shownAtMs < 1_000) return;
    shownAtMs = context.nowMs();
    progress.update(`verified up to position ${position}`);
  };
  try {
    if (memory === undefined || !full)
      return await verifyLog({ files, key, onEntry, ...(memory === undefined ? {} : { remembered: memory }) });
    // From the beginning, and held to what was remembered all the same.
    const whole = await verifyLog({ files, key, onEntry });
    await verifyLog({ files, key, remembered: memory });
    return whole;
  } finally {
    progress.done();
  }
}

/** Each of the witnesses must have cosigned a checkpoint that this log begins with. */
async function verifyWitnesses(
  files: LogFiles,
  verified: VerifiedLog,
  witnesses: readonly VerifierKey[],
  read: () => Promise<string>,
): Promise<readonly string[]> {
  if (witnesses.length === 0) return [];
  const note = parseNote(await read());
  const lines: string[] = [];
  const { origin } = verified.checkpoint;
  const logKey = verified.checkpoint.signatures.find(({ key }) => key.name === origin)?.key;
  if (logKey === undefined) throw new CommandError(ExitCode.failed, 'NOT VERIFIED: the log has no key');
  const witnessed = openCheckpoint(noteText(note), logKey);
  for (const witness of witnesses) {
    const [signature] = verifyNote(note, [witness]);
    lines.push(
      `${witness.name} cosigned ${witnessed.size} events${signature?.timeSeconds === undefined ? '' : ` at ${new Date(signature.timeSeconds * 1_000).toISOString()}`}`,
    );
  }
  const [older, newer] =
    witnessed.size <= verified.checkpoint.size ? [witnessed, verified.checkpoint] : [verified.checkpoint, witnessed];
  const proof = await consistencyProof(older.size, newer.size, (tile) => files.tile(tile));
  if (!verifyConsistency({ from: older.size, to: newer.size, fromRoot: older.root, toRoot: newer.root, proof })) {
    throw new CommandError(ExitCode.failed, 'NOT VERIFIED: the witnesses have cosigned another log than this one');
  }
  return lines;
}

/** `plumb log verify DIRECTORY`. */
export async function verifyDirectory(
  context: CommandContext,
  directory: string,
  options: VerifyCommandOptions & { readonly offered?: string },
): Promise<VerifiedLog> {
  if (!statSync(directory).isDirectory()) throw new CommandError(ExitCode.usage, `${directory} is not a directory`);
  const { key, trust } = keyFor(directory, options, undefined, options.offered);
  const files = directoryFiles(directory);
  const result = await verifyFiles(context, { files, key, full: true, memory: undefined });
  const witnesses = await verifyWitnesses(
    files,
    result,
    (options.witness ?? []).map(parseVerifierKey),
    files.checkpoint,
  );
  report(context, { origin: key.name, key, trust, result, witnesses, before: undefined });
  return result;
}

interface Report {
  readonly origin: string;
  readonly key: VerifierKey;
  readonly trust: KeyTrust;
  readonly result: VerifiedLog;
  readonly witnesses: readonly string[];
  readonly before: number | undefined;
}

function report(context: CommandContext, { origin, key, trust, result, witnesses, before }: Report): void {
  const { size, root } = result.checkpoint;
  const value = {
    verified: true,
    origin,
    size,
    root: root.toString('base64'),
    entries: result.entries,
    key: key.text,
    trust,
    witnesses,
    ...(before === undefined ? {} : { before }),
  };
  print(context, value, () =>
    [
      `VERIFIED ${origin}`,
      `  events     ${size}${before === undefined ? '' : `, of which the first ${before} are those of last time`}; ${result.entries} hashed now`,
      `  root       ${root.toString('base64')}`,
      `  signed by  ${key.text}`,
      `             ${TRUST[trust]}`,
      ...witnesses.map((line) => `  witness    ${line}`),
      '',
    ].join('\n'),
  );
}
