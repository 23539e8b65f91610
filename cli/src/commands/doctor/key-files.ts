// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@plumbline/core';
import { parseServicesPublicKeys, ServiceCredentialVerifier, ServiceName } from '@plumbline/events';
import type { Finding } from './doctor.js';

const MONTH_MS = 30 * 24 * 3_600_000;
const PUBLIC = new Set(['release.pub', 'services.pub', 'ca.crt', 'log.crt', 'log.pub']);
const SECRET = [
  'seal.key',
  'release.key',
  'log.key',
  'services.key',
  'ca.key',
  'log.crt.key',
  ...ServiceName.filter((service) => service !== 'audit').map((service) => `${service}.credential`),
];

function attempt(check: string, work: () => Omit<Finding, 'check'>): Finding {
  try {
    return { check, ...work() };
  } catch (error) {
    return { check, result: 'Failed', message: messageOf(error) };
  }
}

function publicOf(file: string): string {
  return createPublicKey(createPrivateKey(readFileSync(file, 'utf8')))
    .export({ type: 'spki', format: 'pem' })
    .toString();
}

function samePair(dir: string, privateFile: string, publicFile: string): Omit<Finding, 'check'> {
  const wanted = createPublicKey(readFileSync(join(dir, publicFile), 'utf8')).export({ type: 'spki', format: 'pem' });
  return publicOf(join(dir, privateFile)) === wanted.toString()
    ? { result: 'Ok', message: 'the keys are a pair' }
    : { result: 'Failed', message: `${publicFile} is not the public key of ${privateFile}` };
}

function checkModes(dir: string): Finding {
  const open = SECRET.filter((name) => existsSync(join(dir, name)) && (statSync(join(dir, name)).mode & 0o077) !== 0);
  return open.length === 0
    ? { check: 'key files: access', result: 'Ok', message: 'only their owner can read the secret files' }
    : {
        check: 'key files: access',
        result: 'Failed',
        message: `other users can read ${open.join(', ')}: run chmod 600`,
      };
}

function checkPresence(dir: string): Finding {
  const missing = [...SECRET, ...PUBLIC].filter((name) => name !== 'log.pub' && !existsSync(join(dir, name)));
  return missing.length === 0
    ? { check: 'key files', result: 'Ok', message: 'all files are there' }
    : { check: 'key files', result: 'Warning', message: `not in this directory: ${missing.join(', ')}` };
}

function checkCredential(dir: string, service: ServiceName, nowMs: number): Omit<Finding, 'check'> {
  const verifier = new ServiceCredentialVerifier(
    parseServicesPublicKeys(readFileSync(join(dir, 'services.pub'), 'utf8')),
  );
  const identity = verifier.verify(readFileSync(join(dir, `${service}.credential`), 'utf8').trim(), nowMs);
  if (identity.service !== service)
    return { result: 'Failed', message: `${service}.credential is the credential of ${identity.service}` };
  return { result: 'Ok', message: `credential ${identity.id}, ${expiry(identity.expiresAt)}` };
}

const expiry = (expiresAt: string | undefined): string =>
  expiresAt === undefined ? 'does not expire' : `expires at ${expiresAt}`;

function checkCertificate(dir: string, nowMs: number): Omit<Finding, 'check'> {
  const ca = new X509Certificate(readFileSync(join(dir, 'ca.crt')));
  const server = new X509Certificate(readFileSync(join(dir, 'log.crt')));
  if (!server.checkIssued(ca) || !server.verify(ca.publicKey))
    return { result: 'Failed', message: 'log.crt is not signed by ca.crt' };
  if (!server.checkPrivateKey(createPrivateKey(readFileSync(join(dir, 'log.crt.key'), 'utf8'))))
    return { result: 'Failed', message: 'log.crt.key is not the key of log.crt' };
  const endMs = Math.min(Date.parse(server.validTo), Date.parse(ca.validTo));
  const until = new Date(endMs).toISOString();
  if (endMs <= nowMs) return { result: 'Failed', message: `the certificate expired at ${until}` };
  if (endMs - nowMs < MONTH_MS) return { result: 'Warning', message: `the certificate expires at ${until}` };
  return { result: 'Ok', message: `valid until ${until}` };
}

/** Checks the files that `plumb keygen` wrote: access, pairs, credentials, certificate. */
export function checkKeys(dir: string | undefined, nowMs: number): readonly Finding[] {
  if (dir === undefined)
    return [{ check: 'key files', result: 'NotChecked', message: 'give --keys DIR to check them' }];
  if (!existsSync(dir)) return [{ check: 'key files', result: 'Failed', message: `there is no directory ${dir}` }];
  const there = (...names: readonly string[]): boolean => names.every((name) => existsSync(join(dir, name)));
  const findings = [checkPresence(dir), checkModes(dir)];
  if (there('release.key', 'release.pub'))
    findings.push(attempt('key files: release', () => samePair(dir, 'release.key', 'release.pub')));
  if (there('services.key', 'services.pub'))
    findings.push(attempt('key files: services', () => samePair(dir, 'services.key', 'services.pub')));
  for (const service of ServiceName)
    if (there('services.pub', `${service}.credential`))
      findings.push(attempt(`credential of ${service}`, () => checkCredential(dir, service, nowMs)));
  if (there('ca.crt', 'log.crt', 'log.crt.key'))
    findings.push(attempt('certificate of the log', () => checkCertificate(dir, nowMs)));
  return findings;
}
