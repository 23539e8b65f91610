// SPDX-License-Identifier: Apache-2.0

/** The state that the handlers of a consumer fold events into. */
export interface Fold {
  /**
   * Returns the whole state as JSON values. What is returned MUST NOT change afterwards: copy maps and sets, share
   * immutable documents.
   * Put large collections into arrays one level down: `{ documents: [...], causes: [...] }`.
   */
  snapshot(): unknown;
  /** Replaces the whole state with one that {@link snapshot} returned. */
  restore(state: unknown): void;
}
