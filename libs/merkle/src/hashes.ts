// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';

/** Length of every hash of the tree. */
export const HASH_BYTES = 32;

const LEAF = Buffer.of(0);
const NODE_PREFIX = 1;

// One call per hash: incremental hash objects cost three times as much, most of it garbage. The result is
// text, because a buffer that the hash creates has external memory, which triggers the garbage collector.
function sha256(input: string | Uint8Array): Buffer {
  return Buffer.from(hash('sha256', input, 'hex'), 'hex');
}

/** Returns the hash of an entry: SHA-256(0x00 ‖ entry). Text is encoded as UTF-8. */
export function leafHash(entry: string | Uint8Array): Buffer {
  return sha256(typeof entry === 'string' ? `\u0000${entry}` : Buffer.concat([LEAF, entry]));
}

/** Returns the hash of an inner node: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + left.length + right.length);
  input[0] = NODE_PREFIX;
  input.set(left, 1);
  input.set(right, 1 + left.length);
  return sha256(input);
}

/** Root of the tree without entries: SHA-256 of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer');
