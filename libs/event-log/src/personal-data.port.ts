// SPDX-License-Identifier: Apache-2.0
import type { AskedWork } from './parked-work.port.js';

/** Injection token of the {@link PersonalData}. */
export const PERSONAL_DATA = Symbol('PERSONAL_DATA');

/** What became of an erasure. Never holds what the person is known by. */
export interface ErasureReport {
  /** `Pending`: the time to wait was over first; it goes on. `AlreadyErased`: by a request before this one. */
  readonly outcome: 'Erased' | 'AlreadyErased' | 'Pending';
  /** The person as the log names it: a keyed hash. */
  readonly subject: string;
  /** Events that hold something of the person, which nobody can read any more; absent while it is not done. */
  readonly events?: number;
  readonly erasedAt?: string;
  /** Of the event that tells of it. */
  readonly position?: number;
}

/** Personal data in the log: sealed under a key of each person, unreadable for ever without it. */
export interface PersonalData {
  /**
   * Drops the key of a person, known by an actor id or an e-mail address, and builds the views anew without the
   * person. No byte of the
   * log changes: hashes, checkpoints and proofs stay. Idempotent. Once it was asked for it is done, also after a crash.
   * @throws NotFoundError PLB-3155 when nothing of such a person is sealed; ConflictError PLB-4109 when personal data
   * is not sealed here,
   * PLB-4110 when a legal hold covers an event of the person; UpstreamError PLB-6002
   */
  erase(knownAs: string, asked: AskedWork): Promise<ErasureReport>;
}
