// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { Clock } from '@plumbline/core';
import { type DatabaseTemplate, type PostgresFlavour, sharedDatabase, type TestDatabase } from '@plumbline/testkit';
import { ledgerScripts, migrateLedger } from '../ledger/migrate.js';
import { PostgresEventLog, type PostgresEventLogOptions } from '../ledger/postgres-event-log.js';

/** A database with the schema of the log, copied from a template in milliseconds. */
export const ledgerTemplate: DatabaseTemplate = {
  key: `ledger-${createHash('sha256').update(ledgerScripts.join('\n')).digest('hex').slice(0, 16)}`,
  prepare: migrateLedger,
};

/** A real log on a fresh database; disposal closes it and drops the database. */
export interface TestLog extends AsyncDisposable {
  readonly log: PostgresEventLog;
  readonly database: TestDatabase;
}

/** How a test log differs from the default: embedded PostgreSQL 18 and the machine's clock. */
export interface TestLogOptions extends Omit<PostgresEventLogOptions, 'url' | 'migrate'> {
  readonly flavour?: PostgresFlavour;
  /** At most 5 s ahead of the machine's clock, or the database refuses it. */
  readonly clock?: Clock;
}

/** `await using test = await createTestLog();` gives a real, empty log that leads. */
export async function createTestLog(options: TestLogOptions = {}): Promise<TestLog> {
  const { flavour = 'embedded18', ...rest } = options;
  const database = await sharedDatabase({ flavour, template: ledgerTemplate });
  const log = await PostgresEventLog.open({ url: database.url, migrate: false, ...rest });
  await log.whenLeading();
  return {
    log,
    database,
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await database[Symbol.asyncDispose]();
    },
  };
}
