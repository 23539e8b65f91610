// SPDX-License-Identifier: Apache-2.0
export { EMPTY_ROOT, HASH_BYTES, leafHash, nodeHash } from './hashes.js';
export { Frontier } from './frontier.js';
