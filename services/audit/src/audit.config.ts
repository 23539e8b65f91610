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
      'File with 32 bytes as 64 hex digits. With it the names of users and the people of commits are sealed in the log, each under a key of its own, and can be erased; without it they are stored as they are. Keep it apart from backups of the database.',
    ),
  PLUMBLINE_LOG_LEASE_MS: z.coerce
    .number()
    .int()
    .min(300)
    .max(60_000)
    .default(3_000)
    .describe(
      'How long a leader that hangs keeps the lead, in milliseconds; after a crash another replica takes over at once.',
    ),
  PLUMBLINE_AUDIT_PROBE_MS: z.coerce
    .number()
    .int()
    .min(50)
    .max(60_000)
    .default(2_000)
    .describe(
      'How often the database is asked whether it answers, in milliseconds. After three times without an answer the process is not ready, after two answers it is again.',
    ),
  PLUMBLINE_LOG_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe('Secret that the services share and show at the log. Prefer the file.'),
  PLUMBLINE_LOG_TOKEN_FILE: z
    .string()
    .optional()
    .describe('File with the secret that the services share and show at the log.'),
  PLUMBLINE_AUDIT_GRPC_LISTEN: listenAddress
    .optional()
    .describe('HOST:PORT of the door of the log for the other services; none when absent. Needs the token.'),
  PLUMBLINE_AUDIT_GRPC_CERT_FILE: z
    .string()
    .optional()
    .describe('PEM certificate chain of the door; plain text when absent.'),
  PLUMBLINE_AUDIT_GRPC_KEY_FILE: z.string().optional().describe('PEM private key of the door.'),
});

/** Where the door of the log is and who may use it. */
export interface DoorConfig {
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
  readonly door: DoorConfig | undefined;
}

function compileDoor(env: z.output<typeof auditSchema>): DoorConfig | undefined {
  const listen = env.PLUMBLINE_AUDIT_GRPC_LISTEN;
  if (listen === undefined) return undefined;
  const token = secretFrom('PLUMBLINE_LOG_TOKEN_FILE', {
    value: env.PLUMBLINE_LOG_TOKEN,
    file: env.PLUMBLINE_LOG_TOKEN_FILE,
  });
  if (token === undefined || token.length < 16) {
    throw new InputError(
      'PLB-1159',
      'the door of the log needs a token of at least 16 characters: set PLUMBLINE_LOG_TOKEN_FILE here and for every other service',
    );
  }
  const [certFile, keyFile] = [env.PLUMBLINE_AUDIT_GRPC_CERT_FILE, env.PLUMBLINE_AUDIT_GRPC_KEY_FILE];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new InputError(
      'PLB-1159',
      'the door of the log needs PLUMBLINE_AUDIT_GRPC_CERT_FILE and PLUMBLINE_AUDIT_GRPC_KEY_FILE together, or neither',
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

/** Compiles checked settings. @throws InputError PLB-1159 for a door without a token or with half a certificate */
export function compileAuditConfig(env: z.output<typeof auditSchema>): AuditConfig {
  return {
    logUrl: env.PLUMBLINE_LOG_URL,
    migrateUrl: env.PLUMBLINE_LOG_MIGRATE_URL ?? env.PLUMBLINE_LOG_URL,
    role: env.PLUMBLINE_LOG_ROLE,
    leaseMs: env.PLUMBLINE_LOG_LEASE_MS,
    probeMs: env.PLUMBLINE_AUDIT_PROBE_MS,
    personalKey: compilePersonalKey(env.PLUMBLINE_LOG_PERSONAL_KEY_FILE),
    door: compileDoor(env),
  };
}

/** The provider of the {@link AuditConfig}. */
export const auditConfigProvider = configProvider(AUDIT_CONFIG, auditSchema, compileAuditConfig);
