// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';

/** Injection token of the {@link ObjectStore}. */
export const OBJECT_STORE = Symbol('OBJECT_STORE');

/** A piece of content and its address. */
export interface StoredContent {
  readonly digest: Digest;
  readonly content: string;
}

/** Content-addressed store of rendered objects, object sets, inventories, plans and outcomes (UTF-8 text). */
export interface ObjectStore {
  /**
   * Stores all contents; what is there already is kept. Durable when it resolves, and only then may an event name the digests.
   * @throws InputError PLB-1201 when a digest does not fit its content; UpstreamError PLB-6020 when the store is not reachable.
   */
  put(contents: readonly StoredContent[]): Promise<void>;
  /** One content; verified against the digest. @throws NotFoundError PLB-3201; InvariantError PLB-9201 when the stored bytes do not fit the digest. */
  get(digest: Digest): Promise<string>;
  /** Many contents in one round trip, by digest; missing ones are absent. */
  getMany(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>>;
}
