// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { type NoteSigner, parseVerifierKey, pemSigner, type VerifierKey } from './notes.js';

/**
 * The signer of a log. Its name is the origin of the log; without one, `plumbline.local/<hash of the key>`.
 * @throws InputError PLB-1163 when the PEM is not an Ed25519 private key
 */
export function logSigner(pem: string, origin?: string): NoteSigner {
  if (origin !== undefined) return pemSigner(pem, origin);
  const { publicKey } = pemSigner(pem, 'plumbline.local/unnamed').key;
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return pemSigner(pem, `plumbline.local/${createHash('sha256').update(der).digest('hex').slice(0, 16)}`);
}

/**
 * The verifier keys of a text with one on each line; empty lines and lines that begin with `#` are left out.
 * @throws InputError PLB-1163 for a line that is not a verifier key
 */
export function parseVerifierKeys(text: string): readonly VerifierKey[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => parseVerifierKey(line));
}
