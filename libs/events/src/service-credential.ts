// SPDX-License-Identifier: Apache-2.0
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { AuthError, canonicalJson, InputError } from '@plumbline/core';
import { z } from 'zod';
import { ServiceName } from './payloads.js';

/** What a service credential states. */
export interface ServiceIdentity {
  readonly service: ServiceName;
  /** Distinguishes the credentials of one service, for the log lines and for revocation. */
  readonly id: string;
  /** RFC 3339. */
  readonly issuedAt: string;
  /** RFC 3339; the credential does not expire when absent. */
  readonly expiresAt?: string | undefined;
}

/** The key pair that signs service credentials. */
export interface ServicesKeys {
  /** PKCS #8 PEM; the operator keeps it, no process of Plumbline needs it. */
  readonly privateKeyPem: string;
  /** SPKI PEM; the log verifies credentials with it. */
  readonly publicKeyPem: string;
}

const PREFIX = 'plumbline-service-v1';
/** Strict: Node's decoder skips characters that are not base64url, so that one signature would have many spellings. */
const CREDENTIAL = /^plumbline-service-v1\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;
const identity = z.object({
  service: z.enum(ServiceName),
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  issuedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
});

/** Generates the Ed25519 key pair of an installation that signs service credentials. */
export function generateServicesKeys(): ServicesKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

const signedText = (payload: string): Buffer => Buffer.from(`${PREFIX}\n${payload}\n`);

/** What {@link issueServiceCredential} states. */
export interface CredentialRequest {
  readonly service: ServiceName;
  readonly nowMs: number;
  /** Milliseconds from now until the credential expires; it does not expire when absent. */
  readonly validForMs?: number;
}

/** Returns a credential for one service: one line of text without spaces. It is a secret. */
export function issueServiceCredential(privateKeyPem: string, request: CredentialRequest): string {
  const { service, nowMs, validForMs } = request;
  const statement: ServiceIdentity = {
    service,
    id: randomBytes(9).toString('base64url'),
    issuedAt: new Date(nowMs).toISOString(),
    ...(validForMs === undefined ? {} : { expiresAt: new Date(nowMs + validForMs).toISOString() }),
  };
  const payload = Buffer.from(canonicalJson(statement)).toString('base64url');
  const signature = sign(null, signedText(payload), createPrivateKey(privateKeyPem)).toString('base64url');
  return `${PREFIX}.${payload}.${signature}`;
}

const PEM_BLOCK = /-----BEGIN PUBLIC KEY-----[\s\S]+?-----END PUBLIC KEY-----/g;

/**
 * Reads one or more public keys from PEM text: more than one while the signing key is being replaced.
 * @throws InputError PLB-1907 when the text holds no Ed25519 public key.
 */
export function parseServicesPublicKeys(pem: string): readonly KeyObject[] {
  const keys = [...pem.matchAll(PEM_BLOCK)].map(([block]) => {
    try {
      return createPublicKey(block);
    } catch (error) {
      throw new InputError('PLB-1907', 'the public key of the service credentials cannot be read', { cause: error });
    }
  });
  if (keys.length === 0 || keys.some((key) => key.asymmetricKeyType !== 'ed25519'))
    throw new InputError(
      'PLB-1907',
      'the file with the public key of the service credentials holds no Ed25519 key in PEM form: run "plumb keygen"',
    );
  return keys;
}

/** Verifies service credentials against the installation's public keys. */
export class ServiceCredentialVerifier {
  readonly #keys: readonly KeyObject[];
  readonly #revoked: ReadonlySet<string>;
  /** Verified before: the signature of a credential is checked once per process, its expiry on every call. */
  readonly #verified = new Map<string, ServiceIdentity>();

  constructor(keys: readonly KeyObject[], options: { readonly revoked?: Iterable<string> } = {}) {
    this.#keys = keys;
    this.#revoked = new Set(options.revoked);
  }

  /**
   * Returns whose credential the text is.
   * @throws AuthError PLB-2102 when the text is no credential, its signature is not by a known key, it is revoked, or
   * it has expired.
   */
  verify(text: string, nowMs: number): ServiceIdentity {
    const known = this.#verified.get(text) ?? this.#check(text);
    if (this.#revoked.has(known.id)) throw rejected('is revoked', known);
    if (known.expiresAt !== undefined && Date.parse(known.expiresAt) <= nowMs)
      throw rejected(`expired at ${known.expiresAt}`, known);
    return known;
  }

  #check(text: string): ServiceIdentity {
    const [, payload = '', signature = ''] = CREDENTIAL.exec(text) ?? [];
    if (payload === '') throw rejected('is not a service credential');
    const bytes = Buffer.from(signature, 'base64url');
    if (!this.#keys.some((key) => verify(null, signedText(payload), key, bytes)))
      throw rejected('is not signed by the key of this installation');
    const parsed = identity.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    if (!parsed.success) throw rejected('states no service that this version knows');
    // Bounded: only credentials that the operator's key signed get here.
    this.#verified.set(text, parsed.data);
    return parsed.data;
  }
}

function rejected(why: string, about?: ServiceIdentity): AuthError {
  const which = about === undefined ? 'the service credential' : `the credential ${about.id} of ${about.service}`;
  return new AuthError(
    'PLB-2102',
    `${which} ${why}: give each service the credential that "plumb keygen" made for it (PLUMBLINE_LOG_CREDENTIAL_FILE)`,
    401,
  );
}
