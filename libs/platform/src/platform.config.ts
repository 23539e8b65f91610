// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { parseVerifierKeys, type VerifierKey } from '@plumbline/merkle';
import { z } from 'zod';
import { booleanSetting, listenAddress, loadConfig, secretFrom } from './load-config.js';
import { LogLevel } from './logger.js';
import type { ConfigSource } from './tokens.js';

const natsUrl = z.string().regex(/^(nats|tls|inproc):/, 'must be nats://host:port, tls://host:port or inproc:');

/** Settings of every process, whatever service it runs. */
export const platformSchema = z.object({
  PLUMBLINE_LOG_URL: z
    .string()
    .regex(/^(grpcs?|postgres(ql)?):/, 'must be grpc://host:port, or postgres://… in the process of the audit service')
    .describe(
      'The event log: grpc://host:port of the audit service, with several replicas grpc://host:port,host:port; postgres://… in the process that contains the audit service.',
    ),
  PLUMBLINE_LOG_CREDENTIAL_FILE: z
    .string()
    .optional()
    .describe(
      'File with the credential of this service, which "plumb keygen" makes. The log derives the service from it.',
    ),
  PLUMBLINE_LOG_CA_FILE: z
    .string()
    .optional()
    .describe(
      "Certificate authorities (PEM) that the log of a grpcs:// URL is checked against; the system's when absent.",
    ),
  PLUMBLINE_LOG_TLS_NAME: z
    .string()
    .optional()
    .describe(
      'Name that the certificate of the log must be valid for with grpcs://; the host of the URL when absent. Certificates of "plumb keygen" are valid for audit.plumbline.internal.',
    ),
  PLUMBLINE_LOG_PUBLIC_KEY_FILE: z
    .string()
    .optional()
    .describe(
      'File with the verifier key of the log (log.pub of "plumb keygen"), former ones on further lines. Events from NATS are accepted only with a signature by one of them. Required when PLUMBLINE_NATS_URL names NATS.',
    ),
  PLUMBLINE_NATS_URL: natsUrl
    .optional()
    .describe(
      'nats://host:port[,…] or tls://host:port[,…]; inproc: (the default) when all services are in one process.',
    ),
  PLUMBLINE_NATS_CREDENTIALS_FILE: z.string().optional().describe('NATS credentials file (JWT and seed).'),
  PLUMBLINE_NATS_CA_FILE: z
    .string()
    .optional()
    .describe("Certificate authorities (PEM) that the NATS server is checked against; the system's when absent."),
  PLUMBLINE_NATS_CERT_FILE: z
    .string()
    .optional()
    .describe('Certificate (PEM) that this process shows to NATS; needs PLUMBLINE_NATS_KEY_FILE.'),
  PLUMBLINE_NATS_KEY_FILE: z.string().optional().describe('Private key (PEM) of PLUMBLINE_NATS_CERT_FILE.'),
  PLUMBLINE_BUS_URL: natsUrl.optional().describe('Former name of PLUMBLINE_NATS_URL; removed in the next version.'),
  PLUMBLINE_BUS_CREDENTIALS_FILE: z
    .string()
    .optional()
    .describe('Former name of PLUMBLINE_NATS_CREDENTIALS_FILE; removed in the next version.'),
  PLUMBLINE_BUS_INSTANCE: z
    .string()
    .max(63)
    .optional()
    .describe('No longer used: each process has consumers of its own. Removed in the next version.'),
  PLUMBLINE_BUS_SUBJECTS: booleanSetting
    .default(false)
    .describe(
      'No longer used: each event is published on a subject of its own, plumbline.events.<type>.<project>.<application>.<environment>. Removed in the next version.',
    ),
  PLUMBLINE_OBJECT_STORE_URL: z
    .string()
    .regex(/^(postgres(ql)?|memory):/, 'must be postgres://…')
    .describe('Where rendered objects are stored: postgres://….'),
  PLUMBLINE_OBJECT_STORE_ALLOW_LOG_ACCESS: booleanSetting
    .default(false)
    .describe('Accept a database role of the object store that may also use the schemas of the log.'),
  PLUMBLINE_OBJECT_STORE_CACHE_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(64 * 1024 * 1024)
    .describe('Rendered content that a process keeps in memory, in bytes of mostly ASCII text.'),
  PLUMBLINE_HEALTH_LISTEN: listenAddress
    .default('127.0.0.1:0')
    .describe('HOST:PORT of /healthz, /readyz and /metrics; port 0 takes a free one, see the log.'),
  PLUMBLINE_OTLP_URL: z
    .url()
    .optional()
    .describe('OpenTelemetry collector (gRPC) that traces go to; no traces when absent.'),
  PLUMBLINE_LOGGING_LEVEL: z.enum(LogLevel).default('info').describe('silent, error, warn, info or debug.'),
  PLUMBLINE_LOGGING_FRAMEWORK: booleanSetting
    .default(false)
    .describe('Log what the framework says about its own start too.'),
  PLUMBLINE_SHUTDOWN_TIMEOUT_SECONDS: z.coerce
    .number()
    .min(1)
    .max(600)
    .default(25)
    .describe('How long a stopping process may finish its work.'),
});

/** Files of a TLS connection to NATS. */
export interface NatsTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Compiled {@link platformSchema}. */
export interface PlatformConfig {
  readonly logUrl: string;
  readonly logCredential: string | undefined;
  readonly logTlsName: string | undefined;
  readonly logCaFile: string | undefined;
  /** Public keys of the log; undefined when no file is given. */
  readonly logPublicKeys: readonly VerifierKey[] | undefined;
  readonly natsUrl: string;
  readonly natsCredentialsFile: string | undefined;
  readonly natsTls: NatsTls | undefined;
  readonly objectStoreUrl: string;
  readonly objectStoreAllowsLogAccess: boolean;
  readonly objectStoreCacheBytes: number;
  readonly healthListen: string;
  readonly otlpUrl: string | undefined;
  readonly loggingLevel: LogLevel;
  readonly loggingFramework: boolean;
  readonly shutdownTimeoutMs: number;
}

function publicKeysOf(file: string | undefined): readonly VerifierKey[] | undefined {
  const text = secretFrom('PLUMBLINE_LOG_PUBLIC_KEY_FILE', { file });
  return text === undefined ? undefined : parseVerifierKeys(text);
}

function natsTlsOf(env: z.output<typeof platformSchema>): NatsTls | undefined {
  const [caFile, certFile, keyFile] = [
    env.PLUMBLINE_NATS_CA_FILE,
    env.PLUMBLINE_NATS_CERT_FILE,
    env.PLUMBLINE_NATS_KEY_FILE,
  ];
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new InputError(
      'PLB-1917',
      'a certificate for NATS needs its key: set PLUMBLINE_NATS_CERT_FILE and PLUMBLINE_NATS_KEY_FILE together, or neither',
    );
  if (caFile === undefined && certFile === undefined) return undefined;
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined || keyFile === undefined ? {} : { certFile, keyFile }),
  };
}

/**
 * Parses the settings of the process. @throws InputError PLB-1901, PLB-1902, PLB-1917; PLB-1163 for a public key that
 * is none
 */
export function platformConfig(source: ConfigSource): PlatformConfig {
  const env = loadConfig(platformSchema, source);
  return {
    logUrl: env.PLUMBLINE_LOG_URL,
    logCredential: secretFrom('PLUMBLINE_LOG_CREDENTIAL_FILE', { file: env.PLUMBLINE_LOG_CREDENTIAL_FILE }),
    logTlsName: env.PLUMBLINE_LOG_TLS_NAME,
    logCaFile: env.PLUMBLINE_LOG_CA_FILE,
    logPublicKeys: publicKeysOf(env.PLUMBLINE_LOG_PUBLIC_KEY_FILE),
    natsUrl: env.PLUMBLINE_NATS_URL ?? env.PLUMBLINE_BUS_URL ?? 'inproc:',
    natsCredentialsFile: env.PLUMBLINE_NATS_CREDENTIALS_FILE ?? env.PLUMBLINE_BUS_CREDENTIALS_FILE,
    natsTls: natsTlsOf(env),
    objectStoreUrl: env.PLUMBLINE_OBJECT_STORE_URL,
    objectStoreAllowsLogAccess: env.PLUMBLINE_OBJECT_STORE_ALLOW_LOG_ACCESS,
    objectStoreCacheBytes: env.PLUMBLINE_OBJECT_STORE_CACHE_BYTES,
    healthListen: env.PLUMBLINE_HEALTH_LISTEN,
    otlpUrl: env.PLUMBLINE_OTLP_URL,
    loggingLevel: env.PLUMBLINE_LOGGING_LEVEL,
    loggingFramework: env.PLUMBLINE_LOGGING_FRAMEWORK,
    shutdownTimeoutMs: env.PLUMBLINE_SHUTDOWN_TIMEOUT_SECONDS * 1000,
  };
}

/** The environment of the process: the configuration of a service that runs alone. */
export function processConfigSource(): ConfigSource {
  return { ...process.env };
}
