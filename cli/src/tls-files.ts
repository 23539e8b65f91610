// SPDX-License-Identifier: Apache-2.0
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** Name in the certificate of the log's gRPC endpoint: clients verify it whatever host they connect to. */
export const LOG_TLS_NAME = 'audit.plumbline.internal';

/** PEM files of a certificate authority and of one server certificate that it signed. */
export interface TlsFiles {
  readonly 'ca.crt': string;
  readonly 'ca.key': string;
  readonly 'log.crt': string;
  readonly 'log.crt.key': string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3_600_000;
const CA_DAYS = 3_650;
const SERVER_DAYS = 825;

/** What {@link makeTlsFiles} puts into the server certificate. */
export interface TlsRequest {
  readonly nowMs: number;
  /** Further DNS names, for clients that verify the host that they connect to. */
  readonly dnsNames: readonly string[];
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

const newKeys = async (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

/**
 * Makes a certificate authority of the installation (valid for 10 years) and the server certificate of the log (825
 * days).
 */
export async function makeTlsFiles({ nowMs, dnsNames }: TlsRequest): Promise<TlsFiles> {
  x509.cryptoProvider.set(webcrypto);
  const caKeys = await newKeys();
  // Clocks of other hosts may be behind.
  const notBefore = new Date(nowMs - DAY_MS);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Plumbline installation CA',
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    notBefore,
    notAfter: new Date(nowMs + CA_DAYS * DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const serverKeys = await newKeys();
  const server = await x509.X509CertificateGenerator.create({
    subject: `CN=${LOG_TLS_NAME}`,
    issuer: ca.subject,
    publicKey: serverKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    notBefore,
    notAfter: new Date(nowMs + SERVER_DAYS * DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        [...new Set([LOG_TLS_NAME, 'localhost', ...dnsNames])].map((value) => ({ type: 'dns', value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(serverKeys.publicKey),
    ],
  });
  return {
    'ca.crt': `${ca.toString('pem')}\n`,
    'ca.key': `${await privateKeyPem(caKeys.privateKey)}\n`,
    'log.crt': `${server.toString('pem')}\n`,
    'log.crt.key': `${await privateKeyPem(serverKeys.privateKey)}\n`,
  };
}
