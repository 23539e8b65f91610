// SPDX-License-Identifier: Apache-2.0

/** An event that cannot be applied, and what it holds up. */
export interface ParkedWorkItem {
  readonly consumer: string;
  readonly key: string;
  readonly position: number;
  readonly error: string;
  readonly attempts: number;
  /** Later events of the key that wait behind it. */
  readonly waiting: number;
  readonly parkedAt: string;
}

/** What to release. */
export interface ReleaseRequest {
  readonly consumer: string;
  readonly key: string;
  readonly timeoutMs?: number;
}

/** Answer to a release. */
export interface ReleaseInfo {
  readonly outcome: 'Released' | 'StillParked' | 'Pending';
  readonly consumer: string;
  readonly key: string;
  /** Keys that go on again, this one and others. */
  readonly released: number;
  /** What is parked still, with how it failed. */
  readonly item?: ParkedWorkItem;
  readonly position?: number;
}

/** A legal hold to place. */
export interface LegalHoldRequest {
  readonly id: string;
  readonly from: number;
  /** Position after the last one; everything that follows when absent. */
  readonly to?: number;
  readonly reason: string;
}

/** Events that stay in the database, and readable, until the hold is lifted. */
export interface LegalHoldItem extends LegalHoldRequest {
  readonly placedBy: string;
  readonly placedAt: string;
  readonly liftedBy?: string;
  readonly liftedAt?: string;
}

/** Answer to a change of a legal hold. */
export interface LegalHoldResult {
  readonly action: 'placed' | 'lifted' | 'unchanged';
  readonly hold: LegalHoldItem;
  readonly position: number;
}

/** Whom to erase. */
export interface ErasureRequest {
  /** Id of a token, or e-mail address of commits. */
  readonly person: string;
  readonly timeoutMs?: number;
}

/** Answer to an erasure. */
export interface ErasureResult {
  readonly outcome: 'Erased' | 'AlreadyErased' | 'Pending';
  /** The person as the log names it. */
  readonly subject: string;
  readonly events?: number;
  readonly erasedAt?: string;
  readonly position?: number;
}
