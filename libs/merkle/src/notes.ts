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
import { InputError, messageOf } from '@plumbline/core';

/** Use of a key: notes, or cosignatures of checkpoints with a time (C2SP tlog-cosignature v1). */
export type KeyUse = 'note' | 'cosignature';

const ALGORITHM: Readonly<Record<KeyUse, number>> = { note: 0x01, cosignature: 0x04 };
const KEY_ID_BYTES = 4;
const RAW_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;
const MAX_NOTE_BYTES = 1_000_000;
/** Prefix of the 32 bytes of an Ed25519 public key in SPKI form. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** A public key with its name. */
export interface VerifierKey {
  readonly name: string;
  readonly use: KeyUse;
  /** The first four bytes of the hash of name and key. */
  readonly id: Buffer;
  /** `name+id+key`, the form of C2SP tools. */
  readonly text: string;
  readonly publicKey: KeyObject;
}

/** Signs notes with a private key in a file, a KMS or a PKCS#11 token. */
export interface NoteSigner {
  readonly key: VerifierKey;
  /** Returns the Ed25519 signature of the bytes. */
  sign(message: Uint8Array): Buffer | Promise<Buffer>;
}

/** One signature line of a note. */
export interface NoteSignature {
  readonly name: string;
  readonly id: Buffer;
  /** Bytes after the id: the signature of 64 bytes, preceded by 8 bytes of time in a cosignature. */
  readonly signature: Buffer;
}

/** A parsed note whose signatures are not verified. */
export interface Note {
  /** Ends with a line feed. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Returns whether a text is a valid key name: not empty, no space, no plus. */
export function isKeyName(name: string): boolean {
  return name !== '' && !/[\s+\p{Cc}]/u.test(name) && name.isWellFormed();
}

function keyId(name: string, use: KeyUse, raw: Uint8Array): Buffer {
  return createHash('sha256')
    .update(name)
    .update('\n')
    .update(Buffer.of(ALGORITHM[use]))
    .update(raw)
    .digest()
    .subarray(0, KEY_ID_BYTES);
}

function verifierKeyOf(name: string, use: KeyUse, raw: Buffer): VerifierKey {
  if (!isKeyName(name))
    throw new InputError('PLB-1163', `"${name}" is not a valid key name; use a text without spaces and "+"`);
  const id = keyId(name, use, raw);
  const text = `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.of(ALGORITHM[use]), raw]).toString('base64')}`;
  return {
    name,
    use,
    id,
    text,
    publicKey: createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' }),
  };
}

/**
 * Parses `name+id+key`. @throws InputError PLB-1163 for an unknown kind of key, or an id that does not match the key.
 */
export function parseVerifierKey(text: string): VerifierKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim());
  const [, name = '', id = '', encoded = ''] = match ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  const use = bytes[0] === ALGORITHM.note ? 'note' : bytes[0] === ALGORITHM.cosignature ? 'cosignature' : undefined;
  if (match === null || use === undefined || bytes.length !== RAW_KEY_BYTES + 1) {
    throw new InputError(
      'PLB-1163',
      'the verifier key is invalid; it has the form name+8 hex digits+base64 of an Ed25519 key',
    );
  }
  const key = verifierKeyOf(name, use, bytes.subarray(1));
  if (key.id.toString('hex') !== id)
    throw new InputError(
      'PLB-1163',
      `the verifier key of ${name} has id ${id}, but its key has id ${key.id.toString('hex')}; copy it again`,
    );
  return key;
}

/** Returns a new private key (PKCS#8, PEM). */
export function generateSigningKeyPem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Returns a signer for a private key (PKCS#8, PEM). @throws InputError PLB-1163 when it is not an Ed25519 key. */
export function pemSigner(pem: string, name: string, use: KeyUse = 'note'): NoteSigner {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new InputError('PLB-1163', `the signing key of ${name} is not a private key in PEM: ${messageOf(error)}`);
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new InputError(
      'PLB-1163',
      `the signing key of ${name} is ${key.asymmetricKeyType ?? 'symmetric'}, not Ed25519`,
    );
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    key: verifierKeyOf(name, use, spki.subarray(-RAW_KEY_BYTES)),
    sign: (message) => sign(undefined, message, key),
  };
}

/** Returns the line of a signature. */
export function signatureLine({ name, id, signature }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

/** Returns a signed note with the text. @throws InputError PLB-1164 for a text that a note cannot have. */
export async function signNote(text: string, signer: NoteSigner): Promise<string> {
  if (!text.endsWith('\n') || !isNoteText(text))
    throw new InputError('PLB-1164', 'the text of a note ends with a line feed and has no control characters');
  const { name, id } = signer.key;
  return `${text}\n${signatureLine({ name, id, signature: await signer.sign(Buffer.from(text)) })}`;
}

const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

function isNoteText(text: string): boolean {
  return text.isWellFormed() && !CONTROL.test(text);
}

/** Parses signature lines. @throws InputError PLB-1164 */
export function parseSignatureLines(text: string): readonly NoteSignature[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new InputError('PLB-1164', 'the last signature line of the note does not end');
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const [, name = '', encoded = ''] = /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? [];
      const bytes = Buffer.from(encoded, 'base64');
      if (!isKeyName(name) || bytes.length <= KEY_ID_BYTES || bytes.toString('base64') !== encoded)
        throw new InputError('PLB-1164', 'the note has an invalid signature line');
      return { name, id: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) };
    });
}

/** Parses a note without verifying it. @throws InputError PLB-1164 */
export function parseNote(message: string): Note {
  const border = message.lastIndexOf('\n\n');
  if (message.length > MAX_NOTE_BYTES || border < 0 || !isNoteText(message))
    throw new InputError(
      'PLB-1164',
      'the text is not a signed note; it needs a text, an empty line and signature lines',
    );
  const signatures = parseSignatureLines(message.slice(border + 2));
  if (signatures.length === 0) throw new InputError('PLB-1164', 'the note has no signature');
  return { text: message.slice(0, border + 1), signatures };
}

/** A verified signature. */
export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** Time of a cosignature in seconds since the Unix epoch. */
  readonly timeSeconds?: number;
}

function cosignedMessage(text: string, timeSeconds: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timeSeconds}\n${text}`);
}

function verifyOne(text: string, key: VerifierKey, signature: Buffer): VerifiedSignature | undefined {
  if (key.use === 'note')
    return signature.length === SIGNATURE_BYTES && verify(undefined, Buffer.from(text), key.publicKey, signature)
      ? { key }
      : undefined;
  if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined;
  const time = signature.readBigUInt64BE();
  return verify(undefined, cosignedMessage(text, time), key.publicKey, signature.subarray(TIME_BYTES))
    ? { key, timeSeconds: Number(time) }
    : undefined;
}

/**
 * Returns the verified signatures of a note by these keys; ignores signatures by other keys.
 * @throws InputError PLB-1165 when a signature by one of these keys is wrong, or when there is none.
 */
export function verifyNote(note: Note, keys: readonly VerifierKey[]): readonly VerifiedSignature[] {
  const verified: VerifiedSignature[] = [];
  for (const { name, id, signature } of note.signatures) {
    const key = keys.find((candidate) => candidate.name === name && candidate.id.equals(id));
    if (key === undefined || verified.some((found) => found.key === key)) continue;
    const found = verifyOne(note.text, key, signature);
    if (found === undefined)
      throw new InputError(
        'PLB-1165',
        `the signature of ${name} is wrong: the note was changed after it was signed, or it was signed with another key`,
      );
    verified.push(found);
  }
  if (verified.length === 0)
    throw new InputError('PLB-1165', `the note is not signed by ${keys.map(({ name }) => name).join(' or ')}`);
  return verified;
}

/**
 * Returns a cosignature line for the text of a checkpoint, with the time. @throws InputError PLB-1163 for a key of
 * another use.
 */
export async function cosign(text: string, signer: NoteSigner, timeSeconds: number): Promise<string> {
  const { name, id, use } = signer.key;
  if (use !== 'cosignature') throw new InputError('PLB-1163', `the key of ${name} is not for cosignatures`);
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(timeSeconds));
  return signatureLine({
    name,
    id,
    signature: Buffer.concat([time, await signer.sign(cosignedMessage(text, BigInt(timeSeconds)))]),
  });
}
