// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { InputError } from '@plumbline/core';
import { type GitBranchWriterOptions, gitVariables, readCredentials } from '@plumbline/git';
import { CONFIG_SOURCE, type ConfigSource, dataDirSetting, loadConfig, secretFrom } from '@plumbline/platform';
import { isOrigin, logSigner, type NoteSigner, parseVerifierKey, type VerifierKey } from '@plumbline/merkle';
import type { FactoryProvider } from '@nestjs/common';
import { z } from 'zod';

/** Injection token of the {@link TreeConfig}. */
export const TREE_CONFIG = Symbol('TREE_CONFIG');

/** Settings of the tree of the log: who signs it, who witnesses it, where it is anchored. */
export const treeSchema = z.object({
  PLUMBLINE_LOG_ORIGIN: z
    .string()
    .refine(isOrigin, 'must be a host and a path without a scheme, for example log.example.com/prod')
    .optional()
    .describe(
      'Name of the log in its checkpoints and URLs, for example log.example.com/prod. It never changes. `plumbline.local/<hash of the first signing key>` when absent.',
    ),
  PLUMBLINE_LOG_SIGNING_KEY_FILE: z
    .string()
    .optional()
    .describe(
      'PEM file (PKCS#8, Ed25519) of the key that signs checkpoints, on the audit service only. Without it the log is not signed.',
    ),
  PLUMBLINE_LOG_FORMER_KEYS: z
    .string()
    .optional()
    .describe('Verifier keys (name+id+key, separated by commas) that signed the log before the key of today.'),
  PLUMBLINE_AUDIT_WITNESSES: z
    .string()
    .optional()
    .describe('Witnesses that cosign checkpoints: verifier key, space, URL; several separated by commas.'),
  PLUMBLINE_AUDIT_WITNESS_SECONDS: z.coerce
    .number()
    .min(0.1)
    .max(3600)
    .default(5)
    .describe('How often a witness is asked while the log grows.'),
  PLUMBLINE_AUDIT_WITNESS_ALARM_SECONDS: z.coerce
    .number()
    .min(1)
    .default(300)
    .describe('Alarm when a checkpoint has waited so long for the cosignature of a witness.'),
  PLUMBLINE_AUDIT_ANCHOR_URL: z
    .string()
    .optional()
    .describe(
      'Git repository that checkpoints are committed to; best one that the operators of this installation cannot rewrite.',
    ),
  PLUMBLINE_AUDIT_ANCHOR_BRANCH: z.string().default('checkpoints').describe('Branch of the anchor repository.'),
  PLUMBLINE_AUDIT_ANCHOR_MINUTES: z.coerce
    .number()
    .min(0.01)
    .max(10_080)
    .default(10)
    .describe('How often a checkpoint is anchored while the log grows.'),
  PLUMBLINE_AUDIT_ANCHOR_USERNAME: z.string().optional().describe('User at the anchor repository (http).'),
  PLUMBLINE_AUDIT_ANCHOR_PASSWORD_FILE: z
    .string()
    .optional()
    .describe('File with the password or token at the anchor repository.'),
  PLUMBLINE_AUDIT_ANCHOR_SSH_KEY_FILE: z.string().optional().describe('Private key for an anchor repository over SSH.'),
  PLUMBLINE_GIT_KNOWN_HOSTS_FILE: z
    .string()
    .optional()
    .describe(
      'Keys of SSH servers; `known_hosts` beside the mirrors when absent, where a new server is remembered at first sight.',
    ),
  PLUMBLINE_DATA_DIR: dataDirSetting,
});

/** A witness and where it is. */
export interface WitnessConfig {
  readonly key: VerifierKey;
  readonly url: string;
}

/** Where checkpoints are anchored. */
export interface AnchorConfig {
  readonly writer: GitBranchWriterOptions;
  readonly everyMs: number;
}

/** Compiled {@link treeSchema}. */
export interface TreeConfig {
  readonly origin: string;
  readonly signer: NoteSigner | undefined;
  readonly formerKeys: readonly VerifierKey[];
  readonly witnesses: readonly WitnessConfig[];
  readonly witnessEveryMs: number;
  readonly witnessAlarmMs: number;
  readonly anchor: AnchorConfig | undefined;
}

const UNSIGNED_ORIGIN = 'plumbline.local/unsigned';

function listOf(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function witnessOf(text: string): WitnessConfig {
  const [key = '', url = '', ...rest] = text.split(/\s+/);
  const parsed = parseVerifierKey(key);
  if (rest.length > 0 || !/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new InputError(
      'PLB-1160',
      'PLUMBLINE_AUDIT_WITNESSES: each witness is its verifier key, a space, and its http or https URL',
    );
  if (parsed.use !== 'cosignature')
    throw new InputError('PLB-1160', `PLUMBLINE_AUDIT_WITNESSES: the key of ${parsed.name} is not for cosignatures`);
  return { key: parsed, url: url.replace(/\/+$/, '') };
}

/** The key of a file under a name; without a name, one that follows from the key. */
function signerOf(file: string | undefined, origin: string | undefined): NoteSigner | undefined {
  const pem = secretFrom('PLUMBLINE_LOG_SIGNING_KEY_FILE', { file });
  if (pem === undefined) return undefined;
  return logSigner(pem, origin);
}

function anchorOf(env: z.output<typeof treeSchema>, source: ConfigSource): AnchorConfig | undefined {
  const url = env.PLUMBLINE_AUDIT_ANCHOR_URL;
  if (url === undefined) return undefined;
  const references = {
    ...(env.PLUMBLINE_AUDIT_ANCHOR_USERNAME === undefined ? {} : { usernameEnv: 'PLUMBLINE_AUDIT_ANCHOR_USERNAME' }),
    ...(env.PLUMBLINE_AUDIT_ANCHOR_PASSWORD_FILE === undefined
      ? {}
      : { passwordFile: env.PLUMBLINE_AUDIT_ANCHOR_PASSWORD_FILE }),
    ...(env.PLUMBLINE_AUDIT_ANCHOR_SSH_KEY_FILE === undefined
      ? {}
      : { sshKeyFile: env.PLUMBLINE_AUDIT_ANCHOR_SSH_KEY_FILE }),
  };
  const writer = {
    root: path.resolve(env.PLUMBLINE_DATA_DIR, 'anchor'),
    url,
    branch: env.PLUMBLINE_AUDIT_ANCHOR_BRANCH,
    gitProcess: { variables: gitVariables(source), timeoutMs: 60_000 },
    credentials: async () => readCredentials(references, { variables: source }),
    ...(env.PLUMBLINE_GIT_KNOWN_HOSTS_FILE === undefined ? {} : { knownHostsFile: env.PLUMBLINE_GIT_KNOWN_HOSTS_FILE }),
  };
  return { writer, everyMs: env.PLUMBLINE_AUDIT_ANCHOR_MINUTES * 60_000 };
}

/** Compiles checked settings. @throws InputError PLB-1160, PLB-1163, PLB-1902 */
export function treeConfig(source: ConfigSource): TreeConfig {
  const env = loadConfig(treeSchema, source);
  const signer = signerOf(env.PLUMBLINE_LOG_SIGNING_KEY_FILE, env.PLUMBLINE_LOG_ORIGIN);
  return {
    origin: signer?.key.name ?? env.PLUMBLINE_LOG_ORIGIN ?? UNSIGNED_ORIGIN,
    signer,
    formerKeys: listOf(env.PLUMBLINE_LOG_FORMER_KEYS).map((text) => parseVerifierKey(text)),
    witnesses: listOf(env.PLUMBLINE_AUDIT_WITNESSES).map(witnessOf),
    witnessEveryMs: env.PLUMBLINE_AUDIT_WITNESS_SECONDS * 1_000,
    witnessAlarmMs: env.PLUMBLINE_AUDIT_WITNESS_ALARM_SECONDS * 1_000,
    anchor: anchorOf(env, source),
  };
}

/** Provides {@link TREE_CONFIG}. */
export const treeConfigProvider: FactoryProvider<TreeConfig> = {
  provide: TREE_CONFIG,
  inject: [CONFIG_SOURCE],
  useFactory: treeConfig,
};
