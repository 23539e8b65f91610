// SPDX-License-Identifier: Apache-2.0
import { InvariantError } from '@plumbline/core';
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './hashes.js';

function bitCount(size: number): number {
  let bits = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}

/**
 * The right edge of a Merkle tree: the roots of its full subtrees, largest first. This is sufficient to add leaves
 * and to
 * compute the root. Immutable, so that a failed batch can be discarded.
 */
export class Frontier {
  readonly #subtrees: readonly Buffer[];

  static readonly empty = new Frontier(0, []);

  private constructor(
    /** Number of leaves. */
    readonly size: number,
    subtrees: readonly Buffer[],
  ) {
    this.#subtrees = subtrees;
  }

  /**
   * Decodes the result of {@link encode}.
   * @throws InvariantError PLB-9112 when the bytes cannot be the frontier of a tree of this size.
   */
  static decode(size: number, bytes: Uint8Array): Frontier {
    if (bytes.length !== bitCount(size) * HASH_BYTES) {
      throw new InvariantError(
        'PLB-9112',
        `a tree of ${size} leaves has ${bitCount(size)} full subtrees, not ${bytes.length / HASH_BYTES}`,
      );
    }
    const copy = Buffer.from(bytes);
    return new Frontier(
      size,
      Array.from({ length: bytes.length / HASH_BYTES }, (_, index) =>
        copy.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
      ),
    );
  }

  /** Returns the frontier after these leaf hashes. */
  append(leaves: readonly Buffer[]): Frontier {
    const subtrees = [...this.#subtrees];
    let size = this.size;
    for (const leaf of leaves) {
      let hash = leaf;
      // Each trailing one bit of the size is a full subtree that the new leaf completes to the next level.
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
        const left = subtrees.pop();
        if (left === undefined) throw new InvariantError('PLB-9112', `the frontier of ${size} leaves lacks a subtree`);
        hash = nodeHash(left, hash);
      }
      subtrees.push(hash);
      size += 1;
    }
    return new Frontier(size, subtrees);
  }

  /** Returns the root of the tree. */
  root(): Buffer {
    let root: Buffer | undefined;
    for (const subtree of this.#subtrees.toReversed()) root = root === undefined ? subtree : nodeHash(subtree, root);
    return root ?? EMPTY_ROOT;
  }

  /** Returns the concatenated subtree roots, largest first. */
  encode(): Buffer {
    return Buffer.concat(this.#subtrees);
  }
}
