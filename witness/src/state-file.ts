// SPDX-License-Identifier: Apache-2.0
import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { InputError, messageOf } from '@plumbline/core';
import type { Seen, WitnessState } from './witness.js';

/** The state of a witness in one file, which is replaced atomically and synced. */
export class StateFile implements WitnessState {
  readonly #file: string;
  readonly #logs: Map<string, Seen>;

  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, logs: Map<string, Seen>) {
    this.#file = file;
    this.#logs = logs;
  }

  /**
   * Reads the file, or starts with an empty state when there is none. @throws InputError PLB-1801 when it cannot be
   * read, because an empty state would lose checkpoints
   */
  static async open(file: string): Promise<StateFile> {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new StateFile(file, new Map());
      throw new InputError('PLB-1801', `the state of the witness cannot be read (${file}): ${messageOf(error)}`, {
        cause: error,
      });
    }
    return new StateFile(file, new Map(Object.entries(parseState(file, text))));
  }

  get(origin: string): Seen | undefined {
    return this.#logs.get(origin);
  }

  async put(origin: string, seen: Seen): Promise<void> {
    const write = this.#writing.then(() => this.#write(new Map(this.#logs).set(origin, seen)));
    this.#writing = write.catch(() => undefined);
    await write;
    this.#logs.set(origin, seen);
  }

  async #write(logs: ReadonlyMap<string, Seen>): Promise<void> {
    const draft = `${this.#file}.new`;
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ logs: Object.fromEntries(logs) }, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, this.#file);
    // The new name is durable only with its directory.
    const directory = await open(path.dirname(this.#file), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

function parseState(file: string, text: string): Readonly<Record<string, Seen>> {
  try {
    const { logs } = JSON.parse(text) as { readonly logs: Readonly<Record<string, Seen>> };
    const good = Object.values(logs).every(
      ({ size, root }) => Number.isSafeInteger(size) && Buffer.from(root, 'base64').length === 32,
    );
    if (good) return logs;
  } catch {
    // Reported below: the content is invalid.
  }
  throw new InputError(
    'PLB-1801',
    `the state of the witness in ${file} is damaged; restore the newest copy, because a witness without its state proves nothing`,
  );
}
