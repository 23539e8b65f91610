// SPDX-License-Identifier: Apache-2.0
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** What a reader gets for a person whose key is gone. */
export const ERASED = '(erased)';

const PREFIX = 'plumbline.personal.v1:';
/** A sealed value as it stands in the text of an event; base64url needs no escapes. */
const SEALED = /"plumbline\.personal\.v1:(s[0-9a-f]{24}):([A-Za-z0-9_-]+)"/g;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Names a person without telling who it is: only with the installation's key can it be made from what the person is
 * known by.
 */
export function subjectOf(installationKey: Uint8Array, knownAs: string): string {
  return `s${createHmac('sha256', installationKey).update(`plumbline.subject\n${knownAs.trim().toLowerCase()}`).digest('hex').slice(0, 24)}`;
}

/**
 * Encrypts a value under a person's key. The same value gives the same text, so that a repeated append is the same
 * request; the nonce
 * is a hash of key and value, so it comes again only with the same value.
 */
export function sealPersonal(key: Uint8Array, subject: string, value: string): string {
  const nonce = createHmac('sha256', key)
    .update(`plumbline.personal.nonce\n${subject}\n${value}`)
    .digest()
    .subarray(0, NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(subject));
  const text = Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${PREFIX}${subject}:${text.toString('base64url')}`;
}

function openPersonal(key: Uint8Array, subject: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(subject));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
}

/** True for text in which something is sealed. */
export function hasSealed(body: string): boolean {
  return body.includes(PREFIX);
}

/** True for text in which something of this person is sealed. */
export function hasSealedOf(body: string, subject: string): boolean {
  return body.includes(`${PREFIX}${subject}:`);
}

/** The persons of which something is sealed in a text. */
export function subjectsIn(body: string): readonly string[] {
  return [...body.matchAll(SEALED)].map(([, subject = '']) => subject);
}

/**
 * The text with every sealed value opened; {@link ERASED} where there is no key, or where it is not the key that
 * sealed.
 */
export function reveal(body: string, keyOf: (subject: string) => Uint8Array | undefined): string {
  return body.replaceAll(SEALED, (_whole, subject: string, sealed: string) => {
    const key = keyOf(subject);
    if (key === undefined) return JSON.stringify(ERASED);
    try {
      return JSON.stringify(openPersonal(key, subject, sealed));
    } catch {
      // Sealed under a key that was erased, by somebody who came back later.
      return JSON.stringify(ERASED);
    }
  });
}
