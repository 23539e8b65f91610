// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { HASH_BYTES } from './hashes.js';
import { isKeyName, type Note, parseNote, type VerifiedSignature, type VerifierKey, verifyNote } from './notes.js';

/** The root of a log at a size (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** Names the log; also the name of its key. */
  readonly origin: string;
  /** Entries in the tree: one above the last position. */
  readonly size: number;
  readonly root: Buffer;
}

/** Returns whether a text can name a log: host and path, without a scheme. */
export function isOrigin(text: string): boolean {
  return isKeyName(text) && /^[A-Za-z0-9._~-]+(:\d{1,5})?(\/[A-Za-z0-9._~-]+)*$/.test(text) && text.length <= 255;
}

/** Returns the text of a checkpoint, which is signed. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** Parses the text of a checkpoint; ignores extension lines. @throws InputError PLB-1166 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', digits = '', encoded = '', ...extensions] = text.split('\n');
  const root = Buffer.from(encoded, 'base64');
  const size = Number(digits);
  const whole = text.endsWith('\n') && extensions.length > 0 && !extensions.slice(0, -1).includes('');
  if (
    !whole ||
    origin === '' ||
    !/^(0|[1-9]\d*)$/.test(digits) ||
    !Number.isSafeInteger(size) ||
    root.length !== HASH_BYTES ||
    root.toString('base64') !== encoded
  ) {
    throw new InputError('PLB-1166', 'the text is not a checkpoint; it needs one line each for origin, size and root');
  }
  return { origin, size, root };
}

/** A checkpoint with verified signatures. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: Note;
  /** The signature of the log, and those of the requested witnesses. */
  readonly signatures: readonly VerifiedSignature[];
}

/**
 * Parses a checkpoint and verifies the signature of its log.
 * @param witnesses keys whose cosignatures are verified when they are present.
 * @throws InputError PLB-1164, PLB-1165, PLB-1166, also when the checkpoint is of another log than the key.
 */
export function openCheckpoint(
  message: string,
  key: VerifierKey,
  witnesses: readonly VerifierKey[] = [],
): SignedCheckpoint {
  const note = parseNote(message);
  const signatures = verifyNote(note, [key, ...witnesses]);
  if (!signatures.some((signature) => signature.key === key))
    throw new InputError('PLB-1165', `the checkpoint is not signed by ${key.name}`);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== key.name)
    throw new InputError('PLB-1166', `the checkpoint is of ${checkpoint.origin}, not of ${key.name}`);
  return { ...checkpoint, note, signatures };
}
