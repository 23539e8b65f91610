// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import path from 'node:path';
import { generateReleaseKeys, generateSealKey } from '@plumbline/manifest';
import { generateSigningKeyPem } from '@plumbline/merkle';

/**
 * Files with the keys of an installation, mode 0600. Losing the seal key loses the Secrets in old versions; back them
 * up with the data.
 */
export interface KeyFiles {
  /** Seals values of Secrets before they are stored. */
  readonly seal: string;
  /** Signs releases. */
  readonly release: string;
  /** Checks releases. */
  readonly releasePublic: string;
  /** Signs checkpoints of the log. */
  readonly logSigning: string;
  /** Of the embedded database. */
  readonly databasePassword: string;
}

async function ensureFile(file: string, content: () => string): Promise<void> {
  if (!existsSync(file)) await writeFile(file, content(), { mode: 0o600, flag: 'wx' });
}

/** Makes what is missing; what is there is never replaced. */
export async function ensureKeys(dataDir: string): Promise<KeyFiles> {
  const dir = path.join(dataDir, 'keys');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const files: KeyFiles = {
    seal: path.join(dir, 'seal.key'),
    release: path.join(dir, 'release.key'),
    releasePublic: path.join(dir, 'release.pub'),
    logSigning: path.join(dir, 'log.key'),
    databasePassword: path.join(dir, 'postgres.password'),
  };
  await ensureFile(files.seal, generateSealKey);
  await ensureFile(files.release, () => generateReleaseKeys().privateKeyPem);
  // Derived from the private key, so that a start that was cut short between the two leaves no pair that does not
  // match.
  const privatePem = await readFile(files.release, 'utf8');
  await ensureFile(files.releasePublic, () =>
    createPublicKey(createPrivateKey(privatePem)).export({ type: 'spki', format: 'pem' }).toString(),
  );
  await ensureFile(files.logSigning, generateSigningKeyPem);
  return files;
}
