// SPDX-License-Identifier: Apache-2.0
import { availability } from '../servers/requirements.js';
import { startPostgres } from '../servers/postgres.js';
import { publishSharedPostgres, testkitConfig } from '../testkit.config.js';

/** Vitest global set-up: one PostgreSQL for all test files of a run, found by `sharedDatabase()`. */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  // A running server given by the caller, or by another project of the same run.
  if (testkitConfig().sharedPostgresUrl !== undefined) return undefined;
  if (!availability('postgres:embedded18').available) return undefined;
  const server = await startPostgres();
  publishSharedPostgres(server.url);
  return async () => {
    publishSharedPostgres(undefined);
    await server[Symbol.asyncDispose]();
  };
}
