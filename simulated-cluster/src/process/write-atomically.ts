// SPDX-License-Identifier: Apache-2.0
import { rename, writeFile } from 'node:fs/promises';

/** Writes a file (mode 0600) in one step: readers find the old content or the new one, never a part. */
export async function writeAtomically(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
