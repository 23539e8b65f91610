// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const CODE = /\.[cm]?[jt]s$/;
const NO_CODE = /\.d\.[cm]?ts$|\.(?:spec|fixture|contract)\.[cm]?[jt]s$/;
const NO_FOLDERS = new Set(['node_modules', 'testing', 'testdata']);

const digests = new Map<string, string>();

function* filesBelow(directory: string): Generator<string> {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((left, right) =>
    left.name < right.name ? -1 : 1,
  );
  for (const entry of entries) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!NO_FOLDERS.has(entry.name)) yield* filesBelow(file);
    } else if (CODE.test(entry.name) && !NO_CODE.test(entry.name)) {
      yield file;
    }
  }
}

/** Returns a digest over the code files below directories, by relative path and content; computed once per process. */
export function codeDigest(directories: readonly string[]): string {
  return directories.map(digestOf).join('-');
}

function digestOf(directory: string): string {
  const known = digests.get(directory);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (const file of filesBelow(directory))
    hash
      .update(`${path.relative(directory, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  const digest = hash.digest('hex').slice(0, 24);
  digests.set(directory, digest);
  return digest;
}
