// SPDX-License-Identifier: Apache-2.0

interface Waiting {
  readonly hashes: readonly string[];
  readonly resolve: (contents: ReadonlyMap<string, Buffer>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Joins reads that are asked for at about the same time into one, so that a thousand applications cost one Git
 * process and not a thousand.
 */
export class BatchReader {
  readonly #read: (hashes: readonly string[]) => Promise<ReadonlyMap<string, Buffer>>;

  #waiting: Waiting[] = [];
  #scheduled = false;

  constructor(read: (hashes: readonly string[]) => Promise<ReadonlyMap<string, Buffer>>) {
    this.#read = read;
  }

  /** Contents by hash. */
  get(hashes: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ hashes, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#scheduled = false;
    try {
      const contents = await this.#read([...new Set(batch.flatMap(({ hashes }) => hashes))]);
      for (const { resolve } of batch) resolve(contents);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
