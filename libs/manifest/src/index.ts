// SPDX-License-Identifier: Apache-2.0
export { diffObjects, MASK, maskObject } from './diff.js';
export type { FieldChange } from './diff.js';
export { displayName, groupOf, identityOf, isJsonMap, isSecret, keyOf, objectKey, parseKey } from './identity.js';
export type { ManifestMetadata, ManifestObject, ObjectIdentity } from './identity.js';
export { decodeText, parseManifests, refuseDuplicates } from './manifests.js';
export type { DuplicateOptions, ParsedManifest } from './manifests.js';
export { buildObject, buildObjectSet, buildSources, parseObject, parseObjectSet, parseSources } from './object-set.js';
export type { Blob, ObjectBlob, ObjectSetEntry } from './object-set.js';
export {
  generateReleaseKeys,
  keyIdOf,
  parseReleaseSigningKey,
  parseReleaseVerifyKey,
  releaseText,
  signRelease,
  verifyRelease,
} from './release.js';
export type { ReleaseSignature, ReleaseStatement } from './release.js';
export { LAST_APPLIED, scrubObject } from './scrub.js';
export { generateSealKey, parseSealKey, SEAL_PREFIX, sealObject, unsealObject } from './seal.js';
export type { SealKey } from './seal.js';
export { parseYaml } from './yaml.js';
export type { FileDocument } from './yaml.js';
