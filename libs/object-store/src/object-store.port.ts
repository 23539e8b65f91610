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
   * Stores all contents; existing content is kept. Content is durable when it resolves, and only then may an event
   * refer to the digests.
   * @throws InputError PLB-1201 when a digest does not match its content; UpstreamError PLB-6020 when the store is
   * not reachable.
   */
  put(contents: readonly StoredContent[]): Promise<void>;
  /**
   * Returns one content, verified against the digest. @throws NotFoundError PLB-3201; InvariantError PLB-9201 when
   * the stored bytes do not match the digest.
   */
  get(digest: Digest): Promise<string>;
  /** Returns many contents by digest in one round trip; missing ones are absent. */
  getMany(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>>;
}
