// SPDX-License-Identifier: Apache-2.0
import { EMPTY_ROOT, nodeHash } from './hashes.js';

/** The largest power of two below n, for n above 1. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** The RFC 6962 tree over leaf hashes that are all in memory; every inner hash is computed once. */
export class LeafTree {
  readonly #leaves: readonly Buffer[];
  readonly #nodes = new Map<number, Buffer>();

  constructor(leaves: readonly Buffer[]) {
    this.#leaves = leaves;
  }

  /** The root; the empty root without leaves. */
  root(): Buffer {
    return this.#leaves.length === 0 ? EMPTY_ROOT : this.#hash(0, this.#leaves.length);
  }

  /**
   * The inclusion path of a leaf, from the leaf to the root (RFC 6962, 2.1.1). `index` MUST be below the number of
   * leaves.
   */
  path(index: number): readonly Buffer[] {
    const path: Buffer[] = [];
    for (let [start, end] = [0, this.#leaves.length]; end - start > 1;) {
      const middle = start + split(end - start);
      path.push(index < middle ? this.#hash(middle, end) : this.#hash(start, middle));
      [start, end] = index < middle ? [start, middle] : [middle, end];
    }
    return path.reverse();
  }

  #hash(start: number, end: number): Buffer {
    const leaf = this.#leaves[start];
    if (end - start === 1 && leaf !== undefined) return leaf;
    const key = start * (this.#leaves.length + 1) + end;
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const middle = start + split(end - start);
    const hash = nodeHash(this.#hash(start, middle), this.#hash(middle, end));
    this.#nodes.set(key, hash);
    return hash;
  }
}

/**
 * Checks inclusion paths of one tree. Hashes that a valid path has shown are kept, so that checking every leaf of a
 * tree costs about
 * one hash for each.
 */
export class InclusionChecker {
  readonly #size: number;
  readonly #nodes = new Map<number, Buffer>();

  /** `root` is trusted: of a signature that was verified. */
  constructor(size: number, root: Buffer) {
    this.#size = size;
    this.#nodes.set(this.#key(0, size), root);
  }

  /** True when the path shows that the leaf is at the index in the tree. */
  includes(index: number, leaf: Buffer, path: readonly Buffer[]): boolean {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.#size) return false;
    const ranges: (readonly [start: number, middle: number, end: number])[] = [];
    for (let [start, end] = [0, this.#size]; end - start > 1;) {
      const middle = start + split(end - start);
      ranges.push([start, middle, end]);
      [start, end] = index < middle ? [start, middle] : [middle, end];
    }
    if (path.length !== ranges.length) return false;
    const found: (readonly [key: number, hash: Buffer])[] = [];
    let [start, end, hash] = [index, index + 1, leaf];
    for (const sibling of path) {
      const known = this.#nodes.get(this.#key(start, end));
      if (known !== undefined) return known.equals(hash) && this.#keep(found);
      const [parentStart, middle, parentEnd] = ranges.pop() ?? [0, 0, 0];
      const isLeft = index < middle;
      found.push([this.#key(start, end), hash]);
      found.push([isLeft ? this.#key(middle, parentEnd) : this.#key(parentStart, middle), sibling]);
      hash = isLeft ? nodeHash(hash, sibling) : nodeHash(sibling, hash);
      [start, end] = [parentStart, parentEnd];
    }
    return this.#nodes.get(this.#key(0, this.#size))?.equals(hash) === true && this.#keep(found);
  }

  #keep(found: readonly (readonly [number, Buffer])[]): true {
    for (const [key, hash] of found) this.#nodes.set(key, hash);
    return true;
  }

  #key(start: number, end: number): number {
    return start * (this.#size + 1) + end;
  }
}
