// SPDX-License-Identifier: Apache-2.0
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { InputError, UpstreamError } from '@plumbline/core';
import { displayName, identityOf, isJsonMap, isSecret, keyOf, type ManifestObject } from './identity.js';

/** Prefix of every sealed value. */
export const SEAL_PREFIX = 'plumbline.seal.v1:';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 256;
const LENGTH_BYTES = 4;

/**
 * The key that seals values of Secrets. Renderer and applier share it; it is neither in the log nor in the object
 * store.
 */
export interface SealKey {
  readonly encryption: Buffer;
  readonly nonce: Buffer;
}

/** Returns a new key in the form of the key file: 32 bytes in base64 and a line feed. */
export function generateSealKey(): string {
  return `${randomBytes(32).toString('base64')}\n`;
}

/** Parses the key file: 32 raw bytes, or their base64 or hex text. @throws InputError PLB-1412. */
export function parseSealKey(content: Uint8Array): SealKey {
  const text = Buffer.from(content).toString('latin1').trim();
  const candidates = [
    Buffer.from(content),
    ...(/^[0-9a-fA-F]{64}$/.test(text) ? [Buffer.from(text, 'hex')] : []),
    ...(/^[A-Za-z0-9+/]{43}=$/.test(text) ? [Buffer.from(text, 'base64')] : []),
  ];
  const secret = candidates.find((candidate) => candidate.length === 32);
  if (secret === undefined)
    throw new InputError(
      'PLB-1412',
      'the seal key file does not contain 32 bytes (raw, base64 or hex); create one with plumb keygen',
    );
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `plumbline.seal.v1 ${purpose}`, 32));
  return { encryption: derive('encryption'), nonce: derive('nonce') };
}

function pad(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  const padded = Buffer.alloc(Math.ceil((LENGTH_BYTES + bytes.length) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.writeUInt32BE(bytes.length, 0);
  bytes.copy(padded, LENGTH_BYTES);
  return padded;
}

const associated = (objectKey: string, dataKey: string): Buffer => Buffer.from(`${objectKey}\u0000${dataKey}`, 'utf8');

// The nonce is derived from key, location and value: equal input gives equal text, so equal renders have equal digests,
// and a nonce only repeats with the same plaintext.
function sealValue(value: string, aad: Buffer, key: SealKey): string {
  const nonce = createHmac('sha256', key.nonce)
    .update(aad)
    .update('\u0000')
    .update(value, 'utf8')
    .digest()
    .subarray(0, NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key.encryption, nonce).setAAD(aad);
  const sealed = Buffer.concat([nonce, cipher.update(pad(value)), cipher.final(), cipher.getAuthTag()]);
  return SEAL_PREFIX + sealed.toString('base64');
}

function unsealValue(text: string, aad: Buffer, key: SealKey): string | undefined {
  if (!text.startsWith(SEAL_PREFIX)) return undefined;
  const bytes = Buffer.from(text.slice(SEAL_PREFIX.length), 'base64');
  if (bytes.length < NONCE_BYTES + BLOCK_BYTES + TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.encryption, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    }).setAAD(aad);
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const padded = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    const length = padded.readUInt32BE(0);
    return padded.subarray(LENGTH_BYTES, LENGTH_BYTES + length).toString('utf8');
  } catch {
    return undefined;
  }
}

function mapData(
  object: ManifestObject,
  change: (value: string, aad: Buffer, dataKey: string) => string,
): ManifestObject {
  const data = object['data'];
  if (!isSecret(object) || !isJsonMap(data)) return object;
  const key = keyOf(object);
  const entries = Object.entries(data).map(([dataKey, value]) => {
    if (typeof value !== 'string')
      throw new InputError('PLB-1411', `${displayName(identityOf(object))}: data.${dataKey} must be text`);
    return [dataKey, change(value, associated(key, dataKey), dataKey)] as const;
  });
  return { ...object, data: Object.fromEntries(entries) };
}

/**
 * Seals every value in `data` of a scrubbed Secret; returns other objects unchanged. Deterministic: equal input,
 * equal text.
 */
export function sealObject(object: ManifestObject, key: SealKey): ManifestObject {
  return mapData(object, (value, aad) => sealValue(value, aad, key));
}

/**
 * Returns the object with the values of a sealed Secret in clear, as the cluster needs them.
 * @throws UpstreamError PLB-6401 when a value was not sealed with this key for this field.
 */
export function unsealObject(object: ManifestObject, key: SealKey): ManifestObject {
  return mapData(object, (value, aad, dataKey) => {
    const clear = unsealValue(value, aad, key);
    if (clear === undefined) {
      throw new UpstreamError(
        'PLB-6401',
        `${displayName(identityOf(object))}: data.${dataKey} cannot be unsealed: renderer and applier must use the same seal key`,
        { retry: 'never' },
      );
    }
    return clear;
  });
}
