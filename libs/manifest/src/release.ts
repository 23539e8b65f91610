// SPDX-License-Identifier: Apache-2.0
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { canonicalJson, InputError } from '@plumbline/core';

/** A release: permission to run a rendered set on clusters. The applier applies nothing without it. */
export interface ReleaseStatement {
  readonly application: string;
  readonly environment: string;
  readonly version: number;
  readonly renderDigest: string;
  readonly clusters: readonly string[];
  readonly generation: number;
  readonly releaseId: string;
}

/** Ed25519 signature in base64, and the id of its key. */
export interface ReleaseSignature {
  readonly keyId: string;
  readonly signature: string;
}

/**
 * Returns the signed text: canonical JSON with a type, so that the signature is valid for no other statement. Ignores
 * other fields, sorts clusters.
 */
export function releaseText(statement: ReleaseStatement): string {
  const { application, environment, version, renderDigest, clusters, generation, releaseId } = statement;
  return canonicalJson({
    type: 'plumbline.dev/release/v1',
    application,
    environment,
    version,
    renderDigest,
    clusters: [...clusters].sort(),
    generation,
    releaseId,
  });
}

/**
 * Returns the id of a key: the first 16 hex digits of the SHA-256 of its SPKI DER. Accepts the private or the public
 * key.
 */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);
}

/** Returns a new key pair in the form of the key files: PKCS8 and SPKI in PEM. */
export function generateReleaseKeys(): { readonly privateKeyPem: string; readonly publicKeyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function ed25519(read: () => KeyObject, what: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    // The message of OpenSSL may quote the file.
    throw new InputError('PLB-1413', `the ${what} is not valid PEM; create a pair with plumb keygen`);
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new InputError('PLB-1413', `the ${what} is not an Ed25519 key; create a pair with plumb keygen`);
  return key;
}

/** Reads the signing key (PKCS8 PEM). @throws InputError PLB-1413. */
export function parseReleaseSigningKey(pem: string): KeyObject {
  return ed25519(() => createPrivateKey(pem), 'release signing key');
}

/** Reads the verification key (SPKI PEM). @throws InputError PLB-1413. */
export function parseReleaseVerifyKey(pem: string): KeyObject {
  return ed25519(() => createPublicKey(pem), 'release verification key');
}

/** Signs a release. */
export function signRelease(statement: ReleaseStatement, privateKey: KeyObject): ReleaseSignature {
  return {
    keyId: keyIdOf(privateKey),
    signature: sign(null, Buffer.from(releaseText(statement), 'utf8'), privateKey).toString('base64'),
  };
}

/** Returns whether the signature over exactly this statement is by one of the keys. */
export function verifyRelease(
  statement: ReleaseStatement,
  signature: ReleaseSignature,
  publicKeys: readonly KeyObject[],
): boolean {
  const key = publicKeys.find((candidate) => keyIdOf(candidate) === signature.keyId);
  if (key === undefined) return false;
  return verify(null, Buffer.from(releaseText(statement), 'utf8'), key, Buffer.from(signature.signature, 'base64'));
}
