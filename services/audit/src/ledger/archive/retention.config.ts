// SPDX-License-Identifier: Apache-2.0
import { configProvider } from '@plumbline/platform';
import { z } from 'zod';

/** Injection token of the {@link RetentionConfig}. */
export const RETENTION_CONFIG = Symbol('RETENTION_CONFIG');

/** Settings of how long events stay in the database. */
export const retentionSchema = z.object({
  PLUMBLINE_LOG_ARCHIVE_DIR: z
    .string()
    .optional()
    .describe(
      'Directory for events that are taken out of the database, shared by all replicas; nothing is archived when absent.',
    ),
  PLUMBLINE_LOG_ARCHIVE_AFTER_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .default(90)
    .describe(
      'Partitions whose newest event is older are copied to files, verified, and taken out of the table. Readers get their events from the files.',
    ),
  PLUMBLINE_LOG_DROP_AFTER_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      'Partitions that were taken out so long ago are removed from the database, unless a legal hold reaches into them; never when absent.',
    ),
});

/** Compiled {@link retentionSchema}. */
export interface RetentionConfig {
  readonly directory: string | undefined;
  readonly archiveAfterDays: number;
  readonly dropAfterDays: number | undefined;
  readonly everyMs: number;
}

/** Compiles checked settings. */
export function compileRetentionConfig(env: z.output<typeof retentionSchema>): RetentionConfig {
  return {
    directory: env.PLUMBLINE_LOG_ARCHIVE_DIR,
    archiveAfterDays: env.PLUMBLINE_LOG_ARCHIVE_AFTER_DAYS,
    dropAfterDays: env.PLUMBLINE_LOG_DROP_AFTER_DAYS,
    everyMs: 3_600_000,
  };
}

/** The provider of the {@link RetentionConfig}. */
export const retentionConfigProvider = configProvider(RETENTION_CONFIG, retentionSchema, compileRetentionConfig);
