// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { FactoryProvider } from '@nestjs/common';
import { type CredentialPlaces, type GitProcessOptions, gitVariables } from '@plumbline/git';
import { CONFIG_SOURCE, type ConfigSource, dataDirSetting, loadConfig } from '@plumbline/platform';
import { z } from 'zod';

/** Injection token of the {@link WatcherConfig}. */
export const WATCHER_CONFIG = Symbol('WATCHER_CONFIG');

/** Settings of the watcher. */
export const watcherSchema = z.object({
  PLUMBLINE_DATA_DIR: dataDirSetting,
  PLUMBLINE_GIT_MIRROR_DIR: z
    .string()
    .optional()
    .describe(
      'Directory of the Git mirrors; `mirrors` in the data directory when absent. Watcher and renderer may share it on one machine.',
    ),
  PLUMBLINE_GIT_CREDENTIALS_DIR: z
    .string()
    .optional()
    .describe('When given, credentials files of repositories must lie below it.'),
  PLUMBLINE_GIT_KNOWN_HOSTS_FILE: z
    .string()
    .optional()
    .describe(
      'Keys of SSH servers; `known_hosts` beside the mirrors when absent, where a new server is remembered at first sight.',
    ),
  PLUMBLINE_GIT_TIMEOUT_SECONDS: z.coerce
    .number()
    .min(1)
    .max(3600)
    .default(120)
    .describe('How long one fetch may take.'),
  PLUMBLINE_WATCHER_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .default(16)
    .describe('Fetches at once; repositories that failed last time share a quarter of it on top.'),
});

/** Configuration of the watcher. */
export interface WatcherConfig {
  readonly mirrorRoot: string;
  readonly gitProcess: GitProcessOptions;
  readonly credentials: CredentialPlaces;
  readonly knownHostsFile: string | undefined;
  readonly concurrency: number;
}

/** Compiles the configuration; credentials that repositories refer to by variable are looked up in the same source. */
export function watcherConfig(source: ConfigSource): WatcherConfig {
  const env = loadConfig(watcherSchema, source);
  const directory = env.PLUMBLINE_GIT_CREDENTIALS_DIR;
  return {
    mirrorRoot: path.resolve(env.PLUMBLINE_GIT_MIRROR_DIR ?? path.join(env.PLUMBLINE_DATA_DIR, 'mirrors')),
    gitProcess: { variables: gitVariables(source), timeoutMs: env.PLUMBLINE_GIT_TIMEOUT_SECONDS * 1_000 },
    credentials: { variables: source, ...(directory === undefined ? {} : { directory }) },
    knownHostsFile: env.PLUMBLINE_GIT_KNOWN_HOSTS_FILE,
    concurrency: env.PLUMBLINE_WATCHER_CONCURRENCY,
  };
}

/** Provides {@link WATCHER_CONFIG}. */
export const watcherConfigProvider: FactoryProvider<WatcherConfig> = {
  provide: WATCHER_CONFIG,
  inject: [CONFIG_SOURCE],
  useFactory: watcherConfig,
};
