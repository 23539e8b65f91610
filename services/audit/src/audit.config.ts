// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
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
  PLUMBLINE_LOG_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe('Secret that the services share and present to the log. Prefer the file.'),
  PLUMBLINE_LOG_TOKEN_FILE: z
    .string()
    .optional()
    .describe('File with the secret that the services share and present to the log.'),
  PLUMBLINE_AUDIT_GRPC_LISTEN: listenAddress
    .optional()
    .describe('HOST:PORT of the gRPC endpoint of the log for the other services; none when absent. Needs the token.'),
  PLUMBLINE_AUDIT_GRPC_CERT_FILE: z
    .string()
    .optional()
    .describe('PEM certificate chain of the gRPC endpoint; plain text when absent.'),
  PLUMBLINE_AUDIT_GRPC_KEY_FILE: z.string().optional().describe('PEM private key of the gRPC endpoint.'),
});

/** Address, token and certificate of the gRPC endpoint of the log. */
export interface GrpcConfig {
  readonly listen: string;
  readonly token: string;
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
  const token = secretFrom('PLUMBLINE_LOG_TOKEN_FILE', {
    value: env.PLUMBLINE_LOG_TOKEN,
    file: env.PLUMBLINE_LOG_TOKEN_FILE,
  });
  if (token === undefined || token.length < 16) {
    throw new InputError(
      'PLB-1159',
      'the gRPC endpoint of the log needs a token of at least 16 characters: set PLUMBLINE_LOG_TOKEN_FILE here and for every other service',
    );
  }
  const [certFile, keyFile] = [env.PLUMBLINE_AUDIT_GRPC_CERT_FILE, env.PLUMBLINE_AUDIT_GRPC_KEY_FILE];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new InputError(
      'PLB-1159',
      'the gRPC endpoint of the log needs PLUMBLINE_AUDIT_GRPC_CERT_FILE and PLUMBLINE_AUDIT_GRPC_KEY_FILE together, or neither',
    );
  }
  return { listen, token, ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }) };
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

/** Compiles checked settings. @throws InputError PLB-1159 for an endpoint without a token or with half a certificate */
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
