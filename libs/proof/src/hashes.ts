// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/** Length of every hash of the tree. */
export const HASH_BYTES = 32;

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** Hash of an entry: SHA-256(0x00 ‖ entry). Text is taken as its UTF-8 bytes. */
export function leafHash(entry: string | Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(entry).digest();
}

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

/** Root of the tree without entries: SHA-256 of nothing. */
export const EMPTY_ROOT: Buffer = createHash('sha256').digest();
