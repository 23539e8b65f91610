// SPDX-License-Identifier: Apache-2.0
import type { Bundle, Tile } from '@plumbline/merkle';

/** Injection token of the {@link LogTree}. */
export const LOG_TREE = Symbol('LOG_TREE');

/** Who signs the log, and who watches it. */
export interface LogIdentity {
  /** First line of every checkpoint. */
  readonly origin: string;
  /** `name+id+key` of the log; absent while it is not signed. */
  readonly verifierKey?: string;
  /** `name+id+key` of the witnesses that are asked for cosignatures. */
  readonly witnessKeys: readonly string[];
}

/** Which checkpoint is wanted; the newest when nothing is said. */
export interface CheckpointQuery {
  /** The newest that a witness has cosigned, with its cosignatures. */
  readonly witnessed?: boolean;
  /** One that covers at least so many events, which must be in the log: signed now if need be. */
  readonly minSize?: number;
}

/** Proof that an event is in the tree of a size. */
export interface InclusionAnswer {
  readonly position: number;
  readonly size: number;
  readonly leaf: Buffer;
  readonly proof: readonly Buffer[];
}

/** Proof that the tree of a size begins with that of another. */
export interface ConsistencyAnswer {
  readonly from: number;
  readonly to: number;
  readonly proof: readonly Buffer[];
}

/** The log as a Merkle tree (RFC 6962, C2SP tlog-tiles): what makes it checkable by others. */
export interface LogTree {
  identity(): Promise<LogIdentity>;
  /**
   * A signed note. MUST cover committed events only, and only such a tree as every earlier one is consistent with.
   * @throws NotFoundError PLB-3151 when there is none yet, OverloadedError PLB-5104 when `minSize` was not signed in
   * time
   */
  checkpoint(query?: CheckpointQuery): Promise<string>;
  /**
   * Hashes of a tile. @throws NotFoundError PLB-3150 when the log does not reach it, PLB-3152 when events below it
   * are missing
   */
  tile(tile: Tile): Promise<Buffer>;
  /**
   * Stored bytes of events, as a bundle. @throws NotFoundError PLB-3150 when the log does not reach it, PLB-3152 when
   * it is kept elsewhere by now
   */
  entries(bundle: Bundle): Promise<Buffer>;
  /**
   * Proof of inclusion in the tree of `size`, which is that of the newest checkpoint when absent. @throws InputError
   * PLB-1162, NotFoundError PLB-3150
   */
  inclusion(position: number, size?: number): Promise<InclusionAnswer>;
  /**
   * Proof of consistency; `to` is the size of the newest checkpoint when absent. @throws InputError PLB-1162,
   * NotFoundError PLB-3150
   */
  consistency(from: number, to?: number): Promise<ConsistencyAnswer>;
}
