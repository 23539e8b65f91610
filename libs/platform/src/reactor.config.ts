// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { z } from 'zod';
import { loadConfig } from './load-config.js';
import type { ConfigSource } from './tokens.js';

/** Settings of the engines of services. */
export const reactorSchema = z.object({
  PLUMBLINE_DATA_DIR: z
    .string()
    .default('/var/lib/plumbline')
    .describe('Directory for data that can be rebuilt: mirrors, caches and snapshots.'),
});

/** Returns the directory of the snapshots of services. */
export function snapshotDirectory(source: ConfigSource): string {
  return path.resolve(loadConfig(reactorSchema, source).PLUMBLINE_DATA_DIR, 'snapshots');
}
