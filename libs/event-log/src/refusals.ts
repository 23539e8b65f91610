// SPDX-License-Identifier: Apache-2.0
import { AuthError, ConflictError, InputError, OverloadedError } from '@plumbline/core';

/** Counts what the log refused, by code: each refusal once, however many layers see it. */
export class Refusals {
  readonly #counts = new Map<string, number>();
  readonly #seen = new WeakSet<object>();

  /** Counts an error that tells a caller "no"; anything else is not a refusal. */
  count(error: unknown): void {
    const refused =
      error instanceof InputError ||
      error instanceof AuthError ||
      error instanceof ConflictError ||
      error instanceof OverloadedError;
    if (!refused || this.#seen.has(error)) return;
    this.#seen.add(error);
    this.#counts.set(error.code, (this.#counts.get(error.code) ?? 0) + 1);
  }

  /** Since the start of this process, by code. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
