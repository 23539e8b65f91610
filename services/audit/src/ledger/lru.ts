// SPDX-License-Identifier: Apache-2.0

/** A map of bounded size that forgets what was set or read longest ago. */
export class Lru<Value> {
  readonly #capacity: number;
  readonly #onForget: (key: string) => void;

  readonly #entries = new Map<string, Value>();

  constructor(capacity: number, onForget: (key: string) => void = () => undefined) {
    this.#capacity = capacity;
    this.#onForget = onForget;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      this.#onForget(oldest);
      return;
    }
  }

  clear(): void {
    this.#entries.clear();
  }
}
