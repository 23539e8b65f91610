// SPDX-License-Identifier: Apache-2.0
import type { Actor } from '@plumbline/events';

/** Injection token of the {@link LegalHolds}. */
export const LEGAL_HOLDS = Symbol('LEGAL_HOLDS');

/** What is to be held. */
export interface NewLegalHold {
  /** A name (see `isName`); never used again, also not after the hold was lifted. */
  readonly id: string;
  /** First position. */
  readonly from: number;
  /** Position after the last one; everything that follows when absent. */
  readonly to?: number;
  readonly reason: string;
}

/** Events that must stay in the database, and readable, until the hold is lifted. */
export interface LegalHold extends NewLegalHold {
  /** Id of the actor; the name is in the event. */
  readonly placedBy: string;
  readonly placedAt: string;
  readonly liftedBy?: string;
  readonly liftedAt?: string;
}

/** What a change of a hold came to. */
export interface HoldChange {
  readonly hold: LegalHold;
  /** False when it was so already. */
  readonly changed: boolean;
  /** Of the event that tells of it. */
  readonly position: number;
}

/**
 * Keeps events from being removed or erased. Nothing about a hold is ever changed or removed; each change is an event
 * by its actor.
 */
export interface LegalHolds {
  /** Every hold that ever was, the oldest first. */
  list(): Promise<readonly LegalHold[]>;
  /**
   * In force when it resolves. The same hold by the same actor again changes nothing.
   * @throws InputError PLB-1172 for a hold that is none; ConflictError PLB-4108 when the id is or was that of
   * another; UpstreamError PLB-6002
   */
  place(hold: NewLegalHold, by: Actor): Promise<HoldChange>;
  /**
   * Changes nothing when it was lifted already. @throws NotFoundError PLB-3154 when there never was one;
   * UpstreamError PLB-6002
   */
  lift(id: string, by: Actor): Promise<HoldChange>;
}
