// SPDX-License-Identifier: Apache-2.0
export { EMPTY_ROOT, HASH_BYTES, leafHash, nodeHash } from './hashes.js';
export { Frontier } from './frontier.js';
export {
  bundleHashes,
  bundlePath,
  decodeBundle,
  encodeBundle,
  hashesAtLevel,
  MAX_ENTRY_BYTES,
  parseTilePath,
  subtreeRoot,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileHashes,
  tilePath,
  tilesOf,
  tileWidth,
} from './tiles.js';
export type { Bundle, Tile, TilePath } from './tiles.js';
export { consistencyProof, inclusionProof, treeRoot, verifyConsistency, verifyInclusion } from './tree-proofs.js';
export { InclusionChecker, LeafTree } from './leaf-tree.js';
export { logSigner, parseVerifierKeys } from './log-key.js';
export type { ConsistencyClaim, InclusionClaim, TileReader } from './tree-proofs.js';
export {
  cosign,
  generateSigningKeyPem,
  isKeyName,
  parseNote,
  parseSignatureLines,
  parseVerifierKey,
  pemSigner,
  signatureLine,
  signNote,
  verifyNote,
} from './notes.js';
export type { KeyUse, Note, NoteSignature, NoteSigner, VerifiedSignature, VerifierKey } from './notes.js';
export { formatCheckpoint, isOrigin, openCheckpoint, parseCheckpoint } from './checkpoints.js';
export type { Checkpoint, SignedCheckpoint } from './checkpoints.js';
export { formatAddCheckpoint, parseAddCheckpoint, TLOG_SIZE_TYPE } from './witness-protocol.js';
export type { AddCheckpoint } from './witness-protocol.js';
export { altered, entryAt, verifyLog } from './log-verifier.js';
export type { LogFiles, RememberedLog, VerifiedLog, VerifyOptions } from './log-verifier.js';
