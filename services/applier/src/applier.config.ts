// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import { InputError, messageOf } from '@plumbline/core';
import { parseReleaseVerifyKey, parseSealKey, type SealKey } from '@plumbline/manifest';
import { configProvider } from '@plumbline/platform';
import { z } from 'zod';
import type { SyncLimits } from './sync/tools.js';

/** Injection token of the {@link ApplierConfig}. */
export const APPLIER_CONFIG = Symbol('APPLIER_CONFIG');

/** The applier's configuration. */
export interface ApplierConfig {
  /** Name of this control plane on objects; control planes that share a cluster need different names. */
  readonly installation: string;
  readonly sealKey: SealKey;
  readonly releaseKeys: readonly KeyObject[];
  readonly probeMs: number;
  /** Concurrent requests to one cluster. */
  readonly requestsPerCluster: number;
  readonly syncsPerCluster: number;
  readonly limits: SyncLimits;
}

/** Names in the environment. */
export const applierEnvironment = z.object({
  PLUMBLINE_INSTALLATION: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/, 'must be a name: lower case letters, digits, "-", "."')
    .default('default')
    .describe(
      'Name of this control plane, written on every object; two control planes that share a cluster must differ.',
    ),
  PLUMBLINE_SECRETS_KEY_FILE: z
    .string()
    .describe("File with the 32-byte key that values of Secrets are sealed with; the same as the renderer's."),
  PLUMBLINE_APPLIER_RELEASE_PUBLIC_KEY_FILE: z
    .string()
    .describe('PEM file (SPKI, Ed25519) with the key that releases must be signed by.'),
  PLUMBLINE_APPLIER_PROBE_MS: z.coerce
    .number()
    .int()
    .min(200)
    .default(15_000)
    .describe('Interval of identity checks of a connected cluster, in milliseconds.'),
  PLUMBLINE_APPLIER_REQUESTS_PER_CLUSTER: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .default(16)
    .describe('Initial limit of concurrent writes to one cluster; adapts to the capacity of the API server.'),
  PLUMBLINE_APPLIER_SYNCS_PER_CLUSTER: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .default(64)
    .describe('Limit of targets of one cluster that are synced concurrently.'),
  PLUMBLINE_APPLIER_GATE_MS: z.coerce
    .number()
    .int()
    .min(100)
    .default(60_000)
    .describe('How long a CustomResourceDefinition may take to be established, in milliseconds.'),
});

function compile(env: z.output<typeof applierEnvironment>): ApplierConfig {
  return {
    installation: env.PLUMBLINE_INSTALLATION,
    sealKey: parseSealKey(read('PLUMBLINE_SECRETS_KEY_FILE', env.PLUMBLINE_SECRETS_KEY_FILE)),
    releaseKeys: [
      parseReleaseVerifyKey(
        read('PLUMBLINE_APPLIER_RELEASE_PUBLIC_KEY_FILE', env.PLUMBLINE_APPLIER_RELEASE_PUBLIC_KEY_FILE).toString(
          'utf8',
        ),
      ),
    ],
    probeMs: env.PLUMBLINE_APPLIER_PROBE_MS,
    requestsPerCluster: env.PLUMBLINE_APPLIER_REQUESTS_PER_CLUSTER,
    syncsPerCluster: env.PLUMBLINE_APPLIER_SYNCS_PER_CLUSTER,
    limits: { perTarget: 8, gateMs: env.PLUMBLINE_APPLIER_GATE_MS, pruneWaitMs: 3_000, watchMs: 5_000 },
  };
}

function read(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new InputError(
      'PLB-1601',
      `${name}: the file ${file} cannot be read; check the path and its permissions: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Provides the {@link ApplierConfig} from the configuration source. */
export const applierConfigProvider = configProvider(APPLIER_CONFIG, applierEnvironment, compile);
