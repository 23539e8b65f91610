// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { SnapshotStore } from './snapshot-store.port.js';

/** Snapshots as files `<directory>/<consumer>.snapshot`, readable by the owner only. */
export class FileSnapshotStore implements SnapshotStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(consumer: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#fileOf(consumer));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async write(consumer: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = path.join(this.#directory, `.${consumer}.${randomUUID()}`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        for await (const chunk of chunks) await file.write(chunk);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#fileOf(consumer));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async remove(consumer: string): Promise<void> {
    await rm(this.#fileOf(consumer), { force: true });
  }

  #fileOf(consumer: string): string {
    return path.join(this.#directory, `${consumer}.snapshot`);
  }
}
