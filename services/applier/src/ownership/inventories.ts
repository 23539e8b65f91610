// SPDX-License-Identifier: Apache-2.0
import type { Digest, TargetId } from '@plumbline/core';
import type { ObjectStore, StoredContent } from '@plumbline/object-store';
import { decodeInventory, encodeInventory, type Inventory } from '../domain/inventory.js';
import type { TargetState } from '../domain/target-state.js';

const EMPTY: Inventory = new Map();

/** Inventories of targets: contents of the object store by the digest in the log, decoded once per target. */
export class Inventories {
  readonly #store: ObjectStore;
  readonly #cache = new Map<TargetId, { readonly digest: Digest; readonly inventory: Inventory }>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Returns the inventory of a target as the log names it; empty if the target has none. */
  async of(target: TargetState): Promise<Inventory> {
    const { id, inventoryDigest } = target;
    const cached = this.cached(target);
    if (cached !== undefined || inventoryDigest === undefined) return cached ?? EMPTY;
    const inventory = decodeInventory(await this.#store.get(inventoryDigest));
    this.#cache.set(id, { digest: inventoryDigest, inventory });
    return inventory;
  }

  /** As {@link of}, without a read; undefined if the inventory was not read yet. */
  cached(target: TargetState): Inventory | undefined {
    if (target.inventoryDigest === undefined) return EMPTY;
    const cached = this.#cache.get(target.id);
    return cached?.digest === target.inventoryDigest ? cached.inventory : undefined;
  }

  /** Reads the inventories of many targets in one round trip. */
  async load(targets: readonly TargetState[]): Promise<void> {
    const texts = await this.#store.getMany(
      targets.map(({ inventoryDigest }) => inventoryDigest).filter((digest) => digest !== undefined),
    );
    for (const target of targets) {
      const { id, inventoryDigest: digest } = target;
      const text = digest === undefined ? undefined : texts.get(digest);
      if (digest === undefined || text === undefined) await this.of(target);
      else this.#cache.set(id, { digest, inventory: decodeInventory(text) });
    }
  }

  /** Encodes an inventory for the object store and caches it. */
  encode(target: TargetState, inventory: Inventory): StoredContent {
    const content = encodeInventory(inventory);
    this.#cache.set(target.id, { digest: content.digest, inventory });
    return content;
  }
}
