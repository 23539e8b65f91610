// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { guardDirectory } from './exit-guard.js';

/** A directory of the test's own (mode 0700), removed on disposal. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** Creates `<tmp>/plumbline-<purpose>-XXXXXX`. */
export async function tempDir(purpose: string): Promise<TempDir> {
  const dir = await mkdtemp(path.join(tmpdir(), `plumbline-${purpose}-`));
  const release = guardDirectory(dir);
  return {
    path: dir,
    [Symbol.asyncDispose]: async () => {
      await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      release();
    },
  };
}
