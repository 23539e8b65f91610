// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createAuthority, createServerCertificate, type KeyPair } from './certificates.js';
import { writeAtomically } from './write-atomically.js';

/** What the clusters of one directory identify themselves with and what they accept. */
export interface Credentials {
  /** PEM certificate of the authority that signed `server`. */
  readonly authority: string;
  readonly server: KeyPair;
  /** Bearer token that every request must carry. */
  readonly token: string;
}

interface StoredCredentials {
  readonly authority: KeyPair;
  readonly token: string;
}

const AUTHORITY_NAME = 'Plumbline simulated cluster';

function isStored(value: unknown): value is StoredCredentials {
  if (typeof value !== 'object' || value === null || !('authority' in value) || !('token' in value)) return false;
  const { authority } = value;
  return (
    typeof value.token === 'string' &&
    typeof authority === 'object' &&
    authority !== null &&
    'certificate' in authority &&
    typeof authority.certificate === 'string' &&
    'key' in authority &&
    typeof authority.key === 'string'
  );
}

/**
 * Reads the credentials of a directory, or makes them (`.credentials`, mode 0600). The authority and the token stay
 * the same over restarts, so
 * that a kubeconfig stays valid; the server certificate is new with each call.
 * @throws Error when the file exists but does not hold credentials.
 */
export async function loadCredentials(directory: string, nowMs: number): Promise<Credentials> {
  const file = path.join(directory, '.credentials');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  let stored: unknown;
  if (text === undefined) {
    stored = { authority: await createAuthority(AUTHORITY_NAME, nowMs), token: randomBytes(24).toString('base64url') };
    await writeAtomically(file, `${JSON.stringify(stored)}\n`);
  } else stored = JSON.parse(text);
  if (!isStored(stored)) throw new Error(`${file} does not hold credentials; delete it to make new ones`);
  const { authority, token } = stored;
  return {
    authority: authority.certificate,
    server: await createServerCertificate(authority, nowMs),
    token,
  };
}
