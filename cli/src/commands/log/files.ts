// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LogClient } from '@plumbline/api-client';
import { altered, bundlePath, type LogFiles, parseVerifierKey, tilePath, type VerifierKey } from '@plumbline/merkle';
import { messageOf } from '@plumbline/core';
import { CommandError, ExitCode } from '../../exit-code.js';
import { type Environment, profilePath } from '../../profile.config.js';

/** The files of a log on its server. */
export function serverFiles(client: LogClient, origin: string, checkpoint?: () => Promise<string>): LogFiles {
  return {
    checkpoint: checkpoint ?? (async () => (await client.file(origin, 'checkpoint')).toString('utf8')),
    tile: (tile) => client.file(origin, tilePath(tile)),
    entries: (bundle) => client.file(origin, bundlePath(bundle)),
  };
}

async function fileOf(directory: string, path: string): Promise<Buffer> {
  try {
    return await readFile(join(directory, path));
  } catch (error) {
    throw altered(`${path} is missing from the export: ${messageOf(error)}`);
  }
}

/** The files of a log in a directory. */
export function directoryFiles(directory: string): LogFiles {
  return {
    checkpoint: async () => (await fileOf(directory, 'checkpoint')).toString('utf8'),
    tile: (tile) => fileOf(directory, tilePath(tile)),
    entries: (bundle) => fileOf(directory, bundlePath(bundle)),
  };
}

/** A verifier key that is given as itself or by its file. */
export function keyOption(given: string | undefined): VerifierKey | undefined {
  if (given === undefined) return undefined;
  return parseVerifierKey(existsSync(given) ? readFileSync(given, 'utf8') : given);
}

/** What is remembered of a log between two verifications. */
export interface LogMemory {
  readonly origin: string;
  readonly key: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly frontier: string;
  /** The checkpoint, to show to others. */
  readonly note: string;
}

function memoryPath(environment: Environment, origin: string): string {
  return join(dirname(profilePath(environment)), 'logs', `${origin.replaceAll(/[^A-Za-z0-9._-]/g, '_')}.json`);
}

/** What was verified of a log before; undefined the first time. */
export async function recall(environment: Environment, origin: string): Promise<LogMemory | undefined> {
  const file = memoryPath(environment, origin);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(await readFile(file, 'utf8')) as LogMemory;
  } catch (error) {
    throw new CommandError(
      ExitCode.refused,
      `the stored state of the log cannot be read (${file}): ${messageOf(error)}. Without it a rewritten log is not detected; remove the file to start again`,
    );
  }
}

/** Keeps what was verified, whole or not at all. */
export async function remember(environment: Environment, memory: LogMemory): Promise<void> {
  const file = memoryPath(environment, memory.origin);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, `${JSON.stringify(memory, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
