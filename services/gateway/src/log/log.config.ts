// SPDX-License-Identifier: Apache-2.0
import { configProvider } from '@plumbline/platform';
import { z } from 'zod';

/** Injection token of the {@link LogFilesConfig}. */
export const LOG_FILES_CONFIG = Symbol('LOG_FILES_CONFIG');

/** What of the log is served without a token. */
export const PublicPart = ['nothing', 'hashes', 'everything'] as const;
/** One of {@link PublicPart}. */
export type PublicPart = (typeof PublicPart)[number];

/** Settings of the files of the log. */
export const logFilesSettings = z.object({
  PLUMBLINE_GATEWAY_LOG_PUBLIC: z
    .enum(PublicPart)
    .default('hashes')
    .describe(
      'What of the files of the log (/log/…) needs no token: nothing, hashes (checkpoints and tiles), or everything, with the events themselves.',
    ),
});

/** Settings of the files of the log, parsed. */
export interface LogFilesConfig {
  readonly publicPart: PublicPart;
}

/** Provider of {@link LOG_FILES_CONFIG}. */
export const logFilesConfigProvider = configProvider(LOG_FILES_CONFIG, logFilesSettings, (env): LogFilesConfig => ({
  publicPart: env.PLUMBLINE_GATEWAY_LOG_PUBLIC,
}));
