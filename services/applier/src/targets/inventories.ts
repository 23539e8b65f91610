// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import type { ObjectStore, StoredContent } from '@plumbline/object-store';
import type { TargetState } from '../domain/target-state.js';
import { decodeInventory, encodeInventory, type Inventory } from '../domain/inventory.js';

const EMPTY: Inventory = new Map();

/** Inventories of targets by the digest that the log names, parsed once. */
export class Inventories {
  readonly #store: ObjectStore;

  readonly #known = new Map<string, { readonly digest: Digest; readonly inventory: Inventory }>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** The inventory that the log says a target has. */
  async of(target: TargetState): Promise<Inventory> {
    const { inventoryDigest } = target;
    if (inventoryDigest === undefined) return EMPTY;
    const known = this.#known.get(target.id);
    if (known?.digest === inventoryDigest) return known.inventory;
    const inventory = decodeInventory(await this.#store.get(inventoryDigest));
    this.#known.set(target.id, { digest: inventoryDigest, inventory });
    return inventory;
  }

  /** As {@link of}, when it is at hand. */
  peek(target: TargetState): Inventory | undefined {
    if (target.inventoryDigest === undefined) return EMPTY;
    const known = this.#known.get(target.id);
    return known?.digest === target.inventoryDigest ? known.inventory : undefined;
  }

  /** Gets many at once, for the start. */
  async load(targets: readonly TargetState[]): Promise<void> {
    const texts = await this.#store.getMany(
      targets.map(({ inventoryDigest }) => inventoryDigest).filter((digest) => digest !== undefined),
    );
    for (const target of targets) {
      const { id, inventoryDigest: digest } = target;
      const text = digest === undefined ? undefined : texts.get(digest);
      if (digest === undefined || text === undefined) await this.of(target);
      else this.#known.set(id, { digest, inventory: decodeInventory(text) });
    }
  }

  /** The blob to store, and the memory of it. */
  encode(target: TargetState, inventory: Inventory): StoredContent {
    const blob = encodeInventory(inventory);
    this.#known.set(target.id, { digest: blob.digest, inventory });
    return blob;
  }
}
