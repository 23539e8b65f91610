// SPDX-License-Identifier: Apache-2.0
import type { TargetId } from '@plumbline/core';

/**
 * Which target owns each object of one cluster, by key. Ownership is decided here alone, so that two targets never
 * write one object.
 */
export class Claims {
  readonly #owners = new Map<string, TargetId>();

  /** The target that owns the object; undefined if no target does. */
  ownerOf(key: string): TargetId | undefined {
    return this.#owners.get(key);
  }

  /** Claims an object for a target unless another target owns it. Returns the owner. */
  claim(key: string, target: TargetId): TargetId {
    const owner = this.#owners.get(key);
    if (owner !== undefined) return owner;
    this.#owners.set(key, target);
    return target;
  }

  /** True if the target owns the object or may claim it. */
  isFreeFor(target: TargetId, key: string): boolean {
    return (this.#owners.get(key) ?? target) === target;
  }

  /** Ends the ownership of objects that the target owns. Returns their keys. */
  drop(target: TargetId, keys: Iterable<string>): readonly string[] {
    const dropped = [...keys].filter((key) => this.#owners.get(key) === target);
    for (const key of dropped) this.#owners.delete(key);
    return dropped;
  }

  /** Keys of all objects that the target owns. */
  keysOf(target: TargetId): readonly string[] {
    return [...this.#owners].filter(([, owner]) => owner === target).map(([key]) => key);
  }
}
