// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { parseServicesPublicKeys, ServiceCredentialVerifier } from '@plumbline/events';
import { configProvider, listenAddress, secretFrom } from '@plumbline/platform';
import { z } from 'zod';

/** Injection token of the {@link AuditConfig}. */
export const AUDIT_CONFIG = Symbol('AUDIT_CONFIG');

/** Settings of the audit service. */
export const auditSchema = z.object({
  PLUMBLINE_LOG_URL: z
    .string()
    .regex(/^postgres(ql)?:/, 'must be postgres://… in the process of the audit service')
    .describe(
      'PostgreSQL database of the log and its projections. Straight to the server, not through a pooler in transaction mode.',
    ),
  PLUMBLINE_LOG_MIGRATE_URL: z
    .string()
    .regex(/^postgres(ql)?:/, 'must be postgres://…')
    .optional()
    .describe('The same database as the owner of the schemas, for migrations; PLUMBLINE_LOG_URL when absent.'),
  PLUMBLINE_LOG_ROLE: z
    .string()
    .default('plumbline_writer')
    .describe('Role that the connections act as; "none" for the user of PLUMBLINE_LOG_URL itself.'),
  PLUMBLINE_LOG_PERSONAL_KEY_FILE: z
    .string()
    .optional()
    .describe(
      'File with 32 bytes as 64 hex digits. With it the log seals the names of users and of the people of commits, each under its own key, so that they can be erased; without it they are stored in plain text. Keep it apart from backups of the database.',
    ),
  PLUMBLINE_LOG_LEASE_MS: z.coerce
    .number()
    .int()
    .min(300)
    .max(60_000)
    .default(3_000)
    .describe(
      'How long a leader that hangs keeps its lease, in milliseconds; after a crash another replica takes over at once.',
    ),
  PLUMBLINE_AUDIT_PROBE_MS: z.coerce
    .number()
    .int()
    .min(50)
    .max(60_000)
    .default(2_000)
    .describe(
      'How often the process checks that the database answers, in milliseconds. After three failed checks the process is not ready; after two successful ones it is ready again.',
    ),
  PLUMBLINE_LOG_SERVICES_KEY: z
    .string()
    .optional()
    .describe('PEM public keys that verify the credentials of the services. Prefer the file.'),
  PLUMBLINE_LOG_SERVICES_KEY_FILE: z
    .string()
    .optional()
    .describe(
      'File with the PEM public keys that verify the credentials of the services: services.pub of "plumb keygen".',
    ),
  PLUMBLINE_LOG_REVOKED_CREDENTIALS: z
    .string()
    .default('')
    .describe('Ids of service credentials that are no longer accepted, separated by commas.'),
  PLUMBLINE_AUDIT_GRPC_LISTEN: listenAddress
    .optional()
    .describe(
      'HOST:PORT of the gRPC endpoint of the log for the other services; none when absent. Needs the public key of the services.',
    ),
  PLUMBLINE_AUDIT_GRPC_CERT_FILE: z
    .string()
    .optional()
    .describe('PEM certificate chain of the gRPC endpoint; plain text when absent.'),
  PLUMBLINE_AUDIT_GRPC_KEY_FILE: z.string().optional().describe('PEM private key of the gRPC endpoint.'),
});

/** Address, public keys of the callers and certificate of the gRPC endpoint of the log. */
export interface GrpcConfig {
  readonly listen: string;
  /** Verifies the credentials of the services. */
  readonly verifier: ServiceCredentialVerifier;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

/** Compiled {@link auditSchema}. */
export interface AuditConfig {
  readonly logUrl: string;
  readonly migrateUrl: string;
  readonly role: string;
  readonly leaseMs: number;
  readonly probeMs: number;
  readonly personalKey: Uint8Array | undefined;
  readonly grpc: GrpcConfig | undefined;
}

function compileGrpc(env: z.output<typeof auditSchema>): GrpcConfig | undefined {
  const listen = env.PLUMBLINE_AUDIT_GRPC_LISTEN;
  if (listen === undefined) return undefined;
  const pem = secretFrom('PLUMBLINE_LOG_SERVICES_KEY_FILE', {
    value: env.PLUMBLINE_LOG_SERVICES_KEY,
    file: env.PLUMBLINE_LOG_SERVICES_KEY_FILE,
  });
  if (pem === undefined) {
    throw new InputError(
      'PLB-1159',
      'the gRPC endpoint of the log needs the public key of the service credentials: run "plumb keygen" and set PLUMBLINE_LOG_SERVICES_KEY_FILE to its services.pub',
    );
  }
  const revoked = env.PLUMBLINE_LOG_REVOKED_CREDENTIALS.split(',').map((id) => id.trim());
  const verifier = new ServiceCredentialVerifier(parseServicesPublicKeys(pem), { revoked });
  const [certFile, keyFile] = [env.PLUMBLINE_AUDIT_GRPC_CERT_FILE, env.PLUMBLINE_AUDIT_GRPC_KEY_FILE];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new InputError(
      'PLB-1159',
      'the gRPC endpoint of the log needs PLUMBLINE_AUDIT_GRPC_CERT_FILE and PLUMBLINE_AUDIT_GRPC_KEY_FILE together, or neither',
    );
  }
  return {
    listen,
    verifier,
    ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
  };
}

function compilePersonalKey(file: string | undefined): Uint8Array | undefined {
  const text = secretFrom('PLUMBLINE_LOG_PERSONAL_KEY_FILE', { value: undefined, file });
  if (text === undefined) return undefined;
  if (!/^[0-9a-f]{64}$/i.test(text))
    throw new InputError(
      'PLB-1170',
      'PLUMBLINE_LOG_PERSONAL_KEY_FILE does not hold 64 hex digits: make it with "openssl rand -hex 32"',
    );
  return Buffer.from(text, 'hex');
}

/**
 * Compiles checked settings. @throws InputError PLB-1159 for an endpoint without public keys or with half a
 * certificate, PLB-1907
 */
export function compileAuditConfig(env: z.output<typeof auditSchema>): AuditConfig {
  return {
    logUrl: env.PLUMBLINE_LOG_URL,
    migrateUrl: env.PLUMBLINE_LOG_MIGRATE_URL ?? env.PLUMBLINE_LOG_URL,
    role: env.PLUMBLINE_LOG_ROLE,
    leaseMs: env.PLUMBLINE_LOG_LEASE_MS,
    probeMs: env.PLUMBLINE_AUDIT_PROBE_MS,
    personalKey: compilePersonalKey(env.PLUMBLINE_LOG_PERSONAL_KEY_FILE),
    grpc: compileGrpc(env),
  };
}

/** The provider of the {@link AuditConfig}. */
export const auditConfigProvider = configProvider(AUDIT_CONFIG, auditSchema, compileAuditConfig);
